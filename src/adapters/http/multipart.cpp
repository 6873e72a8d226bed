#include "adapters/http/multipart.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/http/headers.hpp"
#include "adapters/http/request.hpp"
#include "domain/text.hpp"

namespace classifier::http {
namespace {

constexpr std::size_t kMaxBoundary = 70;  // RFC 2046
constexpr std::string_view kLineEnd = "\r\n";

auto malformed(const std::string& what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the form is not valid multipart/form-data: {}", what));
}

// The value of the parameter `name` of a header field; nullopt if there is none, or if its quotes
// do not close.
std::optional<std::string> parameter(std::string_view field, std::string_view name) {
  std::size_t at = field.find(';');
  while (at != std::string_view::npos && at + 1 < field.size()) {
    at = std::min(field.find_first_not_of(" \t", at + 1), field.size());
    const std::size_t equals = field.find_first_of("=;", at);
    if (equals == std::string_view::npos) return std::nullopt;
    if (field[equals] == ';') {
      at = equals;
      continue;
    }
    const std::string key = trim(field.substr(at, equals - at));
    std::string value;
    at = equals + 1;
    if (at < field.size() && field[at] == '"') {
      for (++at; at < field.size() && field[at] != '"'; ++at) {
        // Browsers write a quote as %22; a backslash escapes only a quote or itself.
        const bool escaped = field[at] == '\\' && at + 1 < field.size() &&
                             (field[at + 1] == '"' || field[at + 1] == '\\');
        if (escaped) ++at;
        value += field[at];
      }
      if (at >= field.size()) return std::nullopt;
      at = field.find(';', at);
    } else {
      const std::size_t end = std::min(field.find(';', at), field.size());
      value = trim(field.substr(at, end - at));
      at = end == field.size() ? std::string_view::npos : end;
    }
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::string last_part(std::string_view path) {
  const std::size_t slash = path.find_last_of("/\\");
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

Result<FormPart> read_part_header(std::string_view header) {
  FormPart part;
  bool has_name = false;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(kLineEnd), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + kLineEnd.size(), header.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return malformed("a part has a bad header");
    const std::string_view field = line.substr(0, colon);
    const std::string value = trim(line.substr(colon + 1));
    if (equal_ignoring_case(field, "Content-Disposition")) {
      if (media_type(value) != "form-data") return malformed("a part is not form-data");
      const auto name = parameter(value, "name");
      const auto filename = parameter(value, "filename");
      has_name = name.has_value();
      part.name = name.value_or("");
      part.is_file = filename.has_value();
      part.filename = last_part(filename.value_or(""));
    } else if (equal_ignoring_case(field, "Content-Type")) {
      part.content_type = value;
    } else if (equal_ignoring_case(field, "Content-Transfer-Encoding") &&
               !equal_ignoring_case(value, "binary") && !equal_ignoring_case(value, "8bit") &&
               !equal_ignoring_case(value, "7bit")) {
      return malformed(
          fmt::format("a part is encoded as {}: send it without an encoding", excerpt(value)));
    }
  }
  if (!has_name) return malformed("a part has no name");
  if (!is_utf8(part.name) || !is_utf8(part.filename)) return malformed("a name is not UTF-8");
  return part;
}

}  // namespace

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body,
                                              const MultipartLimits& limits) {
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary)
    return malformed("Content-Type has no boundary");
  const std::string delimiter = "--" + *boundary;
  const std::string separator = std::string(kLineEnd) + delimiter;
  if (!body.starts_with(delimiter)) return malformed("the body does not begin with the boundary");
  std::vector<FormPart> parts;
  body.remove_prefix(delimiter.size());
  while (!body.starts_with("--")) {
    if (!body.starts_with(kLineEnd)) return malformed("a boundary does not end its line");
    body.remove_prefix(kLineEnd.size());
    if (parts.size() == limits.max_parts) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("the form has more than {} parts", limits.max_parts));
    }
    const std::size_t header_end = body.find("\r\n\r\n");
    if (header_end == std::string_view::npos) return malformed("the header of a part does not end");
    if (header_end > limits.max_header_bytes) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("a part of the form has a header of more than {} bytes",
                              limits.max_header_bytes));
    }
    auto part = read_part_header(body.substr(0, header_end));
    if (!part) return std::unexpected(part.error());
    body.remove_prefix(header_end + 2 * kLineEnd.size());
    // After the header of an empty part, the delimiter may follow without a line end of its own.
    const std::size_t end =
        body.starts_with(delimiter) ? std::string_view::npos : body.find(separator);
    if (end == std::string_view::npos) return malformed("the last boundary is missing");
    part->content = body.substr(0, end);
    body.remove_prefix(end + separator.size());
    parts.push_back(std::move(*part));
  }
  if (body != "--" && body != "--\r\n")
    return malformed("the body goes on after the last boundary");
  return parts;
}

}  // namespace classifier::http
