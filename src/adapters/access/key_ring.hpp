// The API keys that the server accepts: those of the configuration and those of the key file, which
// is read again when it changes.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/access/key_file.hpp"
#include "domain/access.hpp"
#include "domain/error.hpp"
#include "ports/clock.hpp"
#include "support/file_version.hpp"

namespace classifier {

struct KeyOwner {
  std::string name;
  Role role = Role::kRead;
};

struct KeyRingOptions {
  std::vector<ApiKey> keys;
  std::filesystem::path file;  // empty: none
  // Requests need a key even while the file does not exist.
  bool file_is_expected = false;
  std::chrono::milliseconds check_every{1'000};
  // Called after the file has changed, with a sentence on the outcome and whether the new keys are
  // in use.
  std::function<void(const std::string& what, bool well)> on_change = [](const std::string&, bool) {
  };
};

// Thread-safe.
//
// Once there is a key, requests need one for as long as the program runs. Emptying, damaging or
// removing the file does not change that: the keys that were read last stay in use.
class KeyRing {
 public:
  // Errors as read_key_file; a missing file is none. `clock` must outlive the ring.
  static Result<std::unique_ptr<KeyRing>> open(KeyRingOptions options, const Clock& clock);

  // Whether a request needs a key.
  bool in_force();

  // The owner of a key; kUnauthorized where it is unknown or has expired. Takes the same time for
  // every unknown key.
  Result<KeyOwner> find(std::string_view secret);

  // Checks at once whether the file has changed.
  void reload();

 private:
  struct Keys {
    std::vector<StoredKey> keys;
    bool in_force = false;
  };
  KeyRing(KeyRingOptions options, const Clock& clock);
  std::shared_ptr<const Keys> current();
  Result<void> read_file(FileVersion version);

  const KeyRingOptions options_;
  const Clock& clock_;
  std::vector<StoredKey> configured_;
  Interval interval_;
  std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;  // guarded by mutex_
  FileVersion version_;               // guarded by mutex_
};

}  // namespace classifier
