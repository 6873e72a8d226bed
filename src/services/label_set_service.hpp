// Named label sets: what names and labels are admitted, and changes by several people at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ports/clock.hpp"
#include "ports/label_sets.hpp"

namespace classifier {

// Thread-safe.
class LabelSetService {
 public:
  static constexpr std::size_t kMaxNameCharacters = 80;

  // Both must outlive this object.
  LabelSetService(LabelSets& sets, const Clock& clock) : sets_(sets), clock_(clock) {}

  // Without regard to case and accents, numbers by value.
  Result<std::vector<LabelSet>> list();
  Result<LabelSet> get(std::string_view name);

  // White space around the name and the labels is removed. kInvalidArgument for a name or labels
  // that POST /submit would not take; nullopt where somebody else has changed, removed or made the
  // set. A change that was made already, such as by a request whose answer was lost, is none.
  Result<std::optional<LabelSets::Stored>> put(std::string_view name,
                                               std::vector<std::string> labels,
                                               const ExpectedSet& expected);
  Result<bool> remove(std::string_view name, const ExpectedSet& expected);

 private:
  LabelSets& sets_;
  const Clock& clock_;
};

}  // namespace classifier
