#include "services/label_set_service.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "domain/text.hpp"
#include "services/job_service.hpp"
#include "support/collation.hpp"

namespace classifier {
namespace {

auto bad_name(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

Result<std::string> check_name(std::string_view text) {
  std::string name = trim(text);
  if (!is_utf8(name) || has_control_character(name))
    return bad_name("the name of a label set has a control character or is not UTF-8");
  const auto characters = std::ranges::count_if(
      name, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; });
  if (characters < 1 || std::cmp_greater(characters, LabelSetService::kMaxNameCharacters)) {
    return bad_name(fmt::format("the name of a label set must have 1 to {} characters, not {}",
                                LabelSetService::kMaxNameCharacters, characters));
  }
  // Clients take such parts out of URLs.
  if (has_dot_part(name)) return bad_name("the name of a label set must not have the part . or ..");
  return name;
}

}  // namespace

Result<std::vector<LabelSet>> LabelSetService::list() {
  auto sets = sets_.list();
  if (!sets) return sets;
  std::ranges::stable_sort(*sets, {}, [](const LabelSet& set) { return collation_key(set.name); });
  return sets;
}

Result<LabelSet> LabelSetService::get(std::string_view name) { return sets_.get(trim(name)); }

Result<std::optional<LabelSets::Stored>> LabelSetService::put(std::string_view name,
                                                              std::vector<std::string> labels,
                                                              const ExpectedSet& expected) {
  auto good = check_name(name);
  if (!good) return std::unexpected(good.error());
  if (auto valid = check_labels(labels, JobLimits{}, "labels"); !valid)
    return std::unexpected(valid.error());
  const LabelSet set{.name = std::move(*good),
                     .labels = std::move(labels),
                     .updated_at = clock_.now(),
                     .version = {}};
  auto stored = sets_.put(set, expected);
  if (!stored || *stored || expected.state != ExpectedSet::State::kVersion) return stored;
  auto present = sets_.get(set.name);
  if (!present || present->labels != set.labels) return std::nullopt;
  return LabelSets::Stored{.set = std::move(*present), .is_new = false};
}

Result<bool> LabelSetService::remove(std::string_view name, const ExpectedSet& expected) {
  return sets_.remove(trim(name), expected);
}

}  // namespace classifier
