// Functions on text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace classifier {

// Removes ASCII white space at both ends.
std::string trim(std::string_view text);

bool is_one_of(std::string_view text, std::span<const std::string_view> list);

// Whether the text is valid UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

// The characters (code points) of a UTF-8 text.
std::size_t utf8_length(std::string_view text);

// Valid UTF-8: bytes that are not are written as "\\xNN", so that different texts stay different.
std::string escape_non_utf8(std::string_view text);

// The longest prefix of a UTF-8 text with at most `max_bytes` bytes and no cut character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);

// Whether the text has a character below U+0020, or U+007F.
bool has_control_character(std::string_view text);

// Replaces control characters by spaces.
std::string one_line(std::string_view text);

// Whether a part between slashes is "." or "..".
bool has_dot_part(std::string_view key);

// Parses decimal digits with an optional minus; nullopt for anything else, and beyond 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text);

// With ASCII letters in lower case; other bytes stay as they are.
std::string to_lower(std::string_view text);

// "0.31": at most four digits after the point, and none that say nothing.
std::string short_number(double value);

// "cat.jpg" for "a/cat.jpg"; empty if the key ends in a slash.
std::string_view filename_of(std::string_view key);

// `"a", "b" and "c"`; of many texts the first ones, and how many more there are.
std::string quoted_list(std::span<const std::string> texts);

// The extension in lower case with its dot, ".jpg" for "a/cat.JPG"; empty if there is none.
std::string extension_of(std::string_view path);

// "cat-2.jpg" for ("cat.jpg", 2)
std::string numbered_filename(std::string_view filename, int number);

// Cuts the name to `max_bytes` bytes, but keeps the extension.
std::string shorten_filename(std::string_view filename, std::size_t max_bytes);

// RFC 3986: all but unreserved characters, and slashes if they are kept, become %XX.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

// nullopt if a "%" is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

// Two hexadecimal digits for each byte.
std::string to_hex(std::span<const unsigned char> bytes);
std::string to_hex(std::string_view bytes);

// The bytes of pairs of hexadecimal digits in lower case.
std::string from_hex(std::string_view digits);

// SHA-256 as 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

// HMAC with SHA-256 (RFC 2104): 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view text);

}  // namespace classifier
