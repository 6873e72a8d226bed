// Any text as the JSON body of a request: it says what a reader of the whole document says.
#include "adapters/codec/json_text.hpp"
#include "adapters/http/json_body.hpp"
#include "fuzz.hpp"

namespace {

using classifier::fuzz::demand;
using classifier::http::JsonBody;
using nlohmann::json;

void compare(JsonBody& body, const std::string& name, const json& value) {
  // Names of fields are the program's own, and stand in sentences as they are.
  if (classifier::has_control_character(name)) return;
  const auto text = body.text(name, "(fallback)");
  const auto whole = body.whole_number(name, -1'000, 1'000, 7);
  const auto number = body.number(name, -1e300, 1e300, 7);
  const auto texts = body.texts(name);
  if (value.is_null()) {
    demand(text == "(fallback)" && whole == 7 && number == 7 && texts && texts->empty(),
           "null is as absent");
    return;
  }
  demand(text.has_value() == value.is_string(), "strings are strings");
  if (text) {
    demand(*text == value.get<std::string>(), "strings have their value");
  } else {
    classifier::fuzz::demand_sentence(text.error());
  }
  const bool strings = value.is_array() && std::ranges::all_of(value, &json::is_string);
  demand(texts.has_value() == strings, "lists of strings are lists of strings");
  if (texts) {
    demand(json(*texts) == value, "lists have their strings");
  } else {
    classifier::fuzz::demand_sentence(texts.error());
  }
  demand(!number || (value.is_number() && *number == value.get<double>()),
         "numbers have their value");
  demand(!whole || (value.is_number() && static_cast<double>(*whole) == value.get<double>()),
         "whole numbers have their value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = classifier::fuzz::text_of(data, size);
  const auto document = classifier::parse_json(text);
  auto body = JsonBody::parse(text, {.max_items = size + 1, .max_fields = size + 1});
  demand(body.has_value() == (document && document->is_object()),
         "exactly the objects that nest within the limit are taken");
  if (!body) {
    classifier::fuzz::demand_sentence(body.error());
    return 0;
  }
  for (const auto& [name, value] : document->items()) compare(*body, name, value);
  std::string absent = "(no such field)";
  while (document->contains(absent)) absent += '!';  // the fuzzer has read its name
  demand(!body->required_text(absent, "x"), "absent fields are missing");
  return 0;
}
