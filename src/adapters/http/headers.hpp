// The header fields of a request or an answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace classifier::http {

// ASCII only, as the names of fields are.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Keeps the order of the fields. Not thread-safe.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  // Replaces all fields of this name.
  void set(std::string_view name, std::string_view value);
  // The value of the first field of this name; nullopt if there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  // Like find, but empty if there is none.
  std::string_view get(std::string_view name) const { return find(name).value_or(""); }
  bool has(std::string_view name) const { return find(name).has_value(); }

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// A Content-Type without its parameters, in lower case: "image/png" for "Image/PNG; q=1".
std::string media_type(std::string_view content_type);

}  // namespace classifier::http
