// Upload URLs of the embedded store: signed with a secret of this installation, valid for one key,
// one content type and a limited time, as presigned URLs of S3 are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ports/upload_receiver.hpp"

namespace classifier {

// Thread-safe.
class UploadUrls {
 public:
  // `secret` is 32 random bytes or more.
  explicit UploadUrls(std::string secret);

  // Reads the secret from `file`, or makes one that only this user can read.
  static Result<UploadUrls> open(const std::filesystem::path& file);

  // "<base_url>/objects/<key, percent-encoded>?expires=<unix
  // seconds>&content_type=<type>&signature=<64 hex>"
  std::string sign(std::string_view base_url, std::string_view key, std::string_view content_type,
                   TimePoint expires_at) const;

  // As UploadReceiver::verify.
  Result<void> verify(const SignedUpload& upload, TimePoint now) const;

 private:
  std::string signature(std::string_view key, std::string_view content_type,
                        std::string_view expires) const;
  std::string secret_;
};

}  // namespace classifier
