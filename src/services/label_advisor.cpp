#include "services/label_advisor.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "domain/text.hpp"
#include "support/collation.hpp"

namespace classifier {
namespace {

constexpr std::size_t kMostWarnings = 20;  // of thousands, nobody reads more

// The labels of each key, in the order in which the keys first appear.
std::vector<std::vector<std::string>> by_sameness(const std::vector<std::string>& labels) {
  std::map<std::string, std::size_t> number_of_key;
  std::vector<std::vector<std::string>> groups;
  for (const auto& label : labels) {
    const auto [found, is_new] = number_of_key.emplace(sameness_key(label), groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(label);
  }
  return groups;
}

}  // namespace

std::vector<std::string> text_warnings(const std::vector<std::string>& labels) {
  std::vector<std::string> warnings;
  if (labels.size() == 1) {
    warnings.push_back(
        fmt::format("\"{}\" is the only label, so each image gets it with a score of 1: add labels "
                    "for what else the images show",
                    labels.front()));
  }
  for (const auto& group : by_sameness(labels)) {
    if (sameness_key(group.front()).empty()) {
      warnings.push_back(
          fmt::format("{} of the labels {} no visible character: name what is meant, or remove it",
                      group.size(), group.size() == 1 ? "has" : "have"));
    } else if (group.size() > 1) {
      warnings.push_back(
          fmt::format("{} differ only in case, spaces, forms of characters or invisible "
                      "characters: keep one of them, or their images are divided between them",
                      quoted_list(group)));
    }
  }
  if (warnings.size() > kMostWarnings) {
    const std::size_t more = warnings.size() - kMostWarnings;
    warnings.resize(kMostWarnings);
    warnings.push_back(fmt::format("{} more groups of labels differ in no more than that", more));
  }
  return warnings;
}

std::vector<std::string> distinct_labels(const std::vector<std::string>& labels) {
  std::vector<std::string> distinct;
  for (auto& group : by_sameness(labels)) distinct.push_back(std::move(group.front()));
  return distinct;
}

LabelAdvisor::LabelAdvisor(Classifier* classifier) : classifier_(classifier) {
  if (classifier_ != nullptr)
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

LabelAdvisor::~LabelAdvisor() = default;

Advice LabelAdvisor::advice(const JobSpec& spec, std::chrono::milliseconds patience) {
  if (spec.type != JobType::kCustomClassification) return {};
  Advice advice{.warnings = text_warnings(spec.custom_labels), .complete = true};
  if (classifier_ == nullptr || spec.custom_labels.size() > kMostLabels) return advice;
  JobSpec distinct = spec;
  distinct.custom_labels = distinct_labels(spec.custom_labels);
  auto answer = ask(std::make_shared<const JobSpec>(std::move(distinct)));
  advice.complete = answer.valid() && answer.wait_for(patience) == std::future_status::ready;
  if (advice.complete) std::ranges::move(answer.get(), std::back_inserter(advice.warnings));
  return advice;
}

std::future<LabelAdvisor::Warnings> LabelAdvisor::ask(std::shared_ptr<const JobSpec> spec) {
  const std::scoped_lock lock(mutex_);
  if (questions_.size() >= kMostWaiting) return {};
  auto& question = questions_.emplace_back(Question{std::move(spec), {}});
  asked_.notify_one();
  return question.answer.get_future();
}

void LabelAdvisor::run(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!asked_.wait(lock, stop, [this] { return !questions_.empty(); })) return;
    Question question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    // A model that cannot say anything says so again, in an error, once images are classified.
    question.answer.set_value(
        classifier_->label_warnings(question.spec, stop).value_or(Warnings()));
  }
}

}  // namespace classifier
