// A connection's socket, plain or with TLS. Internal to the server.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace classifier::http {

using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

// Used by one thread. Neither copied nor moved: the TLS stream refers to the socket.
class Channel {
 public:
  explicit Channel(Socket socket) : socket_(std::move(socket)) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Socket& socket() { return socket_; }
  bool is_secure() const { return tls_.has_value(); }

  // The TLS handshake; everything after it is encrypted.
  template <class Token>
  auto handshake(std::shared_ptr<boost::asio::ssl::context> context, Token&& token) {
    context_ = std::move(context);
    tls_.emplace(socket_, *context_);
    return tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Token>(token));
  }

  // Sends the end of the TLS stream and waits for the client's. Only if is_secure().
  template <class Token>
  auto shut_down(Token&& token) {
    return tls_->async_shutdown(std::forward<Token>(token));
  }

  template <class Buffers, class Token>
  auto read_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_read_some(buffers, std::forward<Token>(token))
                : socket_.async_read_some(buffers, std::forward<Token>(token));
  }

  template <class Buffers, class Token>
  auto write(const Buffers& buffers, Token&& token) {
    return tls_ ? boost::asio::async_write(*tls_, buffers, std::forward<Token>(token))
                : boost::asio::async_write(socket_, buffers, std::forward<Token>(token));
  }

  // Whether the client has closed its side and, without TLS, everything it sent is read.
  bool peer_is_gone() {
    if (tls_) {
      // The end of the TLS stream may be unread, so unread bytes do not count.
      pollfd state{socket_.native_handle(), POLLRDHUP, 0};
      return ::poll(&state, 1, 0) == 1;
    }
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

 private:
  Socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace classifier::http
