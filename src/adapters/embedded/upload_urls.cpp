#include "adapters/embedded/upload_urls.hpp"

#include <openssl/crypto.h>
#include <spdlog/fmt/fmt.h>

#include <utility>

#include "adapters/embedded/durable_file.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

constexpr std::size_t kSecretDigits = 64;

// Empty where the file is missing, unreadable or too short.
std::string read_secret(const std::filesystem::path& file) {
  const auto content = read_file(file);
  if (!content || content->size() < kSecretDigits) return {};
  return content->substr(0, kSecretDigits);
}

}  // namespace

UploadUrls::UploadUrls(std::string secret) : secret_(std::move(secret)) {}

Result<UploadUrls> UploadUrls::open(const std::filesystem::path& file) {
  std::string secret = read_secret(file);
  if (secret.empty()) {
    if (auto made = create_durable_file(file, random_hex(kSecretDigits), 0600); !made) {
      return fail(made.error().code, made.error().message + ": check the folder's owner and mode");
    }
    secret = read_secret(file);
  }
  if (secret.empty()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the upload secret {} cannot be read, or is damaged: check its owner "
                            "and mode, or remove it",
                            file.string()));
  }
  return UploadUrls(std::move(secret));
}

std::string UploadUrls::signature(std::string_view key, std::string_view content_type,
                                  std::string_view expires) const {
  // Only the key may contain a line break, so it comes last: verify() checks the others.
  std::string text = "PUT\n";
  text.append(expires).append("\n").append(content_type).append("\n").append(key);
  return to_hex(hmac_sha256(secret_, text));
}

std::string UploadUrls::sign(std::string_view base_url, std::string_view key,
                             std::string_view content_type, TimePoint expires_at) const {
  const std::string expires = std::to_string(
      std::chrono::floor<std::chrono::seconds>(expires_at).time_since_epoch().count());
  return fmt::format("{}/objects/{}?expires={}&content_type={}&signature={}", base_url,
                     percent_encode(key, true), expires, percent_encode(content_type, false),
                     signature(key, content_type, expires));
}

Result<void> UploadUrls::verify(const SignedUpload& upload, TimePoint now) const {
  const auto& [key, content_type, expires, given] = upload;
  const std::string expected = signature(key, content_type, expires);
  // A line break before the key would let one signature fit other parts.
  if (has_control_character(expires) || has_control_character(content_type) ||
      given.size() != expected.size() ||
      CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0) {
    return fail(
        ErrorCode::kForbidden,
        "this upload URL was not issued by POST /upload-url, or its key or Content-Type was "
        "changed: request a new one");
  }
  const std::int64_t seconds = parse_integer(expires).value_or(0);
  if (std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() >= seconds) {
    return fail(ErrorCode::kForbidden,
                "this upload URL has expired: request a new one with POST /upload-url");
  }
  return {};
}

}  // namespace classifier
