#include "domain/ids.hpp"

#include <cstdint>
#include <random>
#include <string_view>

namespace classifier {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

void append_hex(std::string& text, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    text += kDigits[(value >> shift) & 0xF];
}

}  // namespace

std::string random_hex(std::size_t count) {
  std::random_device device;
  std::string text;
  text.reserve(count);
  while (text.size() < count) append_hex(text, device(), 8);
  text.resize(count);
  return text;
}

std::string make_job_id(TimePoint now) {
  std::random_device device;
  const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count());
  std::string id;
  id.reserve(36);
  append_hex(id, ms >> 16, 8);
  id += '-';
  append_hex(id, ms & 0xFFFF, 4);
  id += '-';
  append_hex(id, 0x7000U | (device() & 0x0FFFU), 4);
  id += '-';
  append_hex(id, 0x8000U | (device() & 0x3FFFU), 4);
  id += '-';
  append_hex(id, device(), 8);
  append_hex(id, device() & 0xFFFFU, 4);
  return id;
}

}  // namespace classifier
