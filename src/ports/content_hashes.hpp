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
  std::string sha256;   // of the content, 64 hexadecimal digits in lower case; empty: not known
  std::string version;  // opaque, of the object that has it
};

// Thread-safe.
class ContentHashes {
 public:
  virtual ~ContentHashes() = default;

  // For each key the version of its object now, with its content if that is known, in order;
  // nullopt where nothing can be said.
  virtual Result<std::vector<std::optional<KnownContent>>> find(
      std::span<const std::string> keys) = 0;

  // Whether the object of the key is still that version.
  virtual Result<bool> is_current(const std::string& key, const std::string& version) = 0;

  // Keeps what was found out about a version. One that learns contents by itself need not.
  virtual Result<void> put(const std::string& /*key*/, const KnownContent& /*content*/) {
    return {};
  }
};

}  // namespace classifier
