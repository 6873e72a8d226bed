#include "support/disk_cache.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

constexpr std::size_t kChecksum = 64;  // bytes at the beginning of a file
constexpr std::size_t kShortestName = 3;
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kPrefix = 2;
constexpr std::uint64_t kMostBytes = 16 << 20;    // of a file
constexpr std::string_view kTemporary = ".new-";  // no value has such a name
constexpr std::int64_t kHour = 3'600;             // seconds

bool has_word_characters(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

bool is_cache_name(std::string_view name) {
  return name.size() >= kShortestName && name.size() <= kLongestName && has_word_characters(name);
}

std::string checksum_of(std::string_view name, std::string_view bytes) {
  std::string text;
  text.reserve(name.size() + 1 + bytes.size());
  text.append(name).append(" ").append(bytes);
  return sha256_hex(text);
}

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// A file, as it is remembered while the oldest ones are looked for.
struct DiskCache::Kept {
  std::int64_t used_ns = 0;  // since the epoch
  std::uint32_t size = 0;
};

DiskCache::DiskCache(std::filesystem::path folder, std::uint64_t max_bytes)
    : folder_(std::move(folder)),
      max_bytes_(max_bytes),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

DiskCache::~DiskCache() = default;

std::filesystem::path DiskCache::path_of(std::string_view name) const {
  return folder_ / name.substr(0, kPrefix) / name;
}

std::optional<std::string> DiskCache::find(std::string_view name) {
  if (!is_cache_name(name)) return std::nullopt;
  const auto file = path_of(name);
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  if (static_cast<std::uint64_t>(status.st_size) <= kMostBytes) {
    auto content = read_file(file);
    if (!content) return std::nullopt;
    if (content->size() >= kChecksum &&
        std::string_view(*content).substr(0, kChecksum) ==
            checksum_of(name, std::string_view(*content).substr(kChecksum))) {
      // Also where the clock was set back.
      if (std::abs(seconds_now() - status.st_mtim.tv_sec) > kHour)
        ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
      content->erase(0, kChecksum);
      return std::move(*content);
    }
  }
  remove(name);
  return std::nullopt;
}

void DiskCache::insert(std::string_view name, std::string_view bytes) {
  const std::uint64_t size = bytes.size() + kChecksum;
  if (!is_cache_name(name) || size > std::min(kMostBytes, max_bytes_)) return;
  {
    const std::scoped_lock lock(mutex_);
    // Some is left when the thread begins to make room, so that hardly any value is given up.
    wanted_ =
        wanted_ || size_ + size > max_bytes_ - max_bytes_ / 16 || added_ + size > max_bytes_ / 16;
    if (wanted_) changed_.notify_all();
    if (size_ + size > max_bytes_) return;
    size_ += size;
    added_ += size;
    writing_ += size;
  }
  const int error = write(path_of(name), name, bytes);
  if (error != 0) log_once(error);
  const std::scoped_lock lock(mutex_);
  writing_ -= size;
  if (error == 0) return;
  size_ -= std::min(size_, size);
  added_ -= std::min(added_, size);
}

int DiskCache::write(const std::filesystem::path& file, std::string_view name,
                     std::string_view bytes) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return error.value();
  const auto temporary = file.parent_path() / (std::string(kTemporary) + random_hex(16));
  int code = 0;
  {
    const Fd fd(::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    if (!fd) return errno;
    code = write_all(fd.get(), checksum_of(name, bytes));
    if (code == 0) code = write_all(fd.get(), bytes);
  }
  if (code == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) code = errno;
  if (code != 0) ::unlink(temporary.c_str());
  return code;
}

void DiskCache::remove(std::string_view prefix) {
  if (prefix.size() < kPrefix || !has_word_characters(prefix)) return;
  std::error_code error;
  std::filesystem::directory_iterator file(folder_ / prefix.substr(0, kPrefix), error);
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    if (!file->path().filename().native().starts_with(prefix)) continue;
    struct stat status{};
    if (::stat(file->path().c_str(), &status) != 0 || ::unlink(file->path().c_str()) != 0) continue;
    const std::scoped_lock lock(mutex_);
    size_ -= std::min(size_, static_cast<std::uint64_t>(status.st_size));
  }
}

std::uint64_t DiskCache::size() const {
  const std::scoped_lock lock(mutex_);
  return size_;
}

void DiskCache::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !wanted_ && !tidying_; });
}

void DiskCache::log_once(int error) {
  if (logged_.exchange(true)) return;
  spdlog::warn("cannot keep files in {}: {}; the service runs without them, but slower",
               folder_.string(), std::generic_category().message(error));
}

void DiskCache::run(const std::stop_token& stop) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return wanted_; })) return;
      wanted_ = false;
      tidying_ = true;
    }
    tidy(stop);
    {
      const std::scoped_lock lock(mutex_);
      tidying_ = false;
    }
    changed_.notify_all();
  }
}

// use(path, Kept) for each value, until the stop.
template <class Use>
void DiskCache::for_each_file(const std::stop_token& stop, Use use) const {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::directory_iterator folder(folder_, error);
  for (; !error && folder != fs::directory_iterator(); folder.increment(error)) {
    std::error_code of_folder;  // one that cannot be read, or is a file, is passed over
    fs::directory_iterator file(folder->path(), of_folder);
    for (; !of_folder && file != fs::directory_iterator(); file.increment(of_folder)) {
      if (stop.stop_requested()) return;
      struct stat status{};
      if (::lstat(file->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      const std::string name = file->path().filename().native();
      // Of a process that ended while it wrote.
      if (name.starts_with(kTemporary) && seconds_now() - status.st_mtim.tv_sec > kHour)
        ::unlink(file->path().c_str());
      if (!is_cache_name(name)) continue;
      constexpr std::int64_t kNanoseconds = 1'000'000'000;
      const auto size = static_cast<std::uint64_t>(status.st_size);
      use(file->path(),
          Kept{.used_ns = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec,
               .size = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX))});
    }
  }
}

void DiskCache::tidy(const std::stop_token& stop) {
  {
    const std::scoped_lock lock(mutex_);
    added_ = writing_;  // which may not be seen
  }
  std::uint64_t total = 0;
  std::vector<Kept> files;  // 16 bytes for each, some megabytes for a cache of 10 GB
  for_each_file(stop, [&](const std::filesystem::path&, const Kept& kept) {
    total += kept.size;
    files.push_back(kept);
  });
  if (total > max_bytes_ - max_bytes_ / 16) {
    const std::uint64_t wanted = max_bytes_ - max_bytes_ / 8;
    std::ranges::sort(files, {}, &Kept::used_ns);
    std::int64_t oldest = 0;
    std::uint64_t left = total;
    for (auto file = files.begin(); left > wanted; ++file) {
      oldest = file->used_ns;
      left -= file->size;
    }
    files = {};
    for_each_file(stop, [&](const std::filesystem::path& path, const Kept& kept) {
      if (kept.used_ns > oldest || total <= wanted) return;
      // Another process may have been faster.
      if (::unlink(path.c_str()) == 0 || errno == ENOENT)
        total -= std::min<std::uint64_t>(total, kept.size);
    });
  }
  const std::scoped_lock lock(mutex_);
  if (!stop.stop_requested()) size_ = total + added_;
}

}  // namespace classifier
