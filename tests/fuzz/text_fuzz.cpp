// Small parsers of untrusted text: percent-encoding, UTF-8, addresses, times, keys, names.
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

bool nlohmann_accepts_as_utf8(std::string_view text) {
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
    demand(percent_decode(encoded) == text, "text survives encoding and decoding");
    demand(encoded.find_first_of(" \"<>?#\r\n") == std::string::npos,
           "encoded text has no delimiters of URLs");
  }
  if (const auto decoded = percent_decode(text))
    demand(decoded->size() <= text.size(), "decoded text is not longer");
  const bool utf8 = is_utf8(text);
  demand(utf8 == nlohmann_accepts_as_utf8(text), "another library agrees on UTF-8");
  const std::string escaped = escape_non_utf8(text);
  demand(is_utf8(escaped) && (!utf8 || escaped == text), "only what is not UTF-8 is escaped");
  const std::string_view start = utf8_prefix(text, 10);
  demand(start.size() <= 10 && (!utf8 || is_utf8(start)), "a prefix does not split a character");
  demand(trim(trim(text)) == trim(text), "trim is idempotent");
}

void check_names(const std::string& text) {
  const std::string label = safe_label(text);
  demand(!label.empty() && label.size() <= 200, "labels have 1 to 200 bytes");
  demand(label.find_first_of("/\\") == std::string::npos && !has_dot_part(label) &&
             !has_control_character(label),
         "labels are not paths");
  demand(safe_label(label) == label, "safe_label is idempotent");
  demand(shorten_filename(text, 50).size() <= 50, "file names are within the limit");
  const std::vector<std::string> keys{text, "a/" + text, "b/" + text, text + "/x"};
  auto names = unique_filenames(keys);
  for (const auto& name : names)
    demand(name.find('/') == std::string::npos, "file names have no folders");
  std::ranges::sort(names);
  demand(std::ranges::adjacent_find(names) == names.end(), "file names of a job differ");
  const std::string part = http::excerpt(text);
  demand(part.size() <= 63 && is_utf8(part) && !has_control_character(part),
         "excerpts are short and one line");
}

void check_values(const std::string& text) {
  if (const auto address = parse_ip(text)) {
    demand(parse_ip(to_string(*address)) == address, "addresses survive writing and reading");
    demand(IpNetwork::parse(to_string(*address))->contains(*address),
           "a network contains its own address");
  }
  if (const auto time = parse_rfc3339(text)) {
    demand(parse_rfc3339(to_rfc3339(*time)) == time, "times survive writing and reading");
    demand(text.ends_with('Z'), "times are UTC");
    demand(to_rfc3339(*time).substr(0, 16) == text.substr(0, 16) || text.substr(17, 2) == "60",
           "date, hour and minute are unchanged");
  }
  if (const auto key = parse_api_key(text, 1)) {
    demand(is_key_name(key->name) && !key->secret.empty() && text.ends_with(key->secret),
           "keys have names and secrets");
  }
  if (!text.empty() && text.find_first_of("\",") == std::string::npos)
    demand(http::matches_etag("\"x\", W/\"" + text + "\"", "\"" + text + "\""), "ETags are found");
  http::Request request;
  request.query = {{"n", text}};
  const auto number = http::whole_number(request, "n", 1, 1'000, 5);
  if (number) {
    demand(*number >= 1 && *number <= 1'000, "numbers are within the limits");
    demand(static_cast<long long>(std::stoll(text)) == *number, "numbers are unchanged");
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
