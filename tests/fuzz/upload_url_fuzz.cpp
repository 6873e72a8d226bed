// An upload URL's signature is valid for what was signed and for nothing else. Lines, decoded: key,
// type and time that are signed; key, type, time and signature that are verified.
#include <cstdlib>
#include <map>

#include "adapters/embedded/upload_urls.hpp"
#include "fuzz.hpp"

namespace {

using namespace classifier;
using fuzz::demand;

const TimePoint kNow{std::chrono::seconds{1'800'000'000}};

// The key in a URL's path and its parameters, decoded.
std::map<std::string, std::string> parts_of(std::string_view url) {
  constexpr std::string_view kBase = "http://here/objects/";
  demand(url.starts_with(kBase), "the URL begins with the base URL");
  url.remove_prefix(kBase.size());
  const std::size_t question = url.find('?');
  std::map<std::string, std::string> parts;
  parts["key"] = percent_decode(url.substr(0, question)).value();
  std::string_view query = url.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    parts[std::string(pair.substr(0, equals))] = percent_decode(pair.substr(equals + 1)).value();
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  demand(parts.size() == 4, "a URL has a key, a time, a type and a signature");
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const UploadUrls urls("0123456789abcdef0123456789abcdef");
  fuzz::Lines lines(fuzz::text_of(data, size));
  const std::string key = lines.next_decoded();
  const std::string type = lines.next_decoded();
  const TimePoint expires{
      std::chrono::seconds{std::strtoul(lines.next_decoded().c_str(), nullptr, 10) & 0xFFFF'FFFFU}};
  auto parts = parts_of(urls.sign("http://here", key, type, expires));
  demand(parts["key"] == key && parts["content_type"] == type, "a URL contains what was signed");
  const SignedUpload signed_upload{parts["key"], parts["content_type"], parts["expires"],
                                   parts["signature"]};
  const auto verified = urls.verify(signed_upload, kNow);
  demand(verified.has_value() == (expires > kNow && !has_control_character(type)),
         "a URL is valid until it expires");
  if (!verified) fuzz::demand_sentence(verified.error());

  const std::string other_key = lines.next_decoded();
  const std::string other_type = lines.next_decoded();
  const std::string other_time = lines.next_decoded();
  const std::string signature = lines.next_decoded();
  const bool same = other_key == key && other_type == type && other_time == parts["expires"];
  demand(same || !urls.verify({other_key, other_type, other_time, parts["signature"]}, kNow),
         "a signature is valid for nothing else");
  demand(signature == parts["signature"] ||
             !urls.verify({key, type, parts["expires"], signature}, kNow),
         "no other signature is valid");
  return 0;
}
