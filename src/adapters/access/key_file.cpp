#include "adapters/access/key_file.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxKeys = 1'000;  // each is hashed at every call
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kPrefix = "clf_";  // by which scanners of secrets know a lost key

template <std::size_t Size>
std::string random_bytes_as_hex() {
  std::array<unsigned char, Size> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the system gives no random numbers");
  return to_hex(bytes);
}

std::string hash_of(std::string_view salt, std::string_view secret) {
  return sha256_hex(std::string(salt).append(secret));
}

Error unreadable(const fs::path& file, int error) {
  return {error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          "cannot read the API keys in " + file.string() + " (" + std::strerror(error) +
              "): check the file's owner and mode"};
}

Error damaged(const fs::path& file, const std::string& what) {
  return {ErrorCode::kInvalidArgument, file.string() + " is not a file of API keys (" + what +
                                           "): put back the file as `classifier keys` wrote it"};
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

// Who may write the file may let themselves in.
Result<void> check_mode(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return std::unexpected(unreadable(file, errno));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return fail(ErrorCode::kForbidden,
              "other users may write the API keys in " + file.string() + ": run chmod 600 on it");
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The file stays its owner's, so that root may change the keys of a service of another user.
bool keep_owner(int fd, const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return true;
  return info.st_uid == ::geteuid() || ::fchown(fd, info.st_uid, info.st_gid) == 0;
}

bool write_file(const fs::path& temporary, const fs::path& file, std::string_view text) {
  const int fd = ::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write_all(fd, text) && keep_owner(fd, file) && ::fsync(fd) == 0;
  ::close(fd);
  return written && ::rename(temporary.c_str(), file.c_str()) == 0;
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
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
    why_not = document ? "it is no JSON object" : document.error().message;
    return std::nullopt;
  }
  if (json_field(*document, "version") != kVersion) {
    why_not = "its version is not " + std::to_string(kVersion);
    return std::nullopt;
  }
  const json& entries = json_field(*document, "keys");
  if (!entries.is_array() || entries.size() > kMaxKeys) {
    why_not = "it has no list of at most " + std::to_string(kMaxKeys) + " keys";
    return std::nullopt;
  }
  std::vector<StoredKey> keys;
  for (const json& entry : entries) {
    auto key = read_entry(entry);
    if (!key) {
      why_not = "entry " + std::to_string(keys.size()) + " is not whole";
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
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(unreadable(file, errno));
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::string why_not;
  auto keys = parse_keys(text, why_not);
  if (!keys) return std::unexpected(damaged(file, why_not));
  return std::move(*keys);
}

Result<KeyFileEditor> KeyFileEditor::open(const fs::path& file) {
  std::error_code error;
  fs::create_directories(folder_of(file), error);
  const int lock = ::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0 || ::flock(lock, LOCK_EX) != 0) {
    const int reason = errno;
    if (lock >= 0) ::close(lock);
    return fail(ErrorCode::kUnavailable, "cannot use the folder of the API keys " +
                                             folder_of(file).string() + " (" +
                                             std::strerror(reason) + ")");
  }
  KeyFileEditor editor(file, lock);
  auto keys = read_key_file(file);
  if (!keys && keys.error().code != ErrorCode::kNotFound) return std::unexpected(keys.error());
  if (keys) editor.keys_ = std::move(*keys);
  return editor;
}

KeyFileEditor::~KeyFileEditor() {
  if (lock_ >= 0) ::close(lock_);
}

KeyFileEditor::KeyFileEditor(KeyFileEditor&& other) noexcept
    : file_(std::move(other.file_)),
      lock_(std::exchange(other.lock_, -1)),
      keys_(std::move(other.keys_)) {}

Result<Role> KeyFileEditor::role_of(std::string_view name) const {
  for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) {
    if (key->name == name) return key->role;
  }
  return fail(ErrorCode::kNotFound, "there is no key \"" + std::string(name) + "\"");
}

Result<void> KeyFileEditor::add(StoredKey key, TimePoint now) {
  // The end of what has expired: rotated keys would pile up.
  std::erase_if(keys_, [&](const StoredKey& old) { return old.expires && *old.expires <= now; });
  if (std::ranges::find(keys_, key.name, &StoredKey::name) != keys_.end()) {
    return fail(ErrorCode::kConflict, "there is a key \"" + key.name +
                                          "\" already: rotate it, remove it, or choose another "
                                          "name");
  }
  if (keys_.size() >= kMaxKeys) {
    return fail(ErrorCode::kTooLarge,
                "there are " + std::to_string(kMaxKeys) + " keys already: remove some");
  }
  keys_.push_back(std::move(key));
  return {};
}

Result<void> KeyFileEditor::replace(StoredKey key, std::optional<TimePoint> old_until,
                                    TimePoint now) {
  if (auto known = role_of(key.name); !known) return std::unexpected(known.error());
  for (StoredKey& old : keys_) {
    if (old.name == key.name)
      old.expires = std::min(old.expires.value_or(TimePoint::max()), old_until.value_or(now));
  }
  std::erase_if(keys_, [&](const StoredKey& old) { return old.expires && *old.expires <= now; });
  if (keys_.size() >= kMaxKeys) {
    return fail(ErrorCode::kTooLarge,
                "there are " + std::to_string(kMaxKeys) + " keys already: remove some");
  }
  keys_.push_back(std::move(key));
  return {};
}

Result<void> KeyFileEditor::remove(std::string_view name) {
  if (std::erase_if(keys_, [&](const StoredKey& key) { return key.name == name; }) > 0) return {};
  return fail(ErrorCode::kNotFound, "there is no key \"" + std::string(name) + "\"");
}

Result<void> KeyFileEditor::save() const {
  const std::string text = write_keys(keys_);
  const fs::path temporary(file_.string() + "." + random_hex(8));
  if (!write_file(temporary, file_, text)) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    return fail(ErrorCode::kUnavailable, "cannot write the API keys to " + file_.string() + " (" +
                                             std::strerror(reason) +
                                             "): check the folder's owner and mode");
  }
  ::fsync(lock_);  // the folder, so that the new name lasts
  return {};
}

}  // namespace classifier
