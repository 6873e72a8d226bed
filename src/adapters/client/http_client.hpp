// An HTTP client for this program's API and the upload URLs that it issues.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/error.hpp"
#include "support/response_head.hpp"

namespace classifier {

struct HttpResponse : ResponseHead {
  std::string body;
};

struct HttpClientOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{60'000};  // of an attempt of get, post_json, patch_json or del
  std::chrono::milliseconds stall_timeout{60'000};  // put_file, stream, events: without a byte
  int max_attempts = 4;                             // of a call, including the first
  std::chrono::milliseconds first_backoff{250};     // doubles with each attempt; half is random
  std::chrono::milliseconds max_backoff{10'000};    // also the longest Retry-After obeyed
  std::uint64_t max_response_bytes = 256ULL << 20;  // of get, post_json, patch_json and del
  std::string user_agent = "classifier";
  std::stop_token stop;  // makes calls end early, with kUnavailable
};

// Thread-safe. Parallel calls use separate connections, which are reused.
//
// An answer outside 2xx is an Error, with a code by error_code_of_status and the message of the
// server's `{"error": …}` where there is one. If the server cannot be reached, the code is
// kUnavailable and the message names its URL.
//
// Idempotent calls (get, ask, del, patch_json, put_file, and post_json with an Idempotency-Key) are
// retried after a failed connection and after 429, 502, 503 and 504; other posts only if no
// connection was made, or after 429.
class HttpClient {
 public:
  using Query = std::vector<std::pair<std::string, std::string>>;
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Reports bytes sent so far and in total. Returning false ends the upload with kUnavailable.
  using Progress = std::function<bool(std::uint64_t sent, std::uint64_t total)>;
  // Receives the next bytes of a body. Returning false ends the call without an error.
  using Sink = std::function<bool(std::string_view bytes)>;
  // Returning false ends the stream without an error.
  using OnEvent = std::function<bool(std::string_view event, std::string_view data)>;

  // Paths are appended to `base_url`, such as "http://localhost:8080". `api_key` may be empty.
  HttpClient(std::string base_url, std::string api_key, HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `path` begins with a slash and is percent-encoded (see percent_encode); `query` is not encoded.
  Result<HttpResponse> get(std::string_view path, const Query& query = {});
  Result<HttpResponse> post_json(std::string_view path, std::string_view body,
                                 const Headers& extra_headers = {});
  // Asks about the bytes of a body, which changes nothing.
  Result<HttpResponse> ask(std::string_view path, const Query& query, std::string_view content_type,
                           std::string_view body);
  // For changes that may be made twice.
  Result<HttpResponse> patch_json(std::string_view path, std::string_view body);
  Result<HttpResponse> del(std::string_view path);

  // Uploads a file to a signed URL, without the API key. kNotFound where the file cannot be read.
  Result<HttpResponse> put_file(std::string_view absolute_url, std::string_view content_type,
                                const std::filesystem::path& file, const Progress& progress = {});

  // Passes the body of an answer of any size to `sink` as it arrives. Not retried once `sink` was
  // called. Another 2xx status than 200, such as 202 for "not ready", is kConflict, with the
  // server's message.
  Result<void> stream(std::string_view path, const Query& query, const Sink& sink);

  // Reads server-sent events until the server ends the stream or `on_event` returns false.
  // kUnavailable where the connection breaks before: call again to continue.
  Result<void> events(std::string_view path, const OnEvent& on_event);

  const std::string& base_url() const { return base_url_; }

 private:
  class Pool;
  struct Call;
  Result<HttpResponse> perform(const Call& call);
  Result<HttpResponse> attempt(const Call& call, bool& repeatable, std::chrono::milliseconds& wait);
  std::string url_of(std::string_view path, const Query& query) const;

  std::string base_url_;
  std::string api_key_;
  HttpClientOptions options_;
  std::unique_ptr<Pool> pool_;
};

// 400 kInvalidArgument, 401 kUnauthorized, 403 kForbidden, 404 kNotFound, 409 kConflict, 413
// kTooLarge, 415 kUnsupported, 422 kUndecodable, 429 and 502 to 504 kUnavailable, 507 kExhausted;
// other 4xx kInvalidArgument, all others kInternal.
ErrorCode error_code_of_status(int status);

}  // namespace classifier
