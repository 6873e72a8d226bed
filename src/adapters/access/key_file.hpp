// The file of API keys: names, roles and salted hashes, never the keys themselves.
//
// A key is 256 random bits, so that nobody can find it by trying, however quick a hash is. Salted
// SHA-256 is the right hash for that: the slow ones, made for passwords that people choose, would
// cost milliseconds at each call and give everybody a way to keep the server busy. The salt makes
// the same key look different in two files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/access.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"

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

// "clf_" and 64 random hexadecimal digits. Throws std::runtime_error where the system has no
// randomness.
std::string make_secret();

// The entry for `secret`, with a new salt.
StoredKey store_key(const ApiKey& key, TimePoint created, std::optional<TimePoint> expires);

// In a time that says nothing about the hash.
bool matches(const StoredKey& key, std::string_view secret);

// The content of the file; nullopt, and what is wrong with it in `why_not`, where write_keys did
// not write it.
std::optional<std::vector<StoredKey>> parse_keys(std::string_view text, std::string& why_not);
std::string write_keys(const std::vector<StoredKey>& keys);

// kNotFound where there is no file; kForbidden where other users may write it; kInvalidArgument
// where it is not as this program writes it, kUnavailable where it cannot be read. The sentence
// names the file.
Result<std::vector<StoredKey>> read_key_file(const std::filesystem::path& file);

// Changes of the file, one at a time among all processes of this machine. The file is replaced as a
// whole, so that readers see the old or the new one; it is readable by its owner only.
class KeyFileEditor {
 public:
  // Reads the file, or begins an empty one; folders are made.
  static Result<KeyFileEditor> open(const std::filesystem::path& file);
  ~KeyFileEditor();
  KeyFileEditor(KeyFileEditor&& other) noexcept;
  KeyFileEditor& operator=(KeyFileEditor&&) = delete;
  KeyFileEditor(const KeyFileEditor&) = delete;
  KeyFileEditor& operator=(const KeyFileEditor&) = delete;

  const std::vector<StoredKey>& keys() const { return keys_; }

  // Of the newest key of that name; kNotFound where there is none.
  Result<Role> role_of(std::string_view name) const;
  // kConflict where a key of that name is there; kTooLarge over 1,000 keys.
  Result<void> add(StoredKey key, TimePoint now);
  // Puts `key` in the place of those of its name, which stay valid until `old_until` at most, or
  // end now. kNotFound where there is none.
  Result<void> replace(StoredKey key, std::optional<TimePoint> old_until, TimePoint now);
  // kNotFound where there is none.
  Result<void> remove(std::string_view name);

  // Durable when it returns.
  Result<void> save() const;

 private:
  KeyFileEditor(std::filesystem::path file, int lock) : file_(std::move(file)), lock_(lock) {}
  std::filesystem::path file_;
  int lock_;
  std::vector<StoredKey> keys_;
};

}  // namespace classifier
