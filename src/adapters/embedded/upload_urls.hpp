// Upload URLs of the embedded store. Like presigned URLs of S3, each is valid for one key, one
// content type and a limited time; it is signed with a secret of this installation.
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

  // Reads the secret from `file`; creates it, readable by this user only, where it is missing.
  static Result<UploadUrls> open(const std::filesystem::path& file);

  // "<base_url>/objects/<key>?expires=<Unix seconds>&content_type=<type>&signature=<64 hex
  // digits>", with key and type percent-encoded.
  std::string sign(std::string_view base_url, std::string_view key, std::string_view content_type,
                   TimePoint expires_at) const;

  // See UploadReceiver::verify.
  Result<void> verify(const SignedUpload& upload, TimePoint now) const;

 private:
  std::string signature(std::string_view key, std::string_view content_type,
                        std::string_view expires) const;
  std::string secret_;
};

}  // namespace classifier
