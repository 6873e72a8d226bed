// The labels of a set as JSON: the form that stores keep.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ports/label_sets.hpp"

namespace classifier {

// kInvalidArgument where they take more than kMaxSetBytes.
Result<std::string> text_of_labels(const LabelSet& set);
// Empty where the text is not a list of strings.
std::vector<std::string> labels_of_text(std::string_view text);

// Whether a set of this version, or none (empty), is what was expected.
bool is_expected(std::string_view version, const ExpectedSet& expected);

Error no_such_set(std::string_view name);
Error too_many_sets(const LabelSetLimits& limits);

}  // namespace classifier
