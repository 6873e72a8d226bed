#include "adapters/access/key_ring.hpp"

#include <spdlog/fmt/fmt.h>

#include <utility>

namespace classifier {

KeyRing::KeyRing(KeyRingOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), interval_(options_.check_every) {
  for (const ApiKey& key : options_.keys)
    configured_.push_back(store_key(key, clock_.now(), std::nullopt));
  keys_ = std::make_shared<const Keys>(
      Keys{.keys = configured_, .in_force = !configured_.empty() || options_.file_is_expected});
}

Result<std::unique_ptr<KeyRing>> KeyRing::open(KeyRingOptions options, const Clock& clock) {
  std::unique_ptr<KeyRing> ring(new KeyRing(std::move(options), clock));
  if (ring->options_.file.empty()) return ring;
  const std::scoped_lock lock(ring->mutex_);
  auto read = ring->read_file(version_of(ring->options_.file));
  if (!read && read.error().code != ErrorCode::kNotFound) return std::unexpected(read.error());
  return ring;
}

// The caller holds mutex_.
Result<void> KeyRing::read_file(FileVersion version) {
  version_ = version;
  auto stored = read_key_file(options_.file);
  if (!stored) return std::unexpected(stored.error());
  Keys keys{.keys = configured_, .in_force = true};
  keys.keys.insert(keys.keys.end(), stored->begin(), stored->end());
  keys_ = std::make_shared<const Keys>(std::move(keys));
  return {};
}

void KeyRing::reload() {
  if (options_.file.empty()) return;
  std::string what;
  bool well = true;
  {
    const std::scoped_lock lock(mutex_);
    const FileVersion version = version_of(options_.file);
    if (version == version_) return;
    const auto read = read_file(version);
    well = read.has_value();
    what = well ? fmt::format("the API keys in {} have changed: {} keys are in force",
                              options_.file.string(), keys_->keys.size())
                : "the API keys stay as they were: " + read.error().message;
  }
  options_.on_change(what, well);
}

std::shared_ptr<const KeyRing::Keys> KeyRing::current() {
  if (interval_.is_over()) reload();
  const std::scoped_lock lock(mutex_);
  return keys_;
}

bool KeyRing::in_force() { return current()->in_force; }

Result<KeyOwner> KeyRing::find(std::string_view secret) {
  const auto keys = current();
  const StoredKey* found = nullptr;
  for (const StoredKey& key : keys->keys) {
    if (matches(key, secret)) found = &key;
  }
  if (found == nullptr) {
    return fail(ErrorCode::kUnauthorized,
                "this API key is not one of the server's: check it, or ask for a new one");
  }
  if (found->expires && *found->expires <= clock_.now()) {
    return fail(
        ErrorCode::kUnauthorized,
        fmt::format("this API key expired on {}: ask for a new one", to_rfc3339(*found->expires)));
  }
  return KeyOwner{.name = found->name, .role = found->role};
}

}  // namespace classifier
