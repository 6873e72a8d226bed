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
};

// Thread-safe.
class ContentHashes {
 public:
  virtual ~ContentHashes() = default;

  // For each key the content that its object has now, if that is known, in order.
  virtual Result<std::vector<std::optional<KnownContent>>> find(
      std::span<const std::string> keys) = 0;

  // Whether the object of the key is still that version.
  virtual Result<bool> is_current(const std::string& key, const std::string& version) = 0;
};

}  // namespace classifier
