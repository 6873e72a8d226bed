// Who may do what.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace classifier {

// Each role may do what the ones before it may.
enum class Role {
  kRead,   // look: lists, images, status, results, metrics
  kWrite,  // upload, submit, classify, cancel, retry
  kAdmin,  // delete
};

std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

// A key as an operator configures it.
struct ApiKey {
  std::string name;  // stands for the key in logs
  Role role = Role::kAdmin;
  std::string secret;
};

// Of "secret", which is an admin's, or "name:role:secret"; `number` names a key without a name.
// nullopt where there are three parts whose first is no name or whose second is no role, or an
// empty secret.
std::optional<ApiKey> parse_api_key(std::string_view text, std::size_t number);

// Whether a key may be called so: 1 to 64 of [A-Za-z0-9._-].
bool is_key_name(std::string_view name);

}  // namespace classifier
