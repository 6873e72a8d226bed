// Roles and API keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace classifier {

// Each role includes the ones before it.
enum class Role {
  kRead,   // lists, images, status, results, metrics
  kWrite,  // upload, submit, classify, cancel, retry
  kAdmin,  // delete
};

std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

// A key as an operator configures it.
struct ApiKey {
  std::string name;  // identifies the key in logs
  Role role = Role::kAdmin;
  std::string secret;
};

// Parses "name:role:secret", or "secret" for a key with the role admin and a name made of `number`.
// nullopt if the name or the role is not valid, or the secret is empty.
std::optional<ApiKey> parse_api_key(std::string_view text, std::size_t number);

// Whether the name is valid: 1 to 64 characters of [A-Za-z0-9._-].
bool is_key_name(std::string_view name);

}  // namespace classifier
