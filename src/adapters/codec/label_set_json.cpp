#include "adapters/codec/label_set_json.hpp"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "adapters/codec/json_text.hpp"

namespace classifier {

Result<std::string> text_of_labels(const LabelSet& set) {
  std::string text = utf8_json(nlohmann::json(set.labels));
  if (text.size() <= kMaxSetBytes) return text;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("labels have {} bytes together; at most {} are kept in one set: divide "
                          "it, or shorten them",
                          text.size(), kMaxSetBytes));
}

std::vector<std::string> labels_of_text(std::string_view text) {
  std::vector<std::string> labels;
  const auto list = parse_json(text);
  if (!list || !list->is_array()) return labels;
  for (const auto& label : *list) labels.push_back(text_or_empty(label));
  return labels;
}

bool is_expected(std::string_view version, const ExpectedSet& expected) {
  switch (expected.state) {
    case ExpectedSet::State::kAny:
      return true;
    case ExpectedSet::State::kNone:
      return version.empty();
    case ExpectedSet::State::kVersion:
      break;
  }
  return !version.empty() && version == expected.version;
}

Error no_such_set(std::string_view name) {
  return {ErrorCode::kNotFound, fmt::format("there is no label set \"{}\"", name)};
}

Error too_many_sets(const LabelSetLimits& limits) {
  return {ErrorCode::kConflict,
          fmt::format("at most {} label sets are kept, with {} bytes of labels together: delete "
                      "some that are not needed",
                      limits.max_sets, limits.max_bytes)};
}

}  // namespace classifier
