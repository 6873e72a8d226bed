#include "apps/local_memory.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>
#include <utility>

#include "apps/terminal.hpp"
#include "domain/ids.hpp"

namespace classifier {

namespace fs = std::filesystem;

fs::path user_cache_folder() {
  for (const auto& [variable, below] :
       {std::pair("XDG_CACHE_HOME", ""), std::pair("HOME", ".cache")}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && fs::path(value).is_absolute())
      return fs::path(value) / below / "distributed-classifier";
  }
  return {};
}

std::string memory_key(const fs::path& photo) {
  std::error_code error;
  const fs::path absolute = fs::absolute(photo, error);
  return (error ? photo : absolute.lexically_normal()).string();
}

std::unique_ptr<LocalMemory> LocalMemory::open(const Config& config, Classifier& classifier,
                                               bool needed) {
  const fs::path home = user_cache_folder();
  if (config.remember == "on" && !home.empty()) {
    auto memory = open_in(home, config, classifier);
    if (memory) return std::move(*memory);
    warn("nothing is remembered of the photos: " + memory.error().message);
  }
  if (!needed) return nullptr;
  const fs::path folder = fs::temp_directory_path() / ("classifier-" + random_hex(16));
  auto memory = open_in(folder, config, classifier);
  if (!memory) return nullptr;
  (*memory)->temporary_ = folder;
  return std::move(*memory);
}

Result<std::unique_ptr<LocalMemory>> LocalMemory::open_in(const fs::path& folder,
                                                          const Config& config,
                                                          Classifier& classifier) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }
  // What is in photos is nobody else's business.
  fs::permissions(folder, fs::perms::owner_all, error);
  std::unique_ptr<LocalMemory> memory(new LocalMemory);
  auto embeddings = SqliteEmbeddings::open(folder / "seen.sqlite", config.remember_limit_mb << 20,
                                           memory->clock_);
  if (!embeddings) return std::unexpected(embeddings.error());
  memory->embeddings_ = std::move(*embeddings);
  memory->hashes_ = std::make_unique<FileHashes>(*memory->embeddings_);
  memory->index_ = std::make_unique<EmbeddingIndex>(*memory->embeddings_, folder / "vectors",
                                                    config.max_workers);
  memory->memory_ =
      std::make_unique<ImageMemory>(classifier, *memory->embeddings_, memory->hashes_.get());
  return memory;
}

LocalMemory::~LocalMemory() {
  memory_.reset();
  index_.reset();
  hashes_.reset();
  embeddings_.reset();
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

}  // namespace classifier
