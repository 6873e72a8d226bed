#include "adapters/aws/memory/seen_record.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "domain/half.hpp"

namespace classifier::aws {
namespace {

static_assert(std::endian::native == std::endian::little);

// Of the form of the bytes.
constexpr char kFormat = 1;

template <class T>
bool take_values(std::string_view& bytes, std::vector<T>& values) {
  const auto count = take_size(bytes);
  if (!count || *count > bytes.size() / sizeof(T)) return false;
  values.resize(*count);
  const auto taken = take_bytes(bytes, *count * sizeof(T));
  if (*count > 0) std::memcpy(values.data(), taken->data(), taken->size());
  return true;
}

template <class T>
void append_values(std::string& bytes, const std::vector<T>& values) {
  append_number(bytes, static_cast<std::uint32_t>(values.size()));
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

std::optional<std::string_view> take_bytes(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

std::optional<std::uint32_t> take_size(std::string_view& bytes) {
  std::uint32_t size = 0;
  const auto taken = take_bytes(bytes, sizeof(size));
  if (!taken) return std::nullopt;
  std::memcpy(&size, taken->data(), sizeof(size));
  return size;
}

std::string write_seen(const SeenImage& seen) {
  std::vector<std::uint16_t> halves(seen.vector.size());
  std::ranges::transform(seen.vector, halves.begin(), to_half);
  std::string bytes(1, kFormat);
  append_values(bytes, halves);
  append_values(bytes, seen.top);
  bytes.append(reinterpret_cast<const char*>(seen.look.brightness.data()),
               seen.look.brightness.size());
  append_number(bytes, seen.look.sharpness);
  return bytes + seen.warning;
}

std::optional<SeenImage> read_seen(std::string_view bytes) {
  SeenImage seen;
  const auto format = take_bytes(bytes, 1);
  if (!format || format->front() != kFormat) return std::nullopt;
  std::vector<std::uint16_t> halves;
  if (!take_values(bytes, halves) || !take_values(bytes, seen.top)) return std::nullopt;
  seen.vector.resize(halves.size());
  std::ranges::transform(halves, seen.vector.begin(), from_half);
  const auto brightness = take_bytes(bytes, seen.look.brightness.size());
  const auto sharpness = take_bytes(bytes, sizeof(seen.look.sharpness));
  if (!brightness || !sharpness) return std::nullopt;
  std::memcpy(seen.look.brightness.data(), brightness->data(), brightness->size());
  std::memcpy(&seen.look.sharpness, sharpness->data(), sharpness->size());
  seen.warning = bytes;
  return seen;
}

}  // namespace classifier::aws
