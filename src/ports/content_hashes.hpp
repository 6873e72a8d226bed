// The port to the contents of images: which SHA-256 the object of a key has, without reading it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"

namespace classifier {

struct KnownContent {
  std::string sha256;   // of the content, 64 hexadecimal digits in lower case
  std::string version;  // opaque, of the object that has it
  friend bool operator==(const KnownContent&, const KnownContent&) = default;
};

// A content that was found by reading the object of the key.
struct FoundContent {
  std::string key;
  KnownContent content;
};

// Thread-safe; several processes may use the same contents. Errors: kUnavailable for transient
// failures.
class ContentHashes {
 public:
  virtual ~ContentHashes() = default;

  // For each key the content that its object has now, if that is known, in order.
  virtual Result<std::vector<std::optional<KnownContent>>> find(
      std::span<const std::string> keys) = 0;

  // Whether the object of the key is still that version.
  virtual Result<bool> is_current(const std::string& key, const std::string& version) = 0;

  // Makes contents known. Later ones of a key replace earlier ones. What was put may go at any
  // time, which costs another read.
  virtual Result<void> put(std::span<const FoundContent> found) = 0;

  // The object of the key is gone for good. The SHA-256 that it had, if that was known here and is
  // no longer.
  virtual Result<std::optional<std::string>> forget(const std::string& key) = 0;
};

}  // namespace classifier
