// What a model saw in an image, as bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/seen_image.hpp"

namespace classifier::aws {

// The same for all processes and versions: numbers are little-endian, as on all processors that the
// program runs on. read_seen() returns nullopt for bytes that are none of write_seen().
std::string write_seen(const SeenImage& seen);
std::optional<SeenImage> read_seen(std::string_view bytes);

// Appends the bytes of a number.
template <class Number>
void append_number(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Takes a number, or so many bytes, from the front of `bytes`; nullopt where it is too short.
std::optional<std::string_view> take_bytes(std::string_view& bytes, std::size_t size);
std::optional<std::uint32_t> take_size(std::string_view& bytes);

}  // namespace classifier::aws
