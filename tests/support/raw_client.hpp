// A client that sends any bytes, also those of invalid requests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace classifier::testing {

struct RawAnswer {
  int status = 0;  // 0: the connection ended without an answer
  std::string head;
  std::string body;  // of all chunks
  bool complete = false;

  // The value of a header field; empty without one. Names as the server writes them.
  std::string header(std::string_view name) const {
    const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + 2 + name.size() + 2;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False if the server has closed the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  // Reads one answer; `head_only` for answers to HEAD.
  RawAnswer read(bool head_only = false) {
    RawAnswer answer;
    if (!fill_until("\r\n\r\n")) return answer;
    const std::size_t end = buffer_.find("\r\n\r\n") + 4;
    answer.head = take(end);
    std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
    const std::string length = answer.header("Content-Length");
    if (head_only || answer.status == 204 || answer.status == 304 || answer.status == 100) {
      answer.complete = true;
    } else if (!length.empty()) {
      const std::size_t size = std::stoul(length);
      while (buffer_.size() < size && more()) {
      }
      answer.complete = buffer_.size() >= size;
      answer.body = take(std::min(size, buffer_.size()));
    } else if (answer.header("Transfer-Encoding") == "chunked") {
      read_chunks(answer);
    } else {
      while (more()) {
      }
      answer.body = take(buffer_.size());
      answer.complete = true;
    }
    return answer;
  }

  RawAnswer call(std::string_view request, bool head_only = false) {
    send(request);
    return read(head_only);
  }

  // Waits up to five seconds for the server to close the connection.
  bool is_closed() {
    while (more()) {
    }
    return at_end_;
  }
  // The bytes received so far; waits for some.
  std::string some() {
    if (buffer_.empty()) more();
    return take(buffer_.size());
  }

 private:
  bool more() {
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, 5'000) != 1) return false;
    std::array<char, 65'536> bytes{};
    const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
    at_end_ = size <= 0;
    if (size <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(size));
    return true;
  }
  bool fill_until(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos) {
      if (!more()) return false;
    }
    return true;
  }
  std::string take(std::size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  void read_chunks(RawAnswer& answer) {
    while (fill_until("\r\n")) {
      const std::size_t line = buffer_.find("\r\n");
      const std::size_t size = std::stoul(take(line + 2), nullptr, 16);
      while (buffer_.size() < size + 2 && more()) {
      }
      if (buffer_.size() < size + 2) return;
      answer.body += take(size);
      take(2);
      if (size != 0) continue;
      answer.complete = true;
      return;
    }
  }

  int socket_;
  std::string buffer_;
  bool at_end_ = false;
};

}  // namespace classifier::testing
