// What this user's commands remember of photos, in the user's cache folder.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "adapters/embedded/embedding_index.hpp"
#include "adapters/embedded/file_hashes.hpp"
#include "adapters/embedded/sqlite_embeddings.hpp"
#include "apps/config.hpp"
#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "services/image_memory.hpp"

namespace classifier {

// `distributed-classifier` in XDG_CACHE_HOME, or else in ~/.cache; empty where there is neither.
std::filesystem::path user_cache_folder();

// The key of a photo that a command line names: its absolute path.
std::string memory_key(const std::filesystem::path& photo);

class LocalMemory {
 public:
  // Null where REMEMBER is off, there is no folder, or it cannot be used, which is said as a
  // warning; unless it is `needed`: then what is seen is kept in a temporary folder while this
  // lives.
  static std::unique_ptr<LocalMemory> open(const Config& config, Classifier& classifier,
                                           bool needed);
  ~LocalMemory();
  LocalMemory(const LocalMemory&) = delete;
  LocalMemory& operator=(const LocalMemory&) = delete;

  ImageMemory& memory() { return *memory_; }
  EmbeddingIndex& index() { return *index_; }

 private:
  LocalMemory() = default;
  static Result<std::unique_ptr<LocalMemory>> open_in(const std::filesystem::path& folder,
                                                      const Config& config, Classifier& classifier);

  SystemClock clock_;
  std::filesystem::path temporary_;  // to be removed; empty: none
  std::unique_ptr<SqliteEmbeddings> embeddings_;
  std::unique_ptr<FileHashes> hashes_;
  std::unique_ptr<EmbeddingIndex> index_;
  std::unique_ptr<ImageMemory> memory_;
};

}  // namespace classifier
