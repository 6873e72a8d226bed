// Warnings about custom labels, which are accepted but whose results would mislead.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "domain/job.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// What the texts alone say: single labels, and labels that differ only in case, spaces, forms of
// characters, or characters that nobody sees. Each is a sentence.
std::vector<std::string> text_warnings(const std::vector<std::string>& labels);

// Those of `labels` that differ in more than that: the first of each kind.
std::vector<std::string> distinct_labels(const std::vector<std::string>& labels);

struct Advice {
  std::vector<std::string> warnings;
  bool complete = true;  // false: the model has not answered yet; it is worth to ask again
};

// Also asks the model, on a thread of its own, because a model may take seconds to load, and labels
// to embed. Thread-safe.
class LabelAdvisor {
 public:
  // With more labels the model is not asked.
  static constexpr std::size_t kMostLabels = 200;

  // `classifier` outlives the advisor; null: no model is asked.
  explicit LabelAdvisor(Classifier* classifier);
  ~LabelAdvisor();
  LabelAdvisor(const LabelAdvisor&) = delete;
  LabelAdvisor& operator=(const LabelAdvisor&) = delete;

  // About the labels of `spec`; without the model's warnings, if it does not answer within
  // `patience`.
  Advice advice(const JobSpec& spec, std::chrono::milliseconds patience);

 private:
  using Warnings = std::vector<std::string>;
  struct Question {
    std::shared_ptr<const JobSpec> spec;
    std::promise<Warnings> answer;
  };
  // Those that wait longer would not be answered in time.
  static constexpr std::size_t kMostWaiting = 4;

  // Not valid if too many wait already.
  std::future<Warnings> ask(std::shared_ptr<const JobSpec> spec);
  void run(const std::stop_token& stop);

  Classifier* const classifier_;
  std::mutex mutex_;
  std::condition_variable_any asked_;
  std::deque<Question> questions_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
