#include "adapters/embedded/file_hashes.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>

#include "domain/text.hpp"

namespace classifier {
std::string FileHashes::version_of(const std::string& path) {
  struct stat status{};
  if (path.starts_with("/dev/")) return {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return fmt::format("{}-{}-{}.{:09}-{}.{:09}", status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

Result<std::vector<std::optional<KnownContent>>> FileHashes::find(
    std::span<const std::string> keys) {
  using Answer = std::vector<std::optional<KnownContent>>;
  return database_.read([&](SqliteConnection& connection) -> Result<Answer> {
    Answer answer(keys.size());
    auto& query = connection.prepare("SELECT version, sha256 FROM files WHERE path = ?");
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string version = version_of(keys[i]);
      if (version.empty()) continue;
      query.reset();
      query.bindNoCopy(1, keys[i].data(), static_cast<int>(keys[i].size()));
      if (!query.executeStep() || query.getColumn(0).getString() != version) continue;
      answer[i] =
          KnownContent{.sha256 = to_hex(query.getColumn(1).getString()), .version = version};
    }
    return answer;
  });
}

Result<bool> FileHashes::is_current(const std::string& key, const std::string& version) {
  return version_of(key) == version;
}

Result<void> FileHashes::put(std::span<const FoundContent> found) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& insert =
        connection.prepare("INSERT OR REPLACE INTO files(path, version, sha256) VALUES(?, ?, ?)");
    for (const auto& [key, content] : found) {
      const std::string sha256 = from_hex(content.sha256);
      insert.reset();
      insert.bindNoCopy(1, key.data(), static_cast<int>(key.size()));
      insert.bindNoCopy(2, content.version);
      insert.bindNoCopy(3, sha256.data(), static_cast<int>(sha256.size()));
      insert.exec();
    }
    return {};
  });
}

Result<std::optional<std::string>> FileHashes::forget(const std::string& key) {
  using Answer = std::optional<std::string>;
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<Answer> {
    auto& removal = connection.prepare("DELETE FROM files WHERE path = ? RETURNING sha256");
    removal.bindNoCopy(1, key.data(), static_cast<int>(key.size()));
    if (!removal.executeStep()) return std::nullopt;
    return to_hex(removal.getColumn(0).getString());
  });
}

}  // namespace classifier
