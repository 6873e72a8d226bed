// Small readers of text from outside: percent-encoding, UTF-8, addresses, times, keys, names.
#include <nlohmann/json.hpp>

#include "adapters/http/headers.hpp"
#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"
#include "domain/access.hpp"
#include "domain/ip_network.hpp"
#include "domain/time.hpp"
#include "fuzz.hpp"
#include "services/job_service.hpp"
#include "services/output_key.hpp"
#include "services/result_format.hpp"

namespace {

using namespace classifier;
using fuzz::demand;

bool other_library_takes_as_utf8(std::string_view text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

void check_encoding(std::string_view text) {
  for (const bool slashes : {false, true}) {
    const std::string encoded = percent_encode(text, slashes);
    demand(percent_decode(encoded) == text, "what is encoded can be decoded");
    demand(encoded.find_first_of(" \"<>?#\r\n") == std::string::npos, "nothing ends a URL early");
  }
  if (const auto decoded = percent_decode(text))
    demand(decoded->size() <= text.size(), "decoding makes nothing longer");
  const bool utf8 = is_utf8(text);
  demand(utf8 == other_library_takes_as_utf8(text), "UTF-8 is what another library takes for it");
  const std::string_view start = utf8_prefix(text, 10);
  demand(start.size() <= 10 && (!utf8 || is_utf8(start)), "no character is cut");
  demand(trim(trim(text)) == trim(text), "trimmed is trimmed");
}

void check_names(const std::string& text) {
  const std::string label = safe_label(text);
  demand(!label.empty() && label.size() <= 200, "a label is a name");
  demand(label.find_first_of("/\\") == std::string::npos && !has_dot_part(label) &&
             !has_control_character(label),
         "a label is no path");
  demand(safe_label(label) == label, "a safe label is safe");
  demand(shorten_filename(text, 50).size() <= 50, "file names keep to the limit");
  const std::vector<std::string> keys{text, "a/" + text, "b/" + text, text + "/x"};
  auto names = unique_filenames(keys);
  for (const auto& name : names)
    demand(name.find('/') == std::string::npos, "file names have no folders");
  std::ranges::sort(names);
  demand(std::ranges::adjacent_find(names) == names.end(), "file names of a job differ");
  const std::string part = http::excerpt(text);
  demand(part.size() <= 63 && is_utf8(part) && !has_control_character(part),
         "excerpts are short, and one line");
}

void check_values(const std::string& text) {
  if (const auto address = parse_ip(text)) {
    demand(parse_ip(to_string(*address)) == address, "addresses can be written and read");
    demand(IpNetwork::parse(to_string(*address))->contains(*address), "networks have their own");
  }
  if (const auto time = parse_rfc3339(text)) {
    demand(parse_rfc3339(to_rfc3339(*time)) == time, "times can be written and read");
    demand(text.ends_with('Z'), "times are of UTC");
    demand(to_rfc3339(*time).substr(0, 16) == text.substr(0, 16) || text.substr(17, 2) == "60",
           "times are what they say");
  }
  if (const auto key = parse_api_key(text, 1)) {
    demand(is_key_name(key->name) && !key->secret.empty() && text.ends_with(key->secret),
           "keys have names and secrets");
  }
  if (!text.empty() && text.find_first_of("\",") == std::string::npos)
    demand(http::matches_etag("\"x\", W/\"" + text + "\"", "\"" + text + "\""), "tags are found");
  http::Request request;
  request.query = {{"n", text}};
  const auto number = http::whole_number(request, "n", 1, 1'000, 5);
  if (number) {
    demand(*number >= 1 && *number <= 1'000, "numbers keep to the limits");
    demand(static_cast<long long>(std::stoll(text)) == *number, "numbers have their value");
  } else {
    fuzz::demand_sentence(number.error());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  check_encoding(text);
  check_names(text);
  check_values(text);
  return 0;
}
