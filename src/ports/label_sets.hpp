// The port to the named label sets that users keep.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier {

struct LabelSet {
  std::string name;
  std::vector<std::string> labels;  // in the user's order
  TimePoint updated_at;
  std::string version;  // opaque, of letters and digits; never the same for two states
};

// What must be there for a change to be made.
struct ExpectedSet {
  enum class State { kAny, kNone, kVersion };
  State state = State::kAny;
  std::string version = {};  // with kVersion; NOLINT(readability-redundant-member-init)
};

struct LabelSetLimits {
  std::size_t max_sets = 1'000;
  std::size_t max_bytes = 8U << 20U;  // of the labels of all sets, as JSON
};

// The most that one set may have, since an item of DynamoDB has 400 kB.
constexpr std::size_t kMaxSetBytes = 300'000;  // of the labels as JSON

// Thread-safe; several processes may use the same sets. A change is durable once it returned.
class LabelSets {
 public:
  virtual ~LabelSets() = default;

  // All of them, by name in byte order.
  virtual Result<std::vector<LabelSet>> list() = 0;

  // kNotFound where there is none.
  virtual Result<LabelSet> get(std::string_view name) = 0;

  // Adds the set or replaces the one of its name. Its version is given by the store. nullopt where
  // what is there is not what was expected; then nothing is changed. kConflict where it would be
  // one too many, or the labels of all sets too large.
  struct Stored {
    LabelSet set;
    bool is_new = false;
  };
  virtual Result<std::optional<Stored>> put(const LabelSet& set, const ExpectedSet& expected) = 0;

  // False where what is there is not what was expected; kNotFound where there is none.
  virtual Result<bool> remove(std::string_view name, const ExpectedSet& expected) = 0;
};

}  // namespace classifier
