#include "adapters/rest/server.hpp"

#include <openssl/crypto.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/beast.hpp>
#include <cctype>
#include <thread>
#include <utility>

#include "domain/ids.hpp"

namespace classifier::rest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using Stream = beast::basic_stream<tcp, asio::any_io_executor>;

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Counts the bytes of request bodies in memory.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  bool take(std::size_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= limit_) return true;
    used_ -= bytes;
    return false;
  }
  void give_back(std::size_t bytes) { used_ -= bytes; }

 private:
  std::atomic<std::size_t> used_{0};
  std::size_t limit_;
};

struct BudgetShare {
  BudgetShare() = default;
  ~BudgetShare() {
    if (budget != nullptr) budget->give_back(bytes);
  }
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;
  Budget* budget = nullptr;
  std::size_t bytes = 0;
};

// Fills in everything of a request but its body. False where the target cannot be read.
bool read_target(Request& request, std::string_view target) {
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark == std::string_view::npos) return true;
  std::string_view query = target.substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return false;
    request.query[*name] = *value;
  }
  return true;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, std::shared_ptr<const Router> router)
      : options_(std::move(options)),
        router_(std::move(router)),
        handlers_(options_.handler_threads),
        acceptor_(io_),
        budget_(options_.limits.max_buffered_bytes) {}

  Result<void> bind() {
    beast::error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) {
      return fail(ErrorCode::kInvalidArgument,
                  "BIND_ADDRESS must be an IP address such as 127.0.0.1 or 0.0.0.0, not \"" +
                      options_.address + "\"");
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(ErrorCode::kUnavailable,
                  "cannot listen on " + options_.address + ":" + std::to_string(options_.port) +
                      " (" + error.message() + "): stop what uses the port, or choose another one");
    }
    port_ = acceptor_.local_endpoint().port();
    return {};
  }

  void start() {
    asio::co_spawn(io_, accept(), asio::detached);
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { io_.run(); });
  }

  void stop() {
    if (stopping_.exchange(true)) return;
    asio::post(io_, [this] { acceptor_.close(); });
    const auto deadline = std::chrono::steady_clock::now() + options_.limits.drain_timeout;
    while (in_flight_ > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    io_.stop();
    threads_.clear();  // joins
    handlers_.stop();
    handlers_.join();
  }

  std::uint16_t port() const { return port_; }

 private:
  asio::awaitable<void> accept() {
    while (!stopping_) {
      auto [error, socket] = co_await acceptor_.async_accept(kResult);
      if (stopping_) co_return;
      if (error) {
        // Out of descriptors, most likely: give connections time to end.
        asio::steady_timer timer(io_, std::chrono::milliseconds(50));
        co_await timer.async_wait(kResult);
        continue;
      }
      auto strand = asio::make_strand(io_);
      asio::co_spawn(strand, serve(tcp::socket(std::move(socket)), strand), asio::detached);
    }
  }

  asio::awaitable<void> serve(tcp::socket socket, asio::any_io_executor executor) {
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto protocol = tcp::v4();
    Stream stream(executor);
    stream.socket().assign(
        socket.local_endpoint(ignored).protocol() == protocol ? tcp::v4() : tcp::v6(),
        socket.release());
    ++connections_;
    try {
      beast::flat_buffer buffer(options_.limits.max_header_bytes + options_.limits.max_body_bytes);
      if (connections_ > options_.limits.max_connections) {
        Request none;
        co_await send(stream, none, error_response(503, "too many connections: try again soon"),
                      false, 11);
      } else {
        bool more = true;
        while (more && !stopping_) more = co_await serve_one(stream, buffer);
      }
    } catch (const std::exception& exception) {
      spdlog::debug("connection ended: {}", exception.what());
    }
    --connections_;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  // Answers one request; false when the connection ends.
  asio::awaitable<bool> serve_one(Stream& stream, beast::flat_buffer& buffer) {
    beast::http::request_parser<beast::http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options_.limits.max_header_bytes));
    parser.body_limit(options_.limits.max_body_bytes);
    stream.expires_after(options_.limits.header_timeout);
    auto [header_error, header_size] =
        co_await beast::http::async_read_header(stream, buffer, parser, kResult);
    Request request;
    if (header_error) {
      const auto refusal = refuse(header_error);
      if (refusal.status == 0) co_return false;
      co_await send(stream, request, refusal, false, 11);
      co_return false;
    }
    const auto start = std::chrono::steady_clock::now();
    const Flight flight(in_flight_);
    const auto& head = parser.get();
    const unsigned version = head.version();
    request.method = std::string(head.method_string());
    for (const auto& field : head)
      request.headers[lower(field.name_string())] = std::string(field.value());

    BudgetShare share;
    auto answer = before_body(request, head.target(), parser, share);
    if (answer.status == 0 && lower(request.header("expect")) == "100-continue") {
      const beast::http::response<beast::http::empty_body> go_on(beast::http::status::continue_,
                                                                 version);
      co_await beast::http::async_write(stream, go_on, kResult);
    }
    bool keep_alive = head.keep_alive() && !stopping_;
    if (answer.status == 0) {
      stream.expires_after(options_.limits.body_timeout);
      auto [body_error, body_size] =
          co_await beast::http::async_read(stream, buffer, parser, kResult);
      if (body_error) {
        answer = refuse(body_error);
        if (answer.status == 0) co_return false;
        keep_alive = false;
      } else {
        request.body = std::move(parser.get().body());
      }
    } else if (!parser.is_done()) {
      keep_alive = false;  // the rest of the body is not read
    }
    auto match = router_->match(request);
    if (answer.status == 0) answer = authorize(request, match);
    if (answer.status == 0) answer = co_await run(*match.handler, request);
    const int status = answer.status;
    keep_alive =
        co_await send(stream, request, std::move(answer), keep_alive, version) && keep_alive;
    if (options_.observe) {
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      options_.observe(request.method, match.handler == nullptr ? "other" : match.pattern, status,
                       time.count());
    }
    co_return keep_alive;
  }

  struct Flight {
    explicit Flight(std::atomic<int>& counter) : count(counter) { ++count; }
    ~Flight() { --count; }
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    std::atomic<int>& count;
  };

  // Status 0: the connection has simply ended.
  Response refuse(beast::error_code error) const {
    using E = beast::http::error;
    Response none;
    none.status = 0;
    if (error == E::body_limit) {
      return error_response(413, "the body is larger than " +
                                     std::to_string(options_.limits.max_body_bytes) + " bytes");
    }
    if (error == E::header_limit || error == E::buffer_overflow)
      return error_response(431, "the header is too large");
    if (error == beast::error::timeout || error == E::end_of_stream || error == E::partial_message)
      return none;
    if (error.category() == beast::http::make_error_code(E::bad_method).category()) {
      return error_response(400, "the request is not valid HTTP/1.1: " + error.message());
    }
    return none;
  }

  // Checks what the header tells; status 0 lets the body come.
  template <class Parser>
  Response before_body(Request& request, std::string_view target, const Parser& parser,
                       BudgetShare& share) {
    if (target.size() > 8'192) return error_response(414, "the URL has more than 8,192 bytes");
    if (!read_target(request, target))
      return error_response(400, "the query has a malformed percent-encoding");
    const auto length = parser.content_length();
    const std::size_t bytes = length             ? static_cast<std::size_t>(*length)
                              : parser.chunked() ? options_.limits.max_body_bytes
                                                 : 0;
    if (bytes > options_.limits.max_body_bytes) return refuse(beast::http::error::body_limit);
    if (!budget_.take(bytes))
      return error_response(503, "too many large requests at once: try again soon");
    share.budget = &budget_;
    share.bytes = bytes;
    Response go_on;
    go_on.status = 0;
    return go_on;
  }

  Response authorize(const Request& request, Router::Match& match) const {
    Response go_on;
    go_on.status = 0;
    if (request.method == "OPTIONS") {
      Response preflight;
      preflight.status = 204;
      return preflight;
    }
    if (match.handler == nullptr) return std::move(match.error);
    if (!match.needs_key || options_.api_keys.empty()) return go_on;
    std::string given = request.header("x-api-key");
    const std::string bearer = request.header("authorization");
    if (given.empty() && lower(bearer).starts_with("bearer ")) given = bearer.substr(7);
    if (given.empty()) {
      Response refused = error_response(
          401, "an API key is needed: send it as X-API-Key or Authorization: Bearer");
      refused.headers.emplace_back("WWW-Authenticate", "Bearer");
      return refused;
    }
    // Every key is compared, so that the time does not tell which one fits.
    bool known = false;
    for (const auto& key : options_.api_keys) known = equal_secrets(key, given) || known;
    return known ? go_on : error_response(403, "this API key is not valid here");
  }

  asio::awaitable<Response> run(const Handler& handler, const Request& request) {
    co_return co_await asio::co_spawn(
        handlers_,
        [&]() -> asio::awaitable<Response> {
          try {
            co_return handler(request);
          } catch (const std::exception& exception) {
            spdlog::error("{} {} failed: {}", request.method, request.path, exception.what());
            co_return error_response(500, "the server failed on this request; its log says more");
          }
        },
        asio::use_awaitable);
  }

  void add_headers(beast::http::fields& fields, const Request& request,
                   const Response& response) const {
    for (const auto& [name, value] : response.headers) fields.set(name, value);
    fields.set("X-Content-Type-Options", "nosniff");
    fields.set("Referrer-Policy", "no-referrer");
    const std::string id = request.header("x-request-id");
    fields.set("X-Request-Id", !id.empty() && id.size() <= 64 ? id : random_hex(16));
    const std::string origin = request.header("origin");
    if (origin.empty()) return;
    fields.set("Vary", "Origin");
    const auto& allowed = options_.allowed_origins;
    if (std::ranges::find(allowed, origin) == allowed.end() &&
        std::ranges::find(allowed, "*") == allowed.end())
      return;
    fields.set("Access-Control-Allow-Origin", origin);
    fields.set("Access-Control-Expose-Headers", "ETag, X-Request-Id, Retry-After");
    if (request.method != "OPTIONS") return;
    fields.set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE");
    fields.set("Access-Control-Allow-Headers",
               "Content-Type, X-API-Key, Authorization, Idempotency-Key");
    fields.set("Access-Control-Max-Age", "600");
  }

  // Whether the connection can go on.
  asio::awaitable<bool> send(Stream& stream, const Request& request, Response response,
                             bool keep_alive, unsigned version) {
    stream.expires_after(options_.limits.write_timeout);
    const auto status = static_cast<beast::http::status>(response.status);
    if (response.stream && request.method != "HEAD") {
      co_return co_await send_stream(stream, request, std::move(response), keep_alive, version);
    }
    beast::http::response<beast::http::string_body> message(status, version);
    add_headers(message, request, response);
    message.keep_alive(keep_alive);
    message.body() = std::move(response.body);
    message.prepare_payload();
    if (request.method == "HEAD") message.body().clear();
    auto [error, size] = co_await beast::http::async_write(stream, message, kResult);
    co_return !error;
  }

  asio::awaitable<bool> send_stream(Stream& stream, const Request& request, Response response,
                                    bool keep_alive, unsigned version) {
    beast::http::response<beast::http::empty_body> head(
        static_cast<beast::http::status>(response.status), version);
    add_headers(head, request, response);
    head.keep_alive(keep_alive);
    head.chunked(true);
    beast::http::response_serializer<beast::http::empty_body> serializer(head);
    auto [head_error, head_size] =
        co_await beast::http::async_write_header(stream, serializer, kResult);
    if (head_error) co_return false;
    while (!stopping_ || response.interval.count() == 0) {
      auto piece = co_await asio::co_spawn(
          handlers_,
          [&]() -> asio::awaitable<Result<std::optional<std::string>>> {
            co_return response.stream();
          },
          asio::use_awaitable);
      if (!piece) {
        // The status is sent already: only a broken connection can tell that the body is not whole.
        spdlog::error("{} {} broke off: {}", request.method, request.path, piece.error().message);
        co_return false;
      }
      if (!*piece) break;
      stream.expires_after(options_.limits.write_timeout);
      if (!(*piece)->empty()) {
        auto [error, size] = co_await asio::async_write(
            stream, beast::http::make_chunk(asio::buffer(**piece)), kResult);
        if (error) co_return false;
      }
      if (response.interval.count() > 0) {
        asio::steady_timer timer(stream.get_executor(), response.interval);
        co_await timer.async_wait(kResult);
      }
    }
    auto [error, size] =
        co_await asio::async_write(stream, beast::http::make_chunk_last(), kResult);
    co_return !error;
  }

  ServerOptions options_;
  std::shared_ptr<const Router> router_;
  asio::io_context io_;
  asio::thread_pool handlers_;
  tcp::acceptor acceptor_;
  Budget budget_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> in_flight_{0};
  std::atomic<std::size_t> connections_{0};
  std::vector<std::jthread> threads_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::listen(ServerOptions options,
                                               std::shared_ptr<const Router> router) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(router));
  if (auto bound = impl->bind(); !bound) return std::unexpected(bound.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::start() { impl_->start(); }
void Server::stop() { impl_->stop(); }
std::uint16_t Server::port() const { return impl_->port(); }

}  // namespace classifier::rest
