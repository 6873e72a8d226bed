#include "adapters/rest/router.hpp"

#include <optional>
#include <set>
#include <utility>

namespace classifier::rest {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_slot(const std::string& part) { return part.starts_with('{'); }
bool is_greedy(const std::string& part) { return part.ends_with("+}"); }

using Parameters = std::vector<std::pair<std::string, std::string>>;

// The slots' values, still encoded; nullopt where the path does not fit. At most one slot of a
// pattern is greedy.
std::optional<Parameters> fit(const std::vector<std::string>& pattern,
                              const std::vector<std::string>& path) {
  if (path.size() < pattern.size()) return std::nullopt;
  const std::size_t surplus = path.size() - pattern.size();
  Parameters values;
  std::size_t at = 0;
  for (const auto& part : pattern) {
    if (!is_slot(part)) {
      if (path[at++] != part) return std::nullopt;
      continue;
    }
    std::string value = path[at++];
    std::string name = part.substr(1, part.size() - 2);
    if (is_greedy(part)) {
      name.pop_back();
      for (std::size_t i = 0; i < surplus; ++i) value += "/" + path[at++];
    }
    if (value.empty()) return std::nullopt;
    values.emplace_back(std::move(name), std::move(value));
  }
  if (at != path.size()) return std::nullopt;
  return values;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler,
                 bool needs_key) {
  routes_.push_back(
      {std::string(method), std::string(pattern), split(pattern), std::move(handler), needs_key});
}

Router::Match Router::match(Request& request) const {
  Match result;
  if (!request.path.starts_with('/')) {
    result.error = error_response(400, "the path must begin with a slash");
    return result;
  }
  const auto path = split(request.path);
  const std::string& method = request.method == "HEAD" ? "GET" : request.method;
  std::set<std::string> allowed;
  for (const auto& route : routes_) {
    const auto values = fit(route.parts, path);
    if (!values) continue;
    allowed.insert(route.method);
    if (route.method != method) continue;
    for (const auto& [name, value] : *values) {
      const auto decoded = percent_decode(value);
      if (!decoded) {
        result.error = error_response(400, "the path has a malformed percent-encoding");
        return result;
      }
      request.parameters[name] = *decoded;
    }
    result.handler = &route.handler;
    result.needs_key = route.needs_key;
    result.pattern = route.pattern;
    return result;
  }
  if (allowed.empty()) {
    result.error =
        error_response(404, "there is nothing at " + request.path.substr(0, 200) + ": see /docs");
    return result;
  }
  if (allowed.contains("GET")) allowed.insert("HEAD");
  std::string names;
  for (const auto& name : allowed) names += (names.empty() ? "" : ", ") + name;
  result.error = error_response(405, request.method + " is not allowed here; allowed: " + names);
  result.error.headers.emplace_back("Allow", names);
  return result;
}

}  // namespace classifier::rest
