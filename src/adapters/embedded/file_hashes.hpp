// The contents of files of the user, in the file of what was seen.
#pragma once

#include "adapters/embedded/sqlite_embeddings.hpp"
#include "ports/content_hashes.hpp"

namespace classifier {

// Keys are absolute paths. A version is a file's number, size, and the times that it and its
// properties were changed, to the nanosecond: the time of the content alone may be set back.
class FileHashes final : public ContentHashes {
 public:
  // `embeddings` outlives it.
  explicit FileHashes(SqliteEmbeddings& embeddings) : database_(embeddings.database()) {}

  Result<std::vector<std::optional<KnownContent>>> find(std::span<const std::string> keys) override;
  Result<bool> is_current(const std::string& key, const std::string& version) override;
  Result<void> put(std::span<const FoundContent> found) override;
  Result<std::optional<std::string>> forget(const std::string& key) override;

  // Empty where there is no such file, or it is another one each time, such as standard input.
  static std::string version_of(const std::string& path);

 private:
  SqliteDatabase& database_;
};

}  // namespace classifier
