#include "adapters/http/wire.hpp"

#include <array>
#include <charconv>
#include <ctime>

namespace classifier::http {
namespace {

void append_value(std::string& text, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    text += (byte < 0x20 && c != '\t') || byte == 0x7F ? ' ' : c;
  }
}

void append_field(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ");
  append_value(text, value);
  text.append("\r\n");
}

}  // namespace

std::string http_date() {
  thread_local std::time_t last = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != last || text.empty()) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> buffer{};
    const std::size_t size =
        std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    text.assign(buffer.data(), size);
    last = now;
  }
  return text;
}

std::string head_of(const Response& response, const Framing& framing) {
  std::string text;
  text.reserve(768);
  text.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  text.append(reason_of(response.status)).append("\r\n");
  append_field(text, "Date", http_date());
  for (const auto& [name, value] : response.headers) append_field(text, name, value);
  if (framing.length) append_field(text, "Content-Length", std::to_string(*framing.length));
  if (framing.chunked) append_field(text, "Transfer-Encoding", "chunked");
  if (!framing.keep_alive) {
    append_field(text, "Connection", "close");
  } else if (!framing.http11) {
    append_field(text, "Connection", "keep-alive");
  }
  text.append("\r\n");
  return text;
}

std::string chunk_of(std::string_view data) {
  std::array<char, 16> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), data.size(), 16).ptr;
  std::string chunk(size.data(), end);
  chunk.reserve(chunk.size() + data.size() + 4);
  chunk.append("\r\n").append(data).append("\r\n");
  return chunk;
}

std::string text_of(const Event& event) {
  std::string text = "event: " + event.name + "\n";
  std::string_view rest = event.data;
  while (true) {
    const std::size_t line = rest.find('\n');
    text.append("data: ").append(rest.substr(0, line)).append("\n");
    if (line == std::string_view::npos) break;
    rest.remove_prefix(line + 1);
  }
  return text + "\n";
}

}  // namespace classifier::http
