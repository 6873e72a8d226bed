#include "adapters/access/key_file.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxKeys = 1'000;  // a request is compared with each of them
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kPrefix = "clf_";  // lets secret scanners find leaked keys

template <std::size_t Size>
std::string random_bytes_as_hex() {
  std::array<unsigned char, Size> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the system's random number generator failed");
  return to_hex(bytes);
}

std::string hash_of(std::string_view salt, std::string_view secret) {
  return sha256_hex(std::string(salt).append(secret));
}

Error unreadable(const fs::path& file, int error) {
  return {error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          fmt::format("cannot read the API keys in {} ({}): check the file's owner and mode",
                      file.string(), std::strerror(error))};
}

Error damaged(const fs::path& file, const std::string& what) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("{} is not a file of API keys ({}): restore the file as `classifier keys` "
                      "wrote it",
                      file.string(), what)};
}

std::optional<StoredKey> read_entry(const json& entry) {
  const auto text = [&](const char* field) { return text_field(entry, field); };
  StoredKey key;
  key.name = text("name");
  key.salt = text("salt");
  key.hash = text("hash");
  const auto role = parse_role(text("role"));
  const auto created = parse_rfc3339(text("created"));
  if (!is_key_name(key.name) || key.hash.size() != kHashDigits || !role || !created)
    return std::nullopt;
  key.role = *role;
  key.created = *created;
  if (entry.contains("expires")) {
    key.expires = parse_rfc3339(text("expires"));
    if (!key.expires) return std::nullopt;
  }
  return key;
}

json entry_of(const StoredKey& key) {
  json entry = {{"name", key.name},
                {"role", to_string(key.role)},
                {"salt", key.salt},
                {"hash", key.hash},
                {"created", to_rfc3339(key.created)}};
  if (key.expires) entry["expires"] = to_rfc3339(*key.expires);
  return entry;
}

// Whoever may write the file could add a key for themselves.
Result<void> check_mode(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return std::unexpected(unreadable(file, errno));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return fail(
      ErrorCode::kForbidden,
      fmt::format("other users may write the API keys in {}: run chmod 600 on it", file.string()));
}

// Gives the new file to the old one's owner, so that root can change the keys of another user's
// service.
bool keep_owner(int fd, const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return true;
  return info.st_uid == ::geteuid() || ::fchown(fd, info.st_uid, info.st_gid) == 0;
}

// 0, or the errno of the call that failed.
int write_file(const fs::path& temporary, const fs::path& file, std::string_view text) {
  const Fd fd(::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd) return errno;
  if (const int error = write_all(fd.get(), text); error != 0) return error;
  const bool replaced = keep_owner(fd.get(), file) && ::fsync(fd.get()) == 0 &&
                        ::rename(temporary.c_str(), file.c_str()) == 0;
  return replaced ? 0 : errno;
}

std::unexpected<Error> no_such_key(std::string_view name) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no key \"{}\"", name));
}

}  // namespace

std::string make_secret() { return std::string(kPrefix) + random_bytes_as_hex<32>(); }

StoredKey store_key(const ApiKey& key, TimePoint created, std::optional<TimePoint> expires) {
  StoredKey stored;
  stored.name = key.name;
  stored.role = key.role;
  stored.salt = random_bytes_as_hex<16>();
  stored.hash = hash_of(stored.salt, key.secret);
  stored.created = created;
  stored.expires = expires;
  return stored;
}

bool matches(const StoredKey& key, std::string_view secret) {
  const std::string given = hash_of(key.salt, secret);
  return given.size() == key.hash.size() &&
         CRYPTO_memcmp(given.data(), key.hash.data(), given.size()) == 0;
}

std::optional<std::vector<StoredKey>> parse_keys(std::string_view text, std::string& why_not) {
  const auto document = parse_json(text);
  if (!document || !document->is_object()) {
    why_not = document ? "it is not a JSON object" : document.error().message;
    return std::nullopt;
  }
  if (json_field(*document, "version") != kVersion) {
    why_not = fmt::format("its version is not {}", kVersion);
    return std::nullopt;
  }
  const json& entries = json_field(*document, "keys");
  if (!entries.is_array() || entries.size() > kMaxKeys) {
    why_not = fmt::format("it has no list of at most {} keys", kMaxKeys);
    return std::nullopt;
  }
  std::vector<StoredKey> keys;
  for (const json& entry : entries) {
    auto key = read_entry(entry);
    if (!key) {
      why_not = fmt::format("entry {} is not complete", keys.size());
      return std::nullopt;
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

std::string write_keys(const std::vector<StoredKey>& keys) {
  json entries = json::array();
  for (const StoredKey& key : keys) entries.push_back(entry_of(key));
  return json{{"version", kVersion}, {"keys", std::move(entries)}}.dump(1) + "\n";
}

Result<std::vector<StoredKey>> read_key_file(const fs::path& file) {
  if (auto safe = check_mode(file); !safe) return std::unexpected(safe.error());
  const auto text = read_file(file);
  if (!text) return std::unexpected(unreadable(file, text.error()));
  std::string why_not;
  auto keys = parse_keys(*text, why_not);
  if (!keys) return std::unexpected(damaged(file, why_not));
  return std::move(*keys);
}

Result<KeyFileEditor> KeyFileEditor::open(const fs::path& file) {
  std::error_code error;
  fs::create_directories(folder_of(file), error);
  Fd lock(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
    const int reason = errno;
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot lock the folder of the API keys {} ({})",
                            folder_of(file).string(), std::strerror(reason)));
  }
  KeyFileEditor editor(file, std::move(lock));
  auto keys = read_key_file(file);
  if (!keys && keys.error().code != ErrorCode::kNotFound) return std::unexpected(keys.error());
  if (keys) editor.keys_ = std::move(*keys);
  return editor;
}

Result<Role> KeyFileEditor::role_of(std::string_view name) const {
  for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) {
    if (key->name == name) return key->role;
  }
  return no_such_key(name);
}

// Otherwise the keys that rotation leaves behind would pile up.
void KeyFileEditor::remove_expired(TimePoint now) {
  std::erase_if(keys_, [&](const StoredKey& key) { return key.expires && *key.expires <= now; });
}

Result<void> KeyFileEditor::append(StoredKey key) {
  if (keys_.size() >= kMaxKeys) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("there are {} keys already: remove some", kMaxKeys));
  }
  keys_.push_back(std::move(key));
  return {};
}

Result<void> KeyFileEditor::add(StoredKey key, TimePoint now) {
  remove_expired(now);
  if (std::ranges::find(keys_, key.name, &StoredKey::name) != keys_.end()) {
    return fail(ErrorCode::kConflict,
                fmt::format("there is a key \"{}\" already: rotate it, remove it, or choose "
                            "another name",
                            key.name));
  }
  return append(std::move(key));
}

Result<void> KeyFileEditor::replace(StoredKey key, std::optional<TimePoint> old_until,
                                    TimePoint now) {
  if (auto known = role_of(key.name); !known) return std::unexpected(known.error());
  for (StoredKey& old : keys_) {
    if (old.name == key.name)
      old.expires = std::min(old.expires.value_or(TimePoint::max()), old_until.value_or(now));
  }
  remove_expired(now);
  return append(std::move(key));
}

Result<void> KeyFileEditor::remove(std::string_view name) {
  if (std::erase_if(keys_, [&](const StoredKey& key) { return key.name == name; }) > 0) return {};
  return no_such_key(name);
}

Result<void> KeyFileEditor::save() const {
  const std::string text = write_keys(keys_);
  const fs::path temporary(file_.string() + "." + random_hex(8));
  if (const int error = write_file(temporary, file_, text); error != 0) {
    ::unlink(temporary.c_str());
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("cannot write the API keys to {} ({}): check the folder's owner and mode",
                    file_.string(), std::strerror(error)));
  }
  ::fsync(lock_.get());  // makes the folder's new entry durable
  return {};
}

}  // namespace classifier
