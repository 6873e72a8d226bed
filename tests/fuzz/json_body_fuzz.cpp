// Any text as the JSON body of a request: JsonBody must agree with a parser of the whole document.
#include "adapters/codec/json_text.hpp"
#include "adapters/http/json_body.hpp"
#include "fuzz.hpp"

namespace {

using classifier::fuzz::demand;
using classifier::http::JsonBody;
using nlohmann::json;

void compare(JsonBody& body, const std::string& name, const json& value) {
  // Messages contain field names unchanged, since they are constants of the program.
  if (classifier::has_control_character(name)) return;
  const auto text = body.text(name, "(fallback)");
  const auto whole = body.whole_number(name, -1'000, 1'000, 7);
  const auto number = body.number(name, -1e300, 1e300, 7);
  const auto texts = body.texts(name);
  if (value.is_null()) {
    demand(text == "(fallback)" && whole == 7 && number == 7 && texts && texts->empty(),
           "null counts as absent");
    return;
  }
  demand(text.has_value() == value.is_string(), "only strings are read as strings");
  if (text) {
    demand(*text == value.get<std::string>(), "strings are unchanged");
  } else {
    classifier::fuzz::demand_sentence(text.error());
  }
  const bool strings = value.is_array() && std::ranges::all_of(value, &json::is_string);
  demand(texts.has_value() == strings, "only lists of strings are read as such");
  if (texts) {
    demand(json(*texts) == value, "lists are unchanged");
  } else {
    classifier::fuzz::demand_sentence(texts.error());
  }
  demand(!number || (value.is_number() && *number == value.get<double>()), "numbers are unchanged");
  demand(!whole || (value.is_number() && static_cast<double>(*whole) == value.get<double>()),
         "integers are unchanged");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = classifier::fuzz::text_of(data, size);
  const auto document = classifier::parse_json(text);
  auto body = JsonBody::parse(text, {.max_items = size + 1, .max_fields = size + 1});
  demand(body.has_value() == (document && document->is_object()),
         "exactly the objects within the limit of depth are accepted");
  if (!body) {
    classifier::fuzz::demand_sentence(body.error());
    return 0;
  }
  for (const auto& [name, value] : document->items()) compare(*body, name, value);
  std::string absent = "(no such field)";
  while (document->contains(absent)) absent += '!';  // the fuzzer finds the name in this file
  demand(!body->required_text(absent, "x"), "absent fields are missing");
  return 0;
}
