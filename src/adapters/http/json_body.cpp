#include "adapters/http/json_body.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "domain/text.hpp"

namespace classifier::http {

// Receives the parts of a document from nlohmann's SAX parser, which prescribes the names of the
// functions.
class FieldReader {
 public:
  FieldReader(JsonBody& body, std::string_view text, const JsonLimits& limits)
      : body_(body), text_(text), limits_(limits) {}

  bool null() { return value(nullptr, "null"); }
  bool boolean(bool given) { return value(given, "true or false"); }
  bool number_integer(std::int64_t given) { return value(given, "a number"); }
  bool number_unsigned(std::uint64_t given) {
    if (std::in_range<std::int64_t>(given))
      return value(static_cast<std::int64_t>(given), "a number");
    return value(static_cast<double>(given), "a number");
  }
  bool number_float(double given, const std::string&) { return value(given, "a number"); }
  bool string(std::string& given) {
    if (depth_ == 2 && in_list_) return item(std::move(given));
    return value(std::move(given), "a string");
  }
  bool binary(std::vector<std::uint8_t>&) { return true; }  // never in JSON text

  bool start_object(std::size_t) {
    if (depth_ >= 1 && !value(JsonBody::Object(), "an object")) return false;
    if (depth_ == 1) object_ = name_;
    if (depth_ == 0) is_object_ = true;
    return enter();
  }
  bool key(std::string& name) {
    if (depth_ == 2 && !in_list_) {
      name_ = object_ + "." + name;
    } else if (depth_ == 1) {
      name_ = std::move(name);
    }
    return true;
  }
  bool end_object() { return leave(); }

  bool start_array(std::size_t) {
    if (depth_ == 1) {
      if (!value(JsonBody::Texts{}, "a list")) return false;
      in_list_ = true;
      items_ = 0;
    } else if (depth_ > 1 && !value(JsonBody::Texts{}, "a list")) {
      return false;
    }
    return enter();
  }
  bool end_array() {
    if (depth_ == 2) in_list_ = false;
    return leave();
  }

  bool parse_error(std::size_t position, const std::string& last,
                   const nlohmann::json::exception&) {
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      error_ = {ErrorCode::kInvalidArgument, "the body is empty: send a JSON object"};
      return false;
    }
    const std::string_view before = text_.substr(0, position == 0 ? 0 : position - 1);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t line_start = before.rfind('\n');
    const std::size_t column =
        before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1;
    error_ = {ErrorCode::kInvalidArgument,
              fmt::format("the body is not valid JSON at line {}, column {}{}", line, column,
                          last.empty() ? "" : ", near " + excerpt(last))};
    return false;
  }

  std::optional<Error> error() const {
    if (error_) return error_;
    if (!is_object_) {
      return Error{ErrorCode::kInvalidArgument,
                   "the body must be a JSON object, such as {\"name\": \"value\"}"};
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kMostInner = 256;  // fields of objects that are kept

  bool enter() {
    if (++depth_ <= limits_.max_depth) return true;
    error_ = {
        ErrorCode::kInvalidArgument,
        fmt::format("the body nests lists and objects deeper than {} levels", limits_.max_depth)};
    return false;
  }
  bool leave() {
    --depth_;
    return true;
  }

  bool value(JsonBody::Value given, const char* kind) {
    if (depth_ == 2 && !in_list_) {
      if (++inner_ <= kMostInner) {
        keep(std::move(given));
      } else {
        name_ = object_;
        keep(JsonBody::Object{.whole = false});
      }
    } else if (depth_ == 1) {
      if (++names_ > limits_.max_fields) {
        error_ = {ErrorCode::kInvalidArgument,
                  fmt::format("the body has more than {} fields", limits_.max_fields)};
        return false;
      }
      keep(std::move(given));
    } else if (depth_ == 2 && in_list_) {
      mixed(kind);
    }
    return true;
  }

  // If a name comes twice, the last value counts, as in most JSON parsers.
  void keep(JsonBody::Value given) {
    auto field = std::ranges::find(body_.fields_, name_, [](const auto& f) { return f.first; });
    if (field == body_.fields_.end())
      field = body_.fields_.emplace(field, name_, JsonBody::Value());
    field->second = std::move(given);
    current_ = static_cast<std::size_t>(field - body_.fields_.begin());
  }

  // The field whose list is being read.
  JsonBody::Value& current() { return body_.fields_[current_].second; }

  bool item(std::string given) {
    if (++items_ > limits_.max_items) {
      error_ = {ErrorCode::kTooLarge, fmt::format("{} has more than {} entries: split the request",
                                                  excerpt(name_), limits_.max_items)};
      return false;
    }
    if (++strings_ > limits_.max_strings) {
      error_ = {ErrorCode::kTooLarge,
                fmt::format("the lists of the body have more than {} entries: split the request",
                            limits_.max_strings)};
      return false;
    }
    if (auto* list = std::get_if<JsonBody::Texts>(&current())) list->push_back(std::move(given));
    return true;
  }

  void mixed(const char* kind) {
    if (std::holds_alternative<JsonBody::Texts>(current()))
      current() = JsonBody::Mixed{items_, kind};
    ++items_;
  }

  JsonBody& body_;
  std::string_view text_;
  JsonLimits limits_;
  std::string name_;
  std::string object_;  // the field whose fields are being read
  std::size_t depth_ = 0;
  std::size_t names_ = 0;  // of top-level fields, repeated ones counted again
  std::size_t inner_ = 0;  // of fields of objects
  std::size_t current_ = 0;
  std::size_t items_ = 0;
  std::size_t strings_ = 0;
  bool in_list_ = false;
  bool is_object_ = false;
  std::optional<Error> error_;
};

Result<JsonBody> JsonBody::read(const Request& request, const JsonLimits& limits) {
  const std::string type = media_type(request.headers.get("Content-Type"));
  if (type != "application/json") {
    return fail(ErrorCode::kUnsupported, "send the body with Content-Type: application/json" +
                                             (type.empty() ? "" : ", not " + excerpt(type)));
  }
  return parse(request.body, limits);
}

Result<JsonBody> JsonBody::parse(std::string_view text, const JsonLimits& limits) {
  JsonBody body;
  FieldReader reader(body, text, limits);
  nlohmann::json::sax_parse(text, &reader);
  if (auto error = reader.error()) return std::unexpected(std::move(*error));
  return body;
}

const JsonBody::Value* JsonBody::find(std::string_view name) const {
  const auto found = std::ranges::find(fields_, name, [](const auto& f) { return f.first; });
  if (found == fields_.end() || std::holds_alternative<std::nullptr_t>(found->second))
    return nullptr;
  return &found->second;
}

std::string JsonBody::describe(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value)) return short_number(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return "\"" + excerpt(*text) + "\"";
  if (std::holds_alternative<Object>(value)) return "an object";
  return std::holds_alternative<std::nullptr_t>(value) ? "null" : "a list";
}

bool JsonBody::has(std::string_view name) const {
  return std::ranges::any_of(fields_, [&](const auto& field) { return field.first == name; });
}

Result<std::string> JsonBody::text(std::string_view name, std::string_view fallback) const {
  const Value* const value = find(name);
  if (value == nullptr) return std::string(fallback);
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} must be a string, not {}", name, describe(*value)));
}

Result<std::string> JsonBody::required_text(std::string_view name, std::string_view example) const {
  if (find(name) == nullptr) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is missing: send {}", name, example));
  }
  return text(name, {});
}

Result<long long> JsonBody::whole_number(std::string_view name, long long min, long long max,
                                         long long fallback) const {
  const Value* const value = find(name);
  if (value == nullptr) return fallback;
  std::optional<long long> number;
  if (const auto* whole = std::get_if<std::int64_t>(value)) number = *whole;
  // In JSON, 5.0 is a whole number.
  if (const auto* real = std::get_if<double>(value);
      real != nullptr && std::trunc(*real) == *real && std::abs(*real) < 1e15) {
    number = static_cast<long long>(*real);
  }
  if (number && *number >= min && *number <= max) return *number;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} must be a whole number from {} to {}, not {}", name, min, max,
                          describe(*value)));
}

Result<bool> JsonBody::boolean(std::string_view name, bool fallback) const {
  const Value* const value = find(name);
  if (value == nullptr) return fallback;
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} must be true or false, not {}", name, describe(*value)));
}

Result<std::optional<std::vector<std::string>>> JsonBody::fields_of(std::string_view name) const {
  const Value* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto* object = std::get_if<Object>(value);
  if (object == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} must be an object, not {}", name, describe(*value)));
  }
  if (!object->whole) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} has too many fields: leave out what is not needed", name));
  }
  const std::string begin = std::string(name) + ".";
  std::vector<std::string> names;
  for (const auto& [field, unused] : fields_)
    if (field.starts_with(begin)) names.push_back(field.substr(begin.size()));
  return names;
}

Result<double> JsonBody::number(std::string_view name, double min, double max,
                                double fallback) const {
  const Value* const value = find(name);
  if (value == nullptr) return fallback;
  std::optional<double> number;
  if (const auto* whole = std::get_if<std::int64_t>(value)) number = static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(value)) number = *real;
  if (number && *number >= min && *number <= max) return *number;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} must be a number from {} to {}, not {}", name, short_number(min),
                          short_number(max), describe(*value)));
}

Result<std::vector<std::string>> JsonBody::texts(std::string_view name) {
  const Value* const found = find(name);
  if (found == nullptr) return std::vector<std::string>{};
  auto& value = const_cast<Value&>(*found);  // *this is not const
  if (auto* list = std::get_if<Texts>(&value)) return std::move(*list);
  if (const auto* mixed = std::get_if<Mixed>(&value)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}[{}] must be a string, not {}", name, mixed->index, mixed->kind));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} must be a list of strings, not {}", name, describe(value)));
}

}  // namespace classifier::http
