// The API keys that are in force: those of the configuration and those of the key file, which is
// read again when it changes.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/file_version.hpp"
#include "adapters/access/key_file.hpp"
#include "domain/access.hpp"
#include "domain/error.hpp"
#include "ports/clock.hpp"

namespace classifier {

// Who a key belongs to.
struct KeyOwner {
  std::string name;
  Role role = Role::kRead;
};

struct KeyRingOptions {
  std::vector<ApiKey> keys;
  std::filesystem::path file;  // empty: none
  // Keys are needed even while there is no file.
  bool file_is_expected = false;
  std::chrono::milliseconds check_every{1'000};
  // Told in one sentence what became of a file that changed, and whether it is in force.
  std::function<void(const std::string& what, bool well)> on_change = [](const std::string&, bool) {
  };
};

// Thread-safe.
//
// Keys are needed once there is any, and from then on: a file that is emptied, damaged or removed
// while the program runs never opens the door. What was read last stays in force instead.
class KeyRing {
 public:
  // The errors of read_key_file, except that a file may be missing. `clock` outlives the ring.
  static Result<std::unique_ptr<KeyRing>> open(KeyRingOptions options, const Clock& clock);

  // Whether a call has to bring a key.
  bool in_force();

  // kUnauthorized where it is none of the keys, or has expired. Takes the same time for every
  // wrong key.
  Result<KeyOwner> find(std::string_view secret);

  // Looks at the file now.
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
