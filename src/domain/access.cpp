#include "domain/access.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace classifier {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 3> kRoles{
    {{Role::kRead, "read"}, {Role::kWrite, "write"}, {Role::kAdmin, "admin"}}};

}  // namespace

std::string_view to_string(Role role) {
  return std::ranges::find(kRoles, role, [](const auto& entry) { return entry.first; })->second;
}

std::optional<Role> parse_role(std::string_view text) {
  const auto* const found =
      std::ranges::find(kRoles, text, [](const auto& entry) { return entry.second; });
  if (found == kRoles.end()) return std::nullopt;
  return found->first;
}

bool is_key_name(std::string_view name) {
  constexpr std::size_t kMax = 64;
  return !name.empty() && name.size() <= kMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::optional<ApiKey> parse_api_key(std::string_view text, std::size_t number) {
  if (text.empty()) return std::nullopt;
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) {
    return ApiKey{
        .name = "key-" + std::to_string(number), .role = Role::kAdmin, .secret = std::string(text)};
  }
  const std::string_view name = text.substr(0, first);
  const auto role = parse_role(text.substr(first + 1, second - first - 1));
  const std::string_view secret = text.substr(second + 1);
  if (!is_key_name(name) || !role || secret.empty()) return std::nullopt;
  return ApiKey{.name = std::string(name), .role = *role, .secret = std::string(secret)};
}

}  // namespace classifier
