// The fields of a JSON object that came as a body, read without building the whole document: the
// memory is that of the fields' own values, whatever else the body holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/http/request.hpp"
#include "domain/error.hpp"

namespace classifier::http {

struct JsonLimits {
  std::size_t max_items = 1'000'000;    // strings in one list
  std::size_t max_strings = 2'000'000;  // in all lists: unknown fields are read as well
  std::size_t max_fields = 256;
  std::size_t max_depth = 64;
};

// Every getter takes an absent field and `null` alike, and its errors are kInvalidArgument with a
// sentence such as "top_k must be a whole number from 1 to 10, not 11".
class JsonBody {
 public:
  // kUnsupported for another Content-Type; kInvalidArgument for text that is not JSON, with the
  // place, has too many fields, or is no object; kTooLarge over another limit.
  static Result<JsonBody> read(const Request& request, const JsonLimits& limits = {});
  static Result<JsonBody> parse(std::string_view text, const JsonLimits& limits = {});

  Result<std::string> text(std::string_view name, std::string_view fallback) const;
  // `example` completes "filename is missing: send …".
  Result<std::string> required_text(std::string_view name, std::string_view example) const;
  Result<long long> whole_number(std::string_view name, long long min, long long max,
                                 long long fallback) const;
  Result<double> number(std::string_view name, double min, double max, double fallback) const;
  // Moves the strings out; empty when absent.
  Result<std::vector<std::string>> texts(std::string_view name);

 private:
  friend class FieldReader;
  struct Mixed {  // a list that holds something else than strings
    std::size_t index = 0;
    std::string kind;
  };
  struct Object {};
  using Texts = std::vector<std::string>;
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Texts, Mixed, Object>;
  const Value* find(std::string_view name) const;
  static std::string describe(const Value& value);

  std::vector<std::pair<std::string, Value>> fields_;
};

}  // namespace classifier::http
