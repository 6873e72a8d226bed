#include "support/response_head.hpp"

#include <algorithm>
#include <charconv>

#include "domain/text.hpp"

namespace classifier {

std::string_view ResponseHead::read_line(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    headers.clear();
    const std::size_t space = std::min(line.find(' '), line.size() - 1);
    std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const auto place =
      headers.insert_or_assign(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1))).first;
  return place->first;
}

std::string header_of(const std::map<std::string, std::string>& headers, const std::string& name) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

}  // namespace classifier
