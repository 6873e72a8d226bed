#include "adapters/http/server.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/connection.hpp"

namespace classifier::http {
namespace {

namespace asio = boost::asio;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using boost::system::error_code;

constexpr std::chrono::milliseconds kSweep{100};         // between two checks of the deadlines
constexpr std::chrono::milliseconds kNoDescriptor{100};  // wait after a failed accept
constexpr std::size_t kRefusals = 64;  // connections over the limit that get a 503

struct Listener {
  Acceptor acceptor;
  Site site;
};

Error listen_error(const std::string& address, std::uint16_t port, const error_code& error) {
  const std::string what = fmt::format("cannot listen on {}:{}: ", address, port);
  if (error == asio::error::address_in_use) {
    return {ErrorCode::kConflict,
            what + "the port is taken by another program. Stop that, or choose another port"};
  }
  if (error == asio::error::access_denied) {
    return {ErrorCode::kForbidden, what + "this user may not open the port. Choose one above 1023"};
  }
  if (error == boost::system::errc::address_not_available) {
    return {ErrorCode::kInvalidArgument,
            what + "the address is not one of this machine. Choose 127.0.0.1 or 0.0.0.0"};
  }
  return {ErrorCode::kUnavailable, what + error.message()};
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(const ServerOptions& options) : context_(options) {
    const std::size_t count = std::max<std::size_t>(options.io_threads, 1);
    for (std::size_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<Shard>());
  }

  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port, Site site) {
    error_code error;
    const auto ip = asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
    if (error) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\" is not an IP address such as 127.0.0.1 or 0.0.0.0", address));
    }
    const asio::ip::tcp::endpoint endpoint(ip, port);
    Acceptor acceptor(shards_.front()->io);
    const auto step = [&](auto&& action) {
      if (!error) action();
    };
    acceptor.open(endpoint.protocol(), error);
    step([&] { acceptor.set_option(Acceptor::reuse_address(true), error); });
    if (ip.is_v6()) step([&] { acceptor.set_option(asio::ip::v6_only(false), error); });
    step([&] { acceptor.bind(endpoint, error); });
    step([&] { acceptor.listen(Acceptor::max_listen_connections, error); });
    if (error) return std::unexpected(listen_error(address, port, error));
    const std::uint16_t actual = acceptor.local_endpoint().port();
    listeners_.push_back(
        std::make_unique<Listener>(Listener{std::move(acceptor), std::move(site)}));
    if (!threads_.empty()) {
      Listener& listener = *listeners_.back();
      asio::post(shards_.front()->io, [this, &listener] { begin_accepting(listener); });
    }
    return actual;
  }

  void start() {
    if (!threads_.empty()) return;
    for (const auto& listener : listeners_) begin_accepting(*listener);
    for (const auto& shard : shards_) {
      schedule_sweep(*shard);
      threads_.emplace_back([&io = shard->io] {
        const auto guard = asio::make_work_guard(io);
        io.run();
      });
    }
  }

  void stop(std::chrono::milliseconds grace) {
    if (stopped_) return;
    stopped_ = true;
    context_.draining = true;
    const auto deadline = std::chrono::steady_clock::now() + grace;
    if (!threads_.empty()) {
      asio::post(shards_.front()->io, [this] {
        error_code ignored;
        for (const auto& listener : listeners_) listener->acceptor.close(ignored);
      });
      on_all_connections(&Connection::drain);
      wait_for_connections(deadline);
      on_all_connections(&Connection::abort);
      wait_for_connections(SteadyTime::max());
    }
    context_.blocking.join();
    context_.long_threads.join();
    for (const auto& shard : shards_) shard->io.stop();
    threads_.clear();
  }

  const ServerContext& context() const { return context_; }

 private:
  void begin_accepting(Listener& listener) {
    asio::co_spawn(shards_.front()->io.get_executor(), accept_all(listener), asio::detached);
  }

  Awaitable<> accept_all(Listener& listener) {
    Timer pause(shards_.front()->io);
    error_code error;
    while (listener.acceptor.is_open()) {
      Shard& shard = *shards_[next_shard_++ % shards_.size()];
      Socket socket(shard.io);
      error = {};
      co_await listener.acceptor.async_accept(socket, asio::redirect_error(UseAwaitable(), error));
      if (!listener.acceptor.is_open()) break;
      if (!error) {
        take(shard, listener.site, std::move(socket));
        continue;
      }
      // Most likely the process is out of file descriptors: some will be closed soon.
      spdlog::warn("accepting a connection failed: {}", error.message());
      pause.expires_after(kNoDescriptor);
      co_await pause.async_wait(asio::redirect_error(UseAwaitable(), error));
    }
  }

  void take(Shard& shard, const Site& site, Socket socket) {
    const std::size_t others = context_.connections++;
    if (others >= context_.limits.connections + kRefusals || context_.draining) {
      --context_.connections;
      return;
    }
    const bool refused = others >= context_.limits.connections;
    asio::post(shard.io, [this, &shard, &site, refused, socket = std::move(socket)]() mutable {
      auto connection = std::make_unique<Connection>(context_, shard, site, std::move(socket));
      if (context_.draining) return;
      auto served = refused ? Connection::refuse(std::move(connection))
                            : Connection::run(std::move(connection));
      asio::co_spawn(shard.io.get_executor(), std::move(served), asio::detached);
    });
  }

  void schedule_sweep(Shard& shard) {
    shard.sweep.expires_after(kSweep);
    shard.sweep.async_wait([this, &shard](const error_code& error) {
      if (error) return;
      const auto now = std::chrono::steady_clock::now();
      for (Connection* connection : shard.connections) connection->check_deadline(now);
      schedule_sweep(shard);
    });
  }

  // Closing a socket only posts its completion handlers, so the set does not change meanwhile.
  void on_all_connections(void (Connection::*action)()) {
    for (const auto& shard : shards_) {
      asio::post(shard->io, [&connections = shard->connections, action] {
        for (Connection* connection : connections) (connection->*action)();
      });
    }
  }

  void wait_for_connections(SteadyTime deadline) {
    while (context_.connections > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  ServerContext context_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Listener>>
      listeners_;               // changed before start(), or by the thread that calls listen()
  std::size_t next_shard_ = 0;  // used by the first shard's thread
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(options)) {}
Server::~Server() { stop(std::chrono::milliseconds(0)); }

Result<std::uint16_t> Server::listen(const std::string& address, std::uint16_t port, Site site) {
  return impl_->listen(address, port, std::move(site));
}
void Server::start() { impl_->start(); }
void Server::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }
std::size_t Server::connections() const { return impl_->context().connections; }
const MemoryBudget& Server::body_memory() const { return impl_->context().bodies; }
const MemoryBudget& Server::answer_memory() const { return impl_->context().answers; }

}  // namespace classifier::http
