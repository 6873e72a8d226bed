#include "adapters/embedded/upload_urls.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "adapters/embedded/durable_file.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

constexpr std::size_t kSecretDigits = 64;

std::string read_secret(const std::filesystem::path& file) {
  std::string secret(kSecretDigits, '\0');
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const auto size = ::read(fd, secret.data(), secret.size());
  ::close(fd);
  return std::cmp_equal(size, kSecretDigits) ? secret : std::string{};
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
    return fail(ErrorCode::kUnavailable, "the upload secret " + file.string() +
                                             " cannot be read, or is damaged: check its owner and "
                                             "mode, or remove it");
  }
  return UploadUrls(std::move(secret));
}

std::string UploadUrls::signature(std::string_view key, std::string_view content_type,
                                  std::string_view expires) const {
  // A line break can be in none of the parts but the key, which stands last.
  std::string text = "PUT\n";
  text.append(expires).append("\n").append(content_type).append("\n").append(key);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return to_hex({digest.data(), size});
}

std::string UploadUrls::sign(std::string_view base_url, std::string_view key,
                             std::string_view content_type, TimePoint expires_at) const {
  const std::string expires = std::to_string(
      std::chrono::floor<std::chrono::seconds>(expires_at).time_since_epoch().count());
  std::string url(base_url);
  url += "/objects/" + percent_encode(key, true) + "?expires=" + expires +
         "&content_type=" + percent_encode(content_type, false) +
         "&signature=" + signature(key, content_type, expires);
  return url;
}

Result<void> UploadUrls::verify(const SignedUpload& upload, TimePoint now) const {
  const auto& [key, content_type, expires, given] = upload;
  const std::string expected = signature(key, content_type, expires);
  // A line break in what stands before the key could shift where one part ends.
  if (has_control_character(expires) || has_control_character(content_type) ||
      given.size() != expected.size() ||
      CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0) {
    return fail(ErrorCode::kForbidden,
                "this upload URL is not one that POST /upload-url gave, or its key or Content-Type "
                "was changed: "
                "ask for a new one");
  }
  std::int64_t seconds = 0;
  std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
  if (std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() >= seconds) {
    return fail(ErrorCode::kForbidden,
                "this upload URL has expired: ask POST /upload-url for a new one");
  }
  return {};
}

}  // namespace classifier
