// The vectors of one model in 8 bits, in a file that is mapped into memory: a copy of what
// SqliteEmbeddings has, for search, that is made again where it is lost or damaged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "support/files.hpp"

namespace classifier {

struct VectorRow {
  std::int64_t id = 0;                  // of SqliteEmbeddings; negative: removed
  float scale = 0;                      // the vector is about `vector` × scale
  std::string_view content;             // 32 bytes
  const std::int8_t* vector = nullptr;  // as many numbers as the file has dimensions
};

// The rows of a file at one moment, by rising id without regard to its sign. Stays valid while it
// is held, also where the file grows or is replaced.
class VectorRows {
 public:
  std::size_t size() const { return count_; }
  VectorRow operator[](std::size_t index) const;

 private:
  friend class VectorFile;
  std::shared_ptr<const std::byte> mapping_;  // from the beginning of the file
  std::size_t count_ = 0;
  std::size_t stride_ = 0;  // bytes of a row
};

struct NewVectorRow {
  std::int64_t id = 0;
  std::string content;        // 32 bytes
  std::vector<float> vector;  // as many numbers as the file has dimensions
};

// Thread-safe; several processes may use the same file, but only one changes it at a time.
class VectorFile {
 public:
  // `made_of` names the model and the store that the rows are of: a file of another one is damaged.
  // Touches no file.
  VectorFile(std::filesystem::path file, std::string made_of, std::size_t dimensions);

  // The rows; none where there is no file. kInternal where it is damaged, or of another model: it
  // is to be cleared and filled again. The content of each row is checked once.
  Result<VectorRows> read();

  // Held while the file is changed, against other processes as well.
  Result<Fd> lock();

  // The following are called under the lock.

  // Adds rows with ids beyond those in the file, by rising id. What a write that did not end has
  // left is cut off first.
  Result<void> append(std::span<const NewVectorRow> rows);
  // Removes the rows with these ids, as far as there are any.
  Result<void> remove(std::span<const std::int64_t> ids);
  // Replaces the file by one without rows.
  Result<void> clear();

  std::size_t dimensions() const { return dimensions_; }

 private:
  Result<void> map();
  bool rows_are_whole();

  const std::filesystem::path file_;
  const std::string made_of_;
  const std::size_t dimensions_;
  const std::size_t stride_;
  std::mutex mutex_;
  VectorRows rows_;          // guarded by mutex_
  std::uint64_t inode_ = 0;  // of the mapped file; guarded by mutex_
  std::size_t checked_ = 0;  // rows of it; guarded by mutex_
};

}  // namespace classifier
