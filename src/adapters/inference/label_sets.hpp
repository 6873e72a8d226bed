// A cache of the embeddings of recent jobs' labels.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "domain/job.hpp"

namespace classifier {

using LabelMatrix = std::vector<float>;  // [labels, dimensions]; rows have length 1

// Thread-safe. Always keeps the newest set, and older ones within the limits.
class LabelSets {
 public:
  static constexpr std::size_t kMaxSets = 64;
  static constexpr std::size_t kMaxFloats = 16 << 20;  // 64 MiB

  explicit LabelSets(std::size_t max_sets = kMaxSets, std::size_t max_floats = kMaxFloats)
      : max_sets_(max_sets), max_floats_(max_floats) {}

  // The set of this spec, or null. Compares pointers, not labels: all images of a job share one
  // spec object.
  std::shared_ptr<const LabelMatrix> of(const std::shared_ptr<const JobSpec>& spec) const;
  // A set of any job with the same labels in the same order, or null.
  std::shared_ptr<const LabelMatrix> with(const std::vector<std::string>& labels) const;
  void add(std::shared_ptr<const JobSpec> spec, std::shared_ptr<const LabelMatrix> matrix);

 private:
  std::size_t max_sets_;
  std::size_t max_floats_;
  mutable std::mutex mutex_;
  std::deque<std::pair<std::shared_ptr<const JobSpec>, std::shared_ptr<const LabelMatrix>>>
      sets_;  // newest first; guarded by mutex_
};

}  // namespace classifier
