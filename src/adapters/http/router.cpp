#include "adapters/http/router.hpp"

#include <algorithm>
#include <stdexcept>

#include "domain/text.hpp"

namespace classifier::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// A route for GET answers HEAD as well.
bool serves(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

}  // namespace

Role role_of(const Route& route) {
  if (route.options.role) return *route.options.role;
  if (route.method == "GET") return Role::kRead;
  return route.method == "DELETE" ? Role::kAdmin : Role::kWrite;
}

std::vector<Router::Part> Router::parse(std::string_view pattern) {
  const auto bad = [&] { return std::invalid_argument("route pattern " + std::string(pattern)); };
  if (!pattern.starts_with('/')) throw bad();
  std::vector<Part> parts;
  for (const std::string_view text : split(pattern)) {
    Part part;
    part.text = text;
    if (text.starts_with('{')) {
      const std::size_t close = text.find('}');
      if (close == std::string_view::npos || close < 2) throw bad();
      std::string_view name = text.substr(1, close - 1);
      part.kind = name.ends_with('+') ? Part::Kind::kGreedy : Part::Kind::kParam;
      if (part.kind == Part::Kind::kGreedy) name.remove_suffix(1);
      part.text = name;
      part.suffix = text.substr(close + 1);
    }
    parts.push_back(std::move(part));
  }
  if (std::ranges::count(parts, Part::Kind::kGreedy, &Part::kind) > 1) throw bad();
  return parts;
}

void Router::insert(Route route) {
  auto entry = std::make_unique<Entry>();
  entry->parts = parse(route.pattern);
  entry->route = std::move(route);
  entry->greedy = static_cast<std::size_t>(
      std::ranges::find(entry->parts, Part::Kind::kGreedy, &Part::kind) - entry->parts.begin());
  entries_.push_back(std::move(entry));
}

void Router::add(std::string_view method, std::string_view pattern, RouteOptions options,
                 Handler handler) {
  insert({std::string(method), std::string(pattern), options, std::move(handler), nullptr});
}

void Router::add_upload(std::string_view method, std::string_view pattern, RouteOptions options,
                        UploadHandler handler) {
  insert({std::string(method), std::string(pattern), options, nullptr, std::move(handler)});
}

void Router::set_fallback(RouteOptions options, Handler handler) {
  fallback_ =
      std::make_unique<Route>(Route{"GET", "(other)", options, std::move(handler), nullptr});
}

bool Router::fits(const Entry& entry, const Spans& parts) {
  const std::size_t count = entry.parts.size();
  const bool greedy = entry.greedy < count;
  if (greedy ? parts.size() < count : parts.size() != count) return false;
  const std::size_t extra = parts.size() - count;  // parts that the greedy one matches, less one
  for (std::size_t i = 0; i < count; ++i) {
    const Part& part = entry.parts[i];
    if (part.kind == Part::Kind::kGreedy) continue;
    const std::string_view text = parts[i > entry.greedy ? i + extra : i];
    if (part.kind == Part::Kind::kLiteral) {
      if (text != part.text) return false;
    } else if (text.size() <= part.suffix.size() || !text.ends_with(part.suffix)) {
      return false;
    }
  }
  // In "/images/" the greedy part would be empty.
  return !greedy || extra > 0 || !parts[entry.greedy].empty();
}

bool Router::extract(const Entry& entry, const Spans& parts, RouteMatch& match) {
  const std::size_t extra = parts.size() - entry.parts.size();
  for (std::size_t i = 0; i < entry.parts.size(); ++i) {
    const Part& part = entry.parts[i];
    if (part.kind == Part::Kind::kLiteral) continue;
    std::string_view raw = parts[i > entry.greedy ? i + extra : i];
    if (part.kind == Part::Kind::kGreedy) {
      const std::string_view last = parts[i + extra];
      raw = std::string_view(raw.begin(), last.end());
    }
    raw.remove_suffix(part.suffix.size());
    auto value = percent_decode(raw);
    if (!value || !is_utf8(*value) || value->find('\0') != std::string::npos) return false;
    match.params.emplace_back(part.text, std::move(*value));
  }
  return true;
}

RouteMatch Router::match(std::string_view method, std::string_view path) const {
  RouteMatch match;
  const Spans parts = split(path);
  const Entry* found = nullptr;
  for (const auto& entry : entries_) {
    if (!fits(*entry, parts)) continue;
    if (found == nullptr && serves(entry->route, method)) found = entry.get();
    if (found != nullptr && method != "OPTIONS") break;
    const std::string_view also = entry->route.method;
    if (match.allowed.find(also) != std::string::npos) continue;
    match.allowed += std::string(also) + ", " + (also == "GET" ? "HEAD, " : "");
  }
  if (found != nullptr) {
    match.route = &found->route;
    match.outcome =
        extract(*found, parts, match) ? RouteMatch::Outcome::kFound : RouteMatch::Outcome::kBadPath;
  } else if (!match.allowed.empty()) {
    match.allowed += "OPTIONS";
    match.outcome = RouteMatch::Outcome::kOtherMethod;
  } else if (fallback_ && serves(*fallback_, method)) {
    match.route = fallback_.get();
    match.outcome = RouteMatch::Outcome::kFound;
  }
  return match;
}

}  // namespace classifier::http
