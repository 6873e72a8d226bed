#include "adapters/aws/client/credential_request.hpp"

#include <spdlog/fmt/fmt.h>

#include "support/curl.hpp"

namespace classifier::aws {
namespace {

constexpr int kTries = 2;
constexpr std::size_t kMaxBytes = 64 << 10;

std::size_t pass_over(char*, std::size_t, std::size_t size, void*) { return size; }

std::size_t append_body(char* bytes, std::size_t, std::size_t size, void* context) {
  auto& body = *static_cast<std::string*>(context);
  if (body.size() + size > kMaxBytes) return 0;
  body.append(bytes, size);
  return size;
}

CredentialAnswer ask_once(const CredentialRequest& request) {
  const CurlHandle handle = new_curl_handle();
  CURL* const curl = handle.get();
  CurlHeaderList headers;
  for (const auto& header : request.headers) headers.append(header);
  CredentialAnswer answer;
  char detail[CURL_ERROR_SIZE] = {};
  set_common_options(curl, {.url = request.url.c_str(),
                            .headers = headers.get(),
                            .error_text = detail,
                            .on_header = &pass_over,
                            .on_body = &append_body,
                            .context = &answer.body});
  if (!request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (!request.through_proxy) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (!request.ca_bundle.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_bundle.c_str());
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  } else {
    answer.failure = curl_easy_strerror(code);
  }
  return answer;
}

}  // namespace

CredentialAnswer ask(const CredentialRequest& request) {
  CredentialAnswer answer;
  for (int tries = 0; tries < kTries; ++tries) {
    answer = ask_once(request);
    if (answer.status != 0 && answer.status < 500) break;
  }
  return answer;
}

std::unexpected<Error> failure(const std::string& what, const CredentialAnswer& answer) {
  const bool passing = answer.status == 0 || answer.status == 429 || answer.status >= 500;
  return fail(passing ? ErrorCode::kUnavailable : ErrorCode::kUnauthorized,
              answer.status == 0 ? fmt::format("{} does not answer ({})", what, answer.failure)
                                 : fmt::format("{} answers with status {}", what, answer.status));
}

}  // namespace classifier::aws
