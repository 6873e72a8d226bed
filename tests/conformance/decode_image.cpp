// Decodes images for conformance.py, which compares them with another decoder: the same functions
// that classification and thumbnails use, without their resize. For each path in a line of the
// standard input, one line of JSON is written to the standard output: {"error"}, or {"width",
// "height", "warning"} followed by the pixels of the upright picture: RGB, rows from the top.
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "adapters/image/decode.hpp"
#include "support/files.hpp"

namespace {

using classifier::DecodedImage;
using classifier::RgbImage;

void write_line(const nlohmann::json& line) {
  // Messages quote bytes of damaged files, which may be no UTF-8.
  std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void decode(const std::string& path) {
  const auto bytes = classifier::read_file(path);
  if (!bytes) return write_line({{"error", path + ": " + std::strerror(bytes.error())}});
  auto decoded = classifier::decode_image(std::as_bytes(std::span(*bytes)), {});
  if (!decoded) return write_line({{"error", decoded.error().message}});
  const RgbImage upright = classifier::orient(std::move(decoded->image), decoded->orientation);
  write_line({{"width", upright.width}, {"height", upright.height}, {"warning", decoded->warning}});
  std::cout.write(reinterpret_cast<const char*>(upright.pixels.data()),
                  static_cast<std::streamsize>(upright.pixels.size()));
}

}  // namespace

int main() {
  for (std::string path; std::getline(std::cin, path);) {
    decode(path);
    std::cout.flush();
  }
}
