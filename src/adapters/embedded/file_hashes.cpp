#include "adapters/embedded/file_hashes.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>

#include "domain/text.hpp"

namespace classifier {
namespace {

// Empty where there is no such file.
std::string version_of_file(const std::string& path) {
  struct stat status{};
  // Such as standard input, which is another file each time.
  if (path.starts_with("/dev/")) return {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return fmt::format("{}-{}.{:09}", status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

}  // namespace

Result<std::vector<std::optional<KnownContent>>> FileHashes::find(
    std::span<const std::string> keys) {
  using Answer = std::vector<std::optional<KnownContent>>;
  return database_.read([&](SqliteConnection& connection) -> Result<Answer> {
    Answer answer(keys.size());
    auto& query = connection.prepare("SELECT version, sha256 FROM files WHERE path = ?");
    for (std::size_t i = 0; i < keys.size(); ++i) {
      std::string version = version_of_file(keys[i]);
      if (version.empty()) continue;
      query.reset();
      query.bindNoCopy(1, keys[i].data(), static_cast<int>(keys[i].size()));
      const bool known = query.executeStep() && query.getColumn(0).getString() == version;
      answer[i] =
          KnownContent{.sha256 = known ? to_hex(query.getColumn(1).getString()) : std::string(),
                       .version = std::move(version)};
    }
    return answer;
  });
}

Result<bool> FileHashes::is_current(const std::string& key, const std::string& version) {
  return version_of_file(key) == version;
}

Result<void> FileHashes::put(const std::string& key, const KnownContent& content) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    const std::string sha256 = from_hex(content.sha256);
    auto& insert =
        connection.prepare("INSERT OR REPLACE INTO files(path, version, sha256) VALUES(?, ?, ?)");
    insert.bindNoCopy(1, key.data(), static_cast<int>(key.size()));
    insert.bindNoCopy(2, content.version);
    insert.bindNoCopy(3, sha256.data(), static_cast<int>(sha256.size()));
    insert.exec();
    return {};
  });
}

}  // namespace classifier
