// The file of API keys: names, roles and salted hashes, never the keys themselves.
//
// A key has 256 random bits, so that no search finds it, however fast the hash is. Salted SHA-256
// is therefore enough. Slow hashes protect passwords that people choose; here they would cost
// milliseconds for each request, and any client could use that to keep the server busy. Because of
// the salt, the same key has different hashes in two files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/access.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"
#include "support/files.hpp"

namespace classifier {

struct StoredKey {
  std::string name;
  Role role = Role::kRead;
  std::string salt;  // any text
  std::string hash;  // SHA-256 of salt and key, 64 hexadecimal digits
  TimePoint created;
  std::optional<TimePoint> expires;
  friend bool operator==(const StoredKey&, const StoredKey&) = default;
};

// A new key: "clf_" and 64 random hexadecimal digits. Throws std::runtime_error where the system's
// random number generator fails.
std::string make_secret();

// The entry of the file for `key`, with a new salt.
StoredKey store_key(const ApiKey& key, TimePoint created, std::optional<TimePoint> expires);

// Whether `secret` is the key. Compares in constant time.
bool matches(const StoredKey& key, std::string_view secret);

// The keys in the content of a file that write_keys made. For any other text nullopt, with the
// reason in `why_not`.
std::optional<std::vector<StoredKey>> parse_keys(std::string_view text, std::string& why_not);
std::string write_keys(const std::vector<StoredKey>& keys);

// kNotFound where there is no file; kForbidden where other users may write it; kInvalidArgument
// where its content is not valid; kUnavailable where it cannot be read. The message names the file.
Result<std::vector<StoredKey>> read_key_file(const std::filesystem::path& file);

// Changes the file, and holds a lock meanwhile: all other editors on this machine wait. save()
// replaces the file as a whole, so that readers see the old or the new one. Only the file's owner
// can read it.
class KeyFileEditor {
 public:
  // Reads the file; where there is none, begins with no keys. Creates missing folders.
  static Result<KeyFileEditor> open(const std::filesystem::path& file);

  const std::vector<StoredKey>& keys() const { return keys_; }

  // The role of the newest key of that name; kNotFound where there is none.
  Result<Role> role_of(std::string_view name) const;
  // kConflict where a key of that name exists; kTooLarge beyond 1,000 keys.
  Result<void> add(StoredKey key, TimePoint now);
  // Adds `key` in place of the keys of its name, which expire at `old_until`, or at once without
  // it. kNotFound where there is none.
  Result<void> replace(StoredKey key, std::optional<TimePoint> old_until, TimePoint now);
  // kNotFound where there is none.
  Result<void> remove(std::string_view name);

  // Writes the file; durable when it returns.
  Result<void> save() const;

 private:
  KeyFileEditor(std::filesystem::path file, Fd lock)
      : file_(std::move(file)), lock_(std::move(lock)) {}
  void remove_expired(TimePoint now);
  Result<void> append(StoredKey key);

  std::filesystem::path file_;
  Fd lock_;  // on the folder
  std::vector<StoredKey> keys_;
};

}  // namespace classifier
