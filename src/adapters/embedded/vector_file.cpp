#include "adapters/embedded/vector_file.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ranges>
#include <system_error>
#include <tuple>
#include <utility>

#include "adapters/embedded/durable_file.hpp"
#include "adapters/embedded/vector_kernels.hpp"
#include "domain/ids.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// A header of this size, then the rows: id, scale, checksum, content, vector, and zeros up to a
// multiple of kAlign. The checksum is of the row with a positive id and without the checksum.
constexpr std::size_t kHeader = 4'096;
constexpr std::size_t kId = 0;
constexpr std::size_t kScale = 8;
constexpr std::size_t kSum = 12;
constexpr std::size_t kContent = 16;
constexpr std::size_t kContentBytes = 32;
constexpr std::size_t kVector = kContent + kContentBytes;
constexpr std::size_t kAlign = 16;

std::size_t stride_of(std::size_t dimensions) {
  return (kVector + dimensions + kAlign - 1) / kAlign * kAlign;
}

std::string header_of(const std::string& made_of, std::size_t dimensions) {
  std::string header = fmt::format("vectors 1 {} {}\n", dimensions, made_of);
  header.resize(kHeader, '\0');
  return header;
}

template <class T>
T value_at(const std::byte* row, std::size_t offset) {
  T value{};
  std::memcpy(&value, row + offset, sizeof(value));
  return value;
}

template <class T>
void set_at(std::byte* row, std::size_t offset, T value) {
  std::memcpy(row + offset, &value, sizeof(value));
}

std::uint32_t checksum(const std::byte* row, std::size_t stride) {
  const std::int64_t id = std::abs(value_at<std::int64_t>(row, kId));
  uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(&id), sizeof(id));
  sum = crc32_z(sum, reinterpret_cast<const Bytef*>(row + kScale), kSum - kScale);
  return static_cast<std::uint32_t>(
      crc32_z(sum, reinterpret_cast<const Bytef*>(row + kContent), stride - kContent));
}

std::unexpected<Error> file_error(const fs::path& file, const char* what) {
  return io_error(fmt::format("{} {}", what, file.string()), errno);
}

}  // namespace

VectorRow VectorRows::operator[](std::size_t index) const {
  const std::byte* const row = mapping_.get() + kHeader + index * stride_;
  return {.id = value_at<std::int64_t>(row, kId),
          .scale = value_at<float>(row, kScale),
          .content = {reinterpret_cast<const char*>(row + kContent), kContentBytes},
          .vector = reinterpret_cast<const std::int8_t*>(row + kVector)};
}

VectorFile::VectorFile(fs::path file, std::string made_of, std::size_t dimensions)
    : file_(std::move(file)),
      made_of_(std::move(made_of)),
      dimensions_(dimensions),
      stride_(stride_of(dimensions)) {}

Result<VectorRows> VectorFile::read() {
  const std::scoped_lock lock(mutex_);
  if (auto mapped = map(); !mapped) return std::unexpected(mapped.error());
  if (!rows_are_whole()) {
    return fail(ErrorCode::kInternal, fmt::format("{} is damaged", file_.string()));
  }
  return rows_;
}

// Maps the file where it is another one, or has another size, than last time.
Result<void> VectorFile::map() {
  const Fd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    rows_ = {};
    inode_ = 0;
    return {};
  }
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return file_error(file_, "cannot open");
  const auto size = static_cast<std::size_t>(status.st_size);
  const std::size_t count = size < kHeader ? 0 : (size - kHeader) / stride_;
  if (inode_ == status.st_ino && count == rows_.count_) return {};
  // A file that was cut has lost what is mapped.
  const bool same = inode_ == status.st_ino && count > rows_.count_;
  rows_ = {};
  inode_ = 0;
  if (!same) checked_ = 0;
  std::string header(kHeader, '\0');
  if (::pread(fd.get(), header.data(), kHeader, 0) != static_cast<ssize_t>(kHeader) ||
      header != header_of(made_of_, dimensions_)) {
    return fail(ErrorCode::kInternal,
                fmt::format("{} is not of this model and store", file_.string()));
  }
  const std::size_t bytes = kHeader + count * stride_;
  void* const place = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (place == MAP_FAILED) return file_error(file_, "cannot map");
  rows_.mapping_ = {static_cast<const std::byte*>(place), [bytes](const std::byte* mapped) {
                      ::munmap(const_cast<std::byte*>(mapped), bytes);
                    }};
  rows_.count_ = count;
  rows_.stride_ = stride_;
  inode_ = status.st_ino;
  return {};
}

bool VectorFile::rows_are_whole() {
  for (; checked_ < rows_.count_; ++checked_) {
    const std::byte* const row = rows_.mapping_.get() + kHeader + checked_ * stride_;
    const std::int64_t id = std::abs(value_at<std::int64_t>(row, kId));
    const std::int64_t before = checked_ == 0 ? 0 : std::abs(rows_[checked_ - 1].id);
    if (id <= before || value_at<std::uint32_t>(row, kSum) != checksum(row, stride_)) return false;
  }
  return true;
}

Result<Fd> VectorFile::lock() {
  const fs::path file = file_.string() + ".lock";
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return file_error(file, "cannot open");
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return file_error(file, "cannot lock");
  }
  return fd;
}

Result<void> VectorFile::append(std::span<const NewVectorRow> rows) {
  const Fd fd(::open(file_.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return file_error(file_, "cannot open");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < kHeader) return fail(ErrorCode::kInternal, fmt::format("{} is cut", file_.string()));
  const std::size_t whole = kHeader + (size - kHeader) / stride_ * stride_;
  std::vector<std::byte> bytes(rows.size() * stride_);
  std::byte* row = bytes.data();
  for (const auto& added : rows) {
    set_at(row, kId, added.id);
    std::memcpy(row + kContent, added.content.data(),
                std::min(added.content.size(), kContentBytes));
    set_at(row, kScale, round_to_i8(added.vector, reinterpret_cast<std::int8_t*>(row + kVector)));
    set_at(row, kSum, checksum(row, stride_));
    row += stride_;
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (::ftruncate(fd.get(), static_cast<off_t>(whole)) != 0 || ::lseek(fd.get(), 0, SEEK_END) < 0) {
    return file_error(file_, "cannot write");
  }
  if (const int error = write_all(fd.get(), text); error != 0) {
    // Rows that were written are right; only a part of one goes, which no reader has mapped.
    if (::fstat(fd.get(), &status) == 0) {
      const auto written = static_cast<std::size_t>(status.st_size);
      std::ignore = ::ftruncate(
          fd.get(), static_cast<off_t>(kHeader + (written - kHeader) / stride_ * stride_));
    }
    return io_error("cannot write " + file_.string(), error);
  }
  return {};
}

Result<void> VectorFile::remove(std::span<const std::int64_t> ids) {
  const auto rows = read();
  if (!rows) return std::unexpected(rows.error());
  const Fd fd(::open(file_.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return rows->size() == 0 ? Result<void>() : file_error(file_, "cannot open");
  for (const std::int64_t id : ids) {
    const auto places = std::views::iota(std::size_t{0}, rows->size());
    const auto place = std::ranges::lower_bound(
        places, id, {}, [&](std::size_t index) { return std::abs((*rows)[index].id); });
    if (place == places.end() || (*rows)[*place].id != id) continue;
    const std::int64_t removed = -id;
    if (::pwrite(fd.get(), &removed, sizeof(removed),
                 static_cast<off_t>(kHeader + *place * stride_ + kId)) != sizeof(removed))
      return file_error(file_, "cannot write");
  }
  return {};
}

Result<void> VectorFile::clear() {
  // Beside it, and then in its place: what others have mapped stays.
  std::error_code error;
  const fs::path fresh = file_.string() + "." + random_hex(16);
  fs::create_directories(file_.parent_path(), error);
  const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return file_error(fresh, "cannot create");
  int failed = write_all(fd.get(), header_of(made_of_, dimensions_));
  if (failed == 0 && ::rename(fresh.c_str(), file_.c_str()) != 0) failed = errno;
  if (failed == 0) return {};
  fs::remove(fresh, error);
  return io_error("cannot write " + file_.string(), failed);
}

}  // namespace classifier
