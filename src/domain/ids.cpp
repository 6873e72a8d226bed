#include "domain/ids.hpp"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace classifier {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

void append_hex(std::string& text, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    text += kDigits[(value >> shift) & 0xF];
}

// Random bits of the operating system, fetched for many calls at once because every request needs
// an id.
std::uint32_t random_bits() {
  constexpr std::size_t kAtOnce = 256;  // up to 256 bytes, getrandom returns all of them
  thread_local std::array<std::uint8_t, kAtOnce> bytes;
  thread_local std::size_t used = kAtOnce;
  std::uint32_t value = 0;
  if (used == kAtOnce) {
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(kAtOnce))
      throw std::runtime_error("the operating system gives no random numbers");
    used = 0;
  }
  std::memcpy(&value, &bytes[used], sizeof value);
  used += sizeof value;
  return value;
}

}  // namespace

std::string random_hex(std::size_t count) {
  std::string text;
  text.reserve(count);
  while (text.size() < count) append_hex(text, random_bits(), 8);
  text.resize(count);
  return text;
}

std::string make_job_id(TimePoint now) {
  const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count());
  std::string id;
  id.reserve(36);
  append_hex(id, ms >> 16, 8);
  id += '-';
  append_hex(id, ms & 0xFFFF, 4);
  id += '-';
  append_hex(id, 0x7000U | (random_bits() & 0x0FFFU), 4);
  id += '-';
  append_hex(id, 0x8000U | (random_bits() & 0x3FFFU), 4);
  id += '-';
  append_hex(id, random_bits(), 8);
  append_hex(id, random_bits() & 0xFFFFU, 4);
  return id;
}

}  // namespace classifier
