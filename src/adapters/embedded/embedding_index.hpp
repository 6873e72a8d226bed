// Search among the vectors of SqliteEmbeddings.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/embedded/sqlite_embeddings.hpp"
#include "adapters/embedded/vector_file.hpp"
#include "ports/vector_index.hpp"

namespace classifier {

// With a VectorFile for each model.
class EmbeddingIndex final : public VectorIndex {
 public:
  // `threads` scan at once. `embeddings` outlives the index.
  EmbeddingIndex(SqliteEmbeddings& embeddings, std::filesystem::path folder, std::size_t threads)
      : embeddings_(embeddings), folder_(std::move(folder)), threads_(threads) {}

  Result<std::vector<Neighbour>> nearest(std::string_view model, std::span<const float> query,
                                         std::size_t count) override;
  Result<void> similar_pairs(
      std::string_view model, float min_similarity,
      const std::function<void(const std::string& a, const std::string& b, float similarity)>& use,
      const std::function<bool()>& stopped) override;

  // Brings the file of the model up to date, so that the next search need not.
  Result<void> catch_up(std::string_view model);

 private:
  struct OfModel {
    std::mutex catching_up;
    std::unique_ptr<VectorFile> file;  // null while nothing is known of the model
    std::int64_t looked_at = -1;       // last_id() that the file is known to have
    std::size_t rows = 0;              // of the file then
  };

  std::shared_ptr<OfModel> of(std::string_view model);
  Result<std::vector<Neighbour>> nearest(std::string_view model, std::span<const float> query,
                                         std::size_t count, bool& other_rows);
  Result<void> begin_anew(std::string_view model);
  Result<VectorRows> rows(std::string_view model, std::size_t dimensions);
  Result<void> catch_up(OfModel& of_model, std::string_view model);
  static Result<void> remove(VectorFile& file, std::span<const std::int64_t> ids);
  // `newest` is the greatest id of the store.
  Result<void> fill(VectorFile& file, std::string_view model, std::int64_t newest);

  SqliteEmbeddings& embeddings_;
  const std::filesystem::path folder_;
  const std::size_t threads_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<OfModel>, std::less<>> models_;  // guarded by mutex_
};

}  // namespace classifier
