#include "adapters/aws/client/url.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "domain/text.hpp"

namespace classifier::aws {
namespace {

struct CloseUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part(CURLU* url, CURLUPart what, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, flags) != CURLUE_OK) return {};
  std::string result(text);
  curl_free(text);
  return result;
}

}  // namespace

std::optional<Url> parse_url(const std::string& text) {
  const std::unique_ptr<CURLU, CloseUrl> url(curl_url());
  if (has_control_character(text) || text.find(' ') != std::string::npos ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  Url result{.scheme = part(url.get(), CURLUPART_SCHEME),
             .host = part(url.get(), CURLUPART_HOST),
             .port = part(url.get(), CURLUPART_PORT, CURLU_NO_DEFAULT_PORT),
             .path = part(url.get(), CURLUPART_PATH),
             .query = part(url.get(), CURLUPART_QUERY)};
  const bool web = result.scheme == "http" || result.scheme == "https";
  if (!web || result.host.empty() || !part(url.get(), CURLUPART_USER).empty() ||
      !part(url.get(), CURLUPART_FRAGMENT).empty())
    return std::nullopt;
  return result;
}

}  // namespace classifier::aws
