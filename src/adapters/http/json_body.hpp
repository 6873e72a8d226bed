// The fields of a JSON object in a request's body. The document is not built as a whole: memory is
// needed for its top-level values and lists of strings only.
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
  std::size_t max_strings = 2'000'000;  // in all lists, also those of unknown fields
  std::size_t max_fields = 256;
  std::size_t max_depth = 64;
};

// Fields of an object that is a field itself have names such as "images.folder"; 256 of them are
// kept, and none of what is deeper. For every getter, a field that is `null` is absent. Its errors
// are kInvalidArgument with a message such as "top_k must be a whole number from 1 to 10, not 11".
class JsonBody {
 public:
  // kUnsupported for another Content-Type. kInvalidArgument for text that is not JSON, with line
  // and column, that has too many fields, or that is no object. kTooLarge over another limit.
  static Result<JsonBody> read(const Request& request, const JsonLimits& limits = {});
  static Result<JsonBody> parse(std::string_view text, const JsonLimits& limits = {});

  Result<std::string> text(std::string_view name, std::string_view fallback) const;
  // Whether the body has the field, even if it is null.
  bool has(std::string_view name) const;
  // `example` completes "filename is missing: send …".
  Result<std::string> required_text(std::string_view name, std::string_view example) const;
  Result<long long> whole_number(std::string_view name, long long min, long long max,
                                 long long fallback) const;
  Result<bool> boolean(std::string_view name, bool fallback) const;
  // The names of the fields of the object `name`, without it; nullopt where there is no such field.
  Result<std::optional<std::vector<std::string>>> fields_of(std::string_view name) const;
  Result<double> number(std::string_view name, double min, double max, double fallback) const;
  // Moves the strings out; empty when absent.
  Result<std::vector<std::string>> texts(std::string_view name);

 private:
  friend class FieldReader;
  struct Mixed {  // a list with a value that is no string
    std::size_t index = 0;
    std::string kind;
  };
  struct Object {
    bool whole = true;  // all its fields are kept
  };
  using Texts = std::vector<std::string>;
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Texts, Mixed, Object>;
  const Value* find(std::string_view name) const;
  static std::string describe(const Value& value);

  std::vector<std::pair<std::string, Value>> fields_;
};

}  // namespace classifier::http
