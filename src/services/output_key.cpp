#include "services/output_key.hpp"

#include <spdlog/fmt/fmt.h>

#include "domain/text.hpp"

namespace classifier {

std::string safe_label(std::string_view label) {
  std::string safe(utf8_prefix(label, 200));
  for (char& c : safe) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F ||
        std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos)
      c = '_';
  }
  while (safe.ends_with('.') || safe.ends_with(' ')) safe.back() = '_';
  if (safe.starts_with('.')) safe.front() = '_';
  return safe.empty() ? "_" : safe;
}

std::string output_key(std::string_view job_id, std::string_view label, std::string_view filename) {
  return fmt::format("{}/{}/{}", job_id, safe_label(label), filename);
}

}  // namespace classifier
