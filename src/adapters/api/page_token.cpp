#include "adapters/api/page_token.hpp"

#include "domain/text.hpp"

namespace classifier::api {
namespace {

constexpr std::size_t kCheckDigits = 16;

std::string check_of(std::string_view list, std::string_view position) {
  return sha256_hex(std::string(list) + '\0' + std::string(position)).substr(0, kCheckDigits);
}

}  // namespace

std::string page_token(std::string_view list, std::string_view position) {
  return check_of(list, position) + std::string(position);
}

Result<std::string> position_of(std::string_view list, std::string_view token) {
  if (token.empty()) return std::string();
  const std::string_view check = token.substr(0, kCheckDigits);
  const std::string_view position = token.substr(check.size());
  if (check == check_of(list, position)) return std::string(position);
  return fail(ErrorCode::kInvalidArgument,
              "next_token is not one that this list returned: repeat the request without it");
}

}  // namespace classifier::api
