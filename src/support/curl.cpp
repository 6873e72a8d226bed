#include "support/curl.hpp"

#include <tuple>

namespace classifier {

void CurlHeaderList::append(const std::string& line) {
  curl_slist* const longer = curl_slist_append(list_.get(), line.c_str());
  std::ignore = list_.release();
  list_.reset(longer);
}

CurlHandle new_curl_handle() {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::ignore = initialized;
  return CurlHandle(curl_easy_init());
}

void set_common_options(CURL* curl, const CurlTransfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_URL, transfer.url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer.error_text);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer.headers);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, transfer.on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer.context);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, transfer.on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer.context);
}

}  // namespace classifier
