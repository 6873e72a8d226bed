// An HTTP client for this program's own API, and for the upload URLs that it gives out.
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
  std::chrono::milliseconds timeout{60'000};        // a whole call of get, post_json, del
  std::chrono::milliseconds stall_timeout{60'000};  // put_file, stream, events: without any byte
  int max_attempts = 4;                             // of one call, the first included
  std::chrono::milliseconds first_backoff{250};     // doubles with each attempt, half of it random
  std::chrono::milliseconds max_backoff{10'000};    // also the longest Retry-After that is obeyed
  std::uint64_t max_response_bytes = 256ULL << 20;  // of get, post_json and del
  std::string user_agent = "classifier";
  std::stop_token stop;  // ends calls and waits early, with kUnavailable
};

// Thread-safe: parallel calls use connections of their own, and connections are used again.
//
// Every answer outside 2xx is an Error: its code from the status (see error_code_of_status), its
// message the server's own `{"error": …}` sentence where there is one. A server that cannot be
// reached is kUnavailable, with a sentence that names the URL.
//
// Calls that may be repeated without harm (get, del, put_file, and post_json with an
// Idempotency-Key) are tried again after a failed connection and after 429, 502, 503 and 504; other
// posts only where no connection was made, or after 429.
class HttpClient {
 public:
  using Query = std::vector<std::pair<std::string, std::string>>;
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Bytes sent so far and in all; returning false ends the upload with kUnavailable.
  using Progress = std::function<bool(std::uint64_t sent, std::uint64_t total)>;
  // The next bytes of a body; returning false ends the call without an error.
  using Sink = std::function<bool(std::string_view bytes)>;
  // Returning false ends the stream without an error.
  using OnEvent = std::function<bool(std::string_view event, std::string_view data)>;

  // `base_url` such as "http://localhost:8080"; paths are appended to it. `api_key` may be empty.
  HttpClient(std::string base_url, std::string api_key, HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `path` begins with a slash and is percent-encoded (see percent_encode); the query is encoded
  // here.
  Result<HttpResponse> get(std::string_view path, const Query& query = {});
  Result<HttpResponse> post_json(std::string_view path, std::string_view body,
                                 const Headers& extra_headers = {});
  Result<HttpResponse> del(std::string_view path);

  // Streams a file to a signed URL, to which the API key is never sent. kNotFound when the file
  // cannot be read.
  Result<HttpResponse> put_file(std::string_view absolute_url, std::string_view content_type,
                                const std::filesystem::path& file, const Progress& progress = {});

  // Hands the body of an answer to `sink` as it comes, whatever its size. Tried again only as long
  // as nothing was handed over. An answer other than 200 (such as 202: not ready) is an Error of
  // kConflict with the server's message.
  Result<void> stream(std::string_view path, const Query& query, const Sink& sink);

  // Reads server-sent events until the server ends the stream or `on_event` returns false.
  // `kUnavailable` when the connection broke before: call again to go on.
  Result<void> events(std::string_view path, const OnEvent& on_event);

  const std::string& base_url() const { return base_url_; }

 private:
  class Pool;
  struct Call;
  Result<HttpResponse> perform(const Call& call);
  Result<HttpResponse> attempt(const Call& call, bool& repeatable,
                               std::chrono::milliseconds& wait);
  std::string url_of(std::string_view path, const Query& query) const;

  std::string base_url_;
  std::string api_key_;
  HttpClientOptions options_;
  std::unique_ptr<Pool> pool_;
};

// 400 kInvalidArgument, 401 kUnauthorized, 403 kForbidden, 404 kNotFound, 409 kConflict, 413
// kTooLarge, 415 kUnsupported, 422 kUndecodable, 429 and 502 to 504 kUnavailable, 507 kExhausted;
// other 4xx kInvalidArgument, all else kInternal.
ErrorCode error_code_of_status(int status);

}  // namespace classifier
