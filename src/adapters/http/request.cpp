#include "adapters/http/request.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>

#include "domain/text.hpp"

namespace classifier::http {

std::string_view Request::param(std::string_view name) const {
  const auto found = std::ranges::find(params, name, [](const auto& p) { return p.first; });
  return found == params.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  const auto found = std::ranges::find(query, name, [](const auto& q) { return q.first; });
  if (found == query.end()) return std::nullopt;
  return found->second;
}

std::string origin_of(const Request& request) {
  const std::string_view host = request.headers.get("Host");
  if (host.empty()) return {};
  return (request.https ? "https://" : "http://") + std::string(host);
}

Result<long long> whole_number(const Request& request, std::string_view name, long long min,
                               long long max, long long fallback) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  long long value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < min || value > max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} must be a whole number from {} to {}, not {}", name, min, max,
                            text->empty() ? "empty" : excerpt(*text)));
  }
  return value;
}

std::string excerpt(std::string_view value) {
  constexpr std::size_t kMax = 60;
  std::string text = one_line(utf8_prefix(value, kMax));
  if (!is_utf8(text)) return "something that is not UTF-8";
  if (text.size() < value.size()) text += "…";
  return text;
}

}  // namespace classifier::http
