#include "adapters/aws/client/transport.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "domain/text.hpp"
#include "support/curl.hpp"

namespace classifier::aws {
namespace {

constexpr std::uint64_t kMaxErrorBytes = 1 << 20;

HttpOutcome stopped() {
  HttpOutcome outcome;
  outcome.failure = HttpOutcome::Failure::kStopped;
  outcome.detail = "the program is stopping";
  return outcome;
}

}  // namespace

struct Transport::Transfer {
  HttpExchange exchange;
  Done done;
  HttpOutcome outcome;
  CurlHeaderList headers;
  char detail[CURL_ERROR_SIZE] = {};

  std::uint64_t limit() const {
    return outcome.status >= 300 ? kMaxErrorBytes : exchange.max_response_bytes;
  }
  // Whether a body of that many bytes is too large. Bodies of errors are cut instead.
  bool refuses(std::uint64_t bytes) {
    if (outcome.status >= 300 || bytes <= exchange.max_response_bytes) return false;
    outcome.failure = HttpOutcome::Failure::kTooLarge;
    outcome.detail = fmt::format("the answer is larger than {} bytes", exchange.max_response_bytes);
    return true;
  }
  static std::size_t on_header(char* bytes, std::size_t unit, std::size_t count, void* context);
  static std::size_t on_body(char* bytes, std::size_t unit, std::size_t count, void* context);
  void set_options(CURL* curl, const TransportOptions& options);
  void set_body(CURL* curl);
  void finish(CURL* curl, CURLcode code);
};

std::size_t Transport::Transfer::on_header(char* bytes, std::size_t /*unit*/, std::size_t count,
                                           void* context) {
  auto& self = *static_cast<Transfer*>(context);
  const std::string_view name = self.outcome.read_line({bytes, count});
  if (name != "content-length" || self.exchange.method == "HEAD") return count;
  const auto length = parse_integer(self.outcome.headers["content-length"]);
  return length && self.refuses(static_cast<std::uint64_t>(*length)) ? 0 : count;
}

std::size_t Transport::Transfer::on_body(char* bytes, std::size_t /*unit*/, std::size_t count,
                                         void* context) {
  auto& self = *static_cast<Transfer*>(context);
  std::string& body = self.outcome.body;
  if (self.refuses(body.size() + count)) return 0;
  body.append(bytes, std::min<std::uint64_t>(count, self.limit() - body.size()));
  return count;
}

void Transport::Transfer::set_options(CURL* curl, const TransportOptions& options) {
  for (const std::string& line : exchange.header_lines) headers.append(line);
  // Without "Expect: 100-continue", which would cost a round trip for each larger body.
  headers.append("Expect:");
  set_common_options(curl, {.url = exchange.url.c_str(),
                            .headers = nullptr,  // set below, when they are complete
                            .error_text = detail,
                            .on_header = &Transfer::on_header,
                            .on_body = &Transfer::on_body,
                            .context = this});
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);  // the path is signed as it is
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(exchange.timeout.count()));
  if (!options.ca_bundle.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_bundle.c_str());
  set_body(curl);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
}

void Transport::Transfer::set_body(CURL* curl) {
  const bool takes_body = exchange.method == "POST" || exchange.method == "PUT";
  const bool has_body = exchange.body && !exchange.body->empty();
  if (takes_body || has_body) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(has_body ? exchange.body->size() : 0));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, has_body ? exchange.body->data() : "");
    const bool typed = std::ranges::any_of(exchange.header_lines, [](const std::string& line) {
      return curl_strnequal(line.c_str(), "content-type:", 13) != 0;
    });
    // Otherwise libcurl adds the type of a form, which would not be signed.
    if (!typed) headers.append("Content-Type:");
  } else if (exchange.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  }
  if (exchange.method != "HEAD") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange.method.c_str());
  }
}

void Transport::Transfer::finish(CURL* curl, CURLcode code) {
  using Failure = HttpOutcome::Failure;
  if (code != CURLE_OK && outcome.failure == Failure::kNone) {
    curl_off_t sent_at = 0;
    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    if (sent_at == 0) {
      outcome.failure = Failure::kNotSent;
    } else {
      outcome.failure = code == CURLE_OPERATION_TIMEDOUT ? Failure::kTimedOut : Failure::kBroken;
    }
    outcome.detail = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  }
}

void Transport::CloseMulti::operator()(void* multi) const { curl_multi_cleanup(multi); }

Transport::Transport(TransportOptions options) : options_(std::move(options)) {
  multi_.reset(curl_multi_init());
  curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                    static_cast<long>(options_.max_connections));
  thread_ = std::thread([this] { loop(); });
}

Transport::~Transport() {
  stopped_ = true;
  ending_ = true;
  curl_multi_wakeup(multi_.get());
  thread_.join();
}

void Transport::start(HttpExchange exchange, Done done) {
  auto transfer = std::make_unique<Transfer>();
  transfer->exchange = std::move(exchange);
  transfer->done = std::move(done);
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(transfer));
  }
  curl_multi_wakeup(multi_.get());
}

void Transport::stop() {
  stopped_ = true;
  curl_multi_wakeup(multi_.get());
}

void Transport::loop() {
  while (!ending_) {
    if (stopped_) {
      abandon();
    } else {
      admit();
    }
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    collect();
    // Exchanges that ended have made room for waiting ones.
    if (!stopped_) admit();
    curl_multi_poll(multi_.get(), nullptr, 0, 1'000, nullptr);
  }
  abandon();
  for (void* const handle : idle_) curl_easy_cleanup(handle);
}

std::unique_ptr<Transport::Transfer> Transport::take_next() {
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) return nullptr;
  auto next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

void Transport::admit() {
  while (running_.size() < options_.max_connections) {
    auto next = take_next();
    if (!next) return;
    begin(std::move(next));
  }
}

void Transport::begin(std::unique_ptr<Transfer> transfer) {
  CURL* curl = nullptr;
  if (idle_.empty()) {
    curl = new_curl_handle().release();
  } else {
    curl = idle_.back();
    idle_.pop_back();
  }
  transfer->set_options(curl, options_);
  running_.emplace(curl, std::move(transfer));
  curl_multi_add_handle(multi_.get(), curl);
}

void Transport::collect() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const curl = message->easy_handle;
    const CURLcode code = message->data.result;
    auto entry = running_.extract(curl);
    entry.mapped()->finish(curl, code);
    curl_multi_remove_handle(multi_.get(), curl);
    curl_easy_reset(curl);
    idle_.push_back(curl);
    entry.mapped()->done(std::move(entry.mapped()->outcome));
  }
}

void Transport::abandon() {
  for (auto& [handle, transfer] : running_) {
    curl_multi_remove_handle(multi_.get(), handle);
    curl_easy_cleanup(handle);
    transfer->done(stopped());
  }
  running_.clear();
  while (const auto waiting = take_next()) waiting->done(stopped());
}

}  // namespace classifier::aws
