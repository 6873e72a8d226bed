#include "adapters/client/http_client.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "domain/text.hpp"
#include "support/backoff.hpp"
#include "support/curl.hpp"
#include "support/pause.hpp"

namespace classifier {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::ignore = std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// The state of one transfer, which the callbacks of libcurl share.
struct Transfer {
  HttpResponse response;
  std::uint64_t max_body = 0;
  const HttpClient::Sink* sink = nullptr;  // receives the body of a 200 instead of response.body
  std::FILE* upload = nullptr;
  std::uint64_t upload_size = 0;
  const HttpClient::Progress* progress = nullptr;
  std::stop_token stop;
  bool sink_ended = false;
  bool sink_used = false;
  bool too_large = false;
  bool cancelled = false;
};

std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.response.read_line({bytes, size});
  return size;
}

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.sink != nullptr && transfer.response.status == 200) {
    transfer.sink_used = true;
    if ((*transfer.sink)(std::string_view(bytes, size))) return size;
    transfer.sink_ended = true;
    return 0;
  }
  if (transfer.response.body.size() + size > transfer.max_body) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body.append(bytes, size);
  return size;
}

std::size_t on_upload(char* bytes, std::size_t item, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t read = std::fread(bytes, 1, item * count, transfer.upload);
  return std::ferror(transfer.upload) != 0 ? CURL_READFUNC_ABORT : read;
}

// libcurl sends the file again if the server closed a reused connection.
int on_rewind(void* context, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(context);
  return std::fseek(transfer.upload, static_cast<long>(offset), origin) == 0 ? CURL_SEEKFUNC_OK
                                                                             : CURL_SEEKFUNC_FAIL;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.cancelled = transfer.stop.stop_requested();
  if (!transfer.cancelled && transfer.progress != nullptr && *transfer.progress) {
    transfer.cancelled =
        !(*transfer.progress)(static_cast<std::uint64_t>(sent), transfer.upload_size);
  }
  return transfer.cancelled ? 1 : 0;
}

std::string origin_of(const std::string& url) {
  const std::size_t host = url.find("://");
  return url.substr(0, url.find_first_of("/?", host == std::string::npos ? 0 : host + 3));
}

Error connection_error(CURLcode code, const char* detail, const std::string& url,
                       const Transfer& transfer) {
  const std::string origin = origin_of(url);
  if (transfer.cancelled) return {ErrorCode::kUnavailable, "stopped before the call ended"};
  if (transfer.too_large) {
    return {ErrorCode::kTooLarge,
            fmt::format("the answer of {} has more than {} bytes", origin, transfer.max_body)};
  }
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return {
          ErrorCode::kUnavailable,
          fmt::format("cannot connect to {}: nothing answers there. Check the address, and that "
                      "the server runs (classifier serve)",
                      origin)};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {
          ErrorCode::kUnavailable,
          fmt::format("cannot connect to {}: its name is not known. Check the address", origin)};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a URL such as http://localhost:8080", origin)};
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorCode::kUnavailable, fmt::format("{} did not answer in time", origin)};
    default:
      break;
  }
  return {ErrorCode::kUnavailable,
          fmt::format("the connection to {} failed: {}", origin,
                      detail != nullptr && *detail != '\0' ? detail : curl_easy_strerror(code))};
}

std::string sentence_of(const HttpResponse& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_object()) {
    for (const char* field : {"error", "message"}) {
      const auto found = body.find(field);
      if (found != body.end() && found->is_string()) return found->get<std::string>();
    }
  }
  return fmt::format("the server answered with status {}", response.status);
}

bool passing(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// Parses server-sent events (HTML Living Standard, section 9.2).
class EventParser {
 public:
  // Returns false as soon as `on_event` does.
  bool feed(std::string_view bytes, const HttpClient::OnEvent& on_event) {
    buffer_.append(bytes);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = buffer_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      std::string_view line(buffer_.data() + begin, end - begin);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!take(line, on_event)) return false;
    }
    buffer_.erase(0, begin);
    return true;
  }

 private:
  bool take(std::string_view line, const HttpClient::OnEvent& on_event) {
    if (line.empty()) {
      bool go_on = true;
      if (!data_.empty()) {
        data_.pop_back();
        go_on = on_event(event_.empty() ? "message" : event_, data_);
      }
      event_.clear();
      data_.clear();
      return go_on;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value;
    if (colon != std::string_view::npos) value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") event_ = value;
    if (field == "data") data_.append(value).push_back('\n');
    return true;
  }

  std::string buffer_;
  std::string event_;
  std::string data_;
};

}  // namespace

// Keeps idle handles, with their open connections.
class HttpClient::Pool {
 public:
  CurlHandle take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return new_curl_handle();
    CurlHandle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give_back(CurlHandle handle) {
    curl_easy_reset(handle.get());
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(handle));
  }

 private:
  std::mutex mutex_;
  std::vector<CurlHandle> idle_;  // guarded by mutex_
};

struct HttpClient::Call {
  std::string method;
  std::string url;
  Headers headers;
  std::string_view body;
  const std::filesystem::path* file = nullptr;
  const Progress* progress = nullptr;
  const Sink* sink = nullptr;
  bool with_key = true;
  bool idempotent = true;  // may be repeated
  bool time_limit = true;  // on the whole call; otherwise only on a stall
};

HttpClient::HttpClient(std::string base_url, std::string api_key, HttpClientOptions options)
    : base_url_(std::move(base_url)),
      api_key_(std::move(api_key)),
      options_(std::move(options)),
      pool_(std::make_unique<Pool>()) {
  while (base_url_.ends_with('/')) base_url_.pop_back();
}

HttpClient::~HttpClient() = default;

std::string HttpClient::url_of(std::string_view path, const Query& query) const {
  std::string url = base_url_ + std::string(path);
  char separator = path.find('?') == std::string_view::npos ? '?' : '&';
  for (const auto& [name, value] : query) {
    url += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return url;
}

Result<HttpResponse> HttpClient::get(std::string_view path, const Query& query) {
  Call call;
  call.method = "GET";
  call.url = url_of(path, query);
  return perform(call);
}

Result<HttpResponse> HttpClient::post_json(std::string_view path, std::string_view body,
                                           const Headers& extra_headers) {
  Call call;
  call.method = "POST";
  call.url = url_of(path, {});
  call.headers = extra_headers;
  call.headers.emplace_back("Content-Type", "application/json");
  call.body = body;
  call.idempotent = std::ranges::any_of(extra_headers, [](const auto& header) {
    return header.first == "Idempotency-Key" && !header.second.empty();
  });
  return perform(call);
}

Result<HttpResponse> HttpClient::ask(std::string_view path, const Query& query,
                                     std::string_view content_type, std::string_view body) {
  Call call;
  call.method = "POST";
  call.url = url_of(path, query);
  call.headers.emplace_back("Content-Type", content_type);
  call.body = body;
  return perform(call);
}

Result<HttpResponse> HttpClient::patch_json(std::string_view path, std::string_view body) {
  Call call;
  call.method = "PATCH";
  call.url = url_of(path, {});
  call.headers.emplace_back("Content-Type", "application/json");
  call.body = body;
  return perform(call);
}

Result<HttpResponse> HttpClient::del(std::string_view path) {
  Call call;
  call.method = "DELETE";
  call.url = url_of(path, {});
  return perform(call);
}

Result<HttpResponse> HttpClient::put_file(std::string_view absolute_url,
                                          std::string_view content_type,
                                          const std::filesystem::path& file,
                                          const Progress& progress) {
  Call call;
  call.method = "PUT";
  call.url = absolute_url;
  call.headers.emplace_back("Content-Type", content_type);
  call.file = &file;
  call.progress = &progress;
  call.with_key = false;
  call.time_limit = false;
  return perform(call);
}

Result<void> HttpClient::stream(std::string_view path, const Query& query, const Sink& sink) {
  Call call;
  call.method = "GET";
  call.url = url_of(path, query);
  call.sink = &sink;
  call.time_limit = false;
  auto response = perform(call);
  if (!response) return std::unexpected(response.error());
  if (response->status != 200) return fail(ErrorCode::kConflict, sentence_of(*response));
  return {};
}

Result<void> HttpClient::events(std::string_view path, const OnEvent& on_event) {
  EventParser parser;
  const Sink sink = [&](std::string_view bytes) { return parser.feed(bytes, on_event); };
  return stream(path, {}, sink);
}

Result<HttpResponse> HttpClient::perform(const Call& call) {
  for (int attempts = 1;; ++attempts) {
    bool repeatable = false;
    std::chrono::milliseconds wanted{0};
    auto response = attempt(call, repeatable, wanted);
    if (response || !repeatable || attempts >= options_.max_attempts) return response;
    const auto longest =
        exponential_backoff(options_.first_backoff, options_.max_backoff, attempts);
    if (!pause(std::min(std::max(equal_jitter(longest), wanted), options_.max_backoff),
               options_.stop))
      return response;
  }
}

namespace {

// Options of all calls. What they point to must outlive the call.
void set_call_options(CURL* curl, const HttpClientOptions& options, bool time_limit,
                      Transfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  if (time_limit) {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  } else {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.stall_timeout).count();
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds));
  }
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
}

Result<File> open_upload(const std::filesystem::path& path, Transfer& transfer) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  File file(code ? nullptr : std::fopen(path.c_str(), "rbe"));
  if (!file) return fail(ErrorCode::kNotFound, "cannot read " + path.string());
  transfer.upload = file.get();
  transfer.upload_size = size;
  return file;
}

void set_upload(CURL* curl, Transfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(transfer.upload_size));
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, &on_upload);
  curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, &on_rewind);
  curl_easy_setopt(curl, CURLOPT_SEEKDATA, &transfer);
}

}  // namespace

Result<HttpResponse> HttpClient::attempt(const Call& call, bool& repeatable,
                                         std::chrono::milliseconds& wait) {
  CurlHandle handle = pool_->take();
  CURL* const curl = handle.get();
  Transfer transfer;
  transfer.max_body = options_.max_response_bytes;
  transfer.sink = call.sink;
  transfer.progress = call.progress;
  transfer.stop = options_.stop;
  std::string detail(CURL_ERROR_SIZE, '\0');
  File file;
  CurlHeaderList headers;
  for (const auto& [name, value] : call.headers)
    headers.append(std::string(name).append(": ").append(value));
  if (call.with_key && !api_key_.empty()) headers.append("X-API-Key: " + api_key_);

  set_common_options(curl, {.url = call.url.c_str(),
                            .headers = headers.get(),
                            .error_text = detail.data(),
                            .on_header = &on_header,
                            .on_body = &on_body,
                            .context = &transfer});
  set_call_options(curl, options_, call.time_limit, transfer);
  if (call.file != nullptr) {
    auto opened = open_upload(*call.file, transfer);
    if (!opened) return std::unexpected(opened.error());
    file = std::move(*opened);
    set_upload(curl, transfer);
  } else if (call.method == "POST" || call.method == "PATCH") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): its size is set above
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.data());
    if (call.method != "POST") curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  } else if (call.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }
  const CURLcode code = curl_easy_perform(curl);
  pool_->give_back(std::move(handle));
  if (code != CURLE_OK && transfer.sink_ended) return std::move(transfer.response);
  if (code != CURLE_OK) {
    const bool not_sent = code == CURLE_COULDNT_CONNECT;
    const bool broke = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
                       code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE;
    repeatable = !transfer.sink_used && (not_sent || (broke && call.idempotent));
    return std::unexpected(connection_error(code, detail.c_str(), call.url, transfer));
  }
  const int status = transfer.response.status;
  if (status >= 200 && status < 300) return std::move(transfer.response);
  repeatable = passing(status) && (call.idempotent || status == 429);
  wait = retry_after(transfer.response.headers);
  return fail(error_code_of_status(status), sentence_of(transfer.response));
}

ErrorCode error_code_of_status(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthorized;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 413:
      return ErrorCode::kTooLarge;
    case 415:
      return ErrorCode::kUnsupported;
    case 422:
      return ErrorCode::kUndecodable;
    case 429:
    case 502:
    case 503:
    case 504:
      return ErrorCode::kUnavailable;
    case 507:
      return ErrorCode::kExhausted;
    default:
      return status >= 400 && status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
  }
}

}  // namespace classifier
