#include "adapters/inference/label_sets.hpp"

#include <algorithm>

namespace classifier {

std::shared_ptr<const LabelMatrix> LabelSets::of(const std::shared_ptr<const JobSpec>& spec) const {
  const std::scoped_lock lock(mutex_);
  const auto known =
      std::ranges::find_if(sets_, [&](const auto& set) { return set.first == spec; });
  return known == sets_.end() ? nullptr : known->second;
}

std::shared_ptr<const LabelMatrix> LabelSets::with(const std::vector<std::string>& labels) const {
  const std::scoped_lock lock(mutex_);
  const auto same = std::ranges::find_if(
      sets_, [&](const auto& set) { return set.first->custom_labels == labels; });
  return same == sets_.end() ? nullptr : same->second;
}

void LabelSets::add(std::shared_ptr<const JobSpec> spec,
                    std::shared_ptr<const LabelMatrix> matrix) {
  const std::scoped_lock lock(mutex_);
  std::size_t floats = matrix->size();
  sets_.emplace_front(std::move(spec), std::move(matrix));
  std::size_t kept = 1;
  while (kept < std::min(sets_.size(), max_sets_) &&
         (floats += sets_[kept].second->size()) <= max_floats_) {
    ++kept;
  }
  sets_.resize(kept);
}

}  // namespace classifier
