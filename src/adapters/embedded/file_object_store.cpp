#include "adapters/embedded/file_object_store.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "adapters/embedded/durable_file.hpp"
#include "domain/ids.hpp"
#include "ports/trash.hpp"
#include "support/files.hpp"
#include "support/sha256.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyBytes = 1'024;
constexpr std::size_t kMaxPartBytes = 255;
// In each bucket: files that are being written. Keys must not lead into it.
constexpr const char* kTemporaryFolder = ".tmp";
// Files in kTemporaryFolder that are older belong to no upload any more.
constexpr std::chrono::hours kLeftoverAge{24};

std::unexpected<Error> no_such_image(std::string_view key) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no image \"{}\" in the store", key));
}

// Other errors, such as EACCES, say nothing about whether there is an image.
bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

// From errno.
std::unexpected<Error> cannot_read(const fs::path& path) {
  return io_error("cannot read " + path.string(), errno);
}

std::unexpected<Error> bad_key(std::string_view key, const char* why) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a valid key: {}", key.substr(0, 200), why));
}

Result<void> check_key(std::string_view key) {
  if (key.empty()) return bad_key(key, "it is empty");
  if (key.size() > kMaxKeyBytes) return bad_key(key, "it has more than 1,024 bytes");
  if (key.find('\0') != std::string_view::npos) return bad_key(key, "it has a NUL byte");
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view part = key.substr(begin, end - begin);
    if (part.empty()) return bad_key(key, "it has an empty part between slashes");
    if (part == "." || part == "..") return bad_key(key, "\".\" and \"..\" cannot be parts of it");
    if (part.size() > kMaxPartBytes)
      return bad_key(key, "a part between slashes has more than 255 bytes");
    begin = end + 1;
  }
  if (key.starts_with(kTemporaryFolder) && (key.size() == 4 || key[4] == '/')) {
    return bad_key(key, "\".tmp\" is reserved for the store");
  }
  return {};
}

TimePoint modified(const struct stat& status) {
  return TimePoint{std::chrono::milliseconds{status.st_mtim.tv_sec * 1'000 +
                                             status.st_mtim.tv_nsec / 1'000'000}};
}

ObjectInfo object_info(std::string key, const struct stat& status) {
  char etag[64];
  std::snprintf(etag, sizeof etag, "%llx-%llx-%llx", static_cast<unsigned long long>(status.st_ino),
                static_cast<unsigned long long>(status.st_size),
                static_cast<unsigned long long>(status.st_mtim.tv_sec * 1'000'000'000LL +
                                                status.st_mtim.tv_nsec));
  return {.key = std::move(key),
          .size = static_cast<std::uint64_t>(status.st_size),
          .last_modified = modified(status),
          .etag = etag};
}

// Removes what crashed processes left behind. Younger files may belong to a running process that
// uses the same folder.
void remove_leftovers(const fs::path& folder) {
  const auto before = fs::file_time_type::clock::now() - kLeftoverAge;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;                     // another process may remove it at the same time
    if (entry->is_directory(gone)) continue;  // the trash
    // Nothing is ever written to its lock, so it looks old; without it processes would lock two
    // files.
    if (entry->path().filename() == "trash.lock") continue;
    const auto changed = fs::last_write_time(entry->path(), gone);
    if (!gone && changed < before) fs::remove(entry->path(), gone);
  }
}

// The name of a file in kTemporaryFolder, removed at the end unless it was renamed.
class TemporaryName {
 public:
  explicit TemporaryName(const fs::path& bucket)
      : path_(bucket / kTemporaryFolder / random_hex(16)) {}
  ~TemporaryName() { ::unlink(path_.c_str()); }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  const char* c_str() const { return path_.c_str(); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(Fd fd, std::string key, std::unique_ptr<TemporaryName> temporary, fs::path target,
             StoreObserver* observer)
      : fd_(std::move(fd)),
        key_(std::move(key)),
        temporary_(std::move(temporary)),
        target_(std::move(target)),
        observer_(observer) {
    if (observer_ != nullptr) hash_.emplace();
  }

  Result<void> write(std::span<const std::byte> bytes) override {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (const int error = write_all(fd_.get(), text); error != 0)
      return io_error("cannot write " + target_.string(), error);
    if (hash_) hash_->add(bytes);
    return {};
  }

  Result<ObjectInfo> commit() override {
    struct stat status{};
    if (::fdatasync(fd_.get()) != 0 || ::fstat(fd_.get(), &status) != 0)
      return io_error("cannot write " + target_.string(), errno);
    if (auto made = make_durable_folder(target_.parent_path()); !made)
      return std::unexpected(made.error());
    if (observer_ == nullptr) {
      if (auto renamed = rename(); !renamed) return std::unexpected(renamed.error());
      return object_info(key_, status);
    }
    observer_->storing(key_);
    if (auto renamed = rename(); !renamed) {
      observer_->kept(key_);
      return std::unexpected(renamed.error());
    }
    ObjectInfo object = object_info(key_, status);
    observer_->stored(object, hash_->finish());
    return object;
  }

 private:
  Result<void> rename() {
    if (::rename(temporary_->c_str(), target_.c_str()) != 0)
      return io_error("cannot write " + target_.string(), errno);
    return sync_folder(target_.parent_path());
  }

  Fd fd_;
  std::string key_;
  std::unique_ptr<TemporaryName> temporary_;
  fs::path target_;
  StoreObserver* observer_;
  std::optional<Sha256> hash_;
};

class FileReader final : public ObjectReader {
 public:
  FileReader(Fd fd, ObjectInfo info) : fd_(std::move(fd)), info_(std::move(info)) {}

  const ObjectInfo& info() const override { return info_; }

  Result<std::size_t> read(std::span<std::byte> bytes) override {
    const std::size_t wanted = std::min<std::uint64_t>(bytes.size(), info_.size - position_);
    for (std::size_t done = 0; done < wanted;) {
      const ssize_t size = ::read(fd_.get(), bytes.data() + done, wanted - done);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return io_error("cannot read the image " + info_.key, errno);
      if (size == 0)
        return fail(ErrorCode::kUnavailable,
                    fmt::format("the image {} became shorter while it was read", info_.key));
      done += static_cast<std::size_t>(size);
    }
    position_ += wanted;
    return wanted;
  }

 private:
  Fd fd_;
  ObjectInfo info_;
  std::uint64_t position_ = 0;
};

// Lists a bucket in the byte order of its keys.
class Lister {
 public:
  Lister(fs::path root, std::string_view prefix, std::string_view start_after, std::size_t limit)
      : root_(std::move(root)), prefix_(prefix), start_after_(start_after), limit_(limit) {}

  Result<ObjectPage> run() {
    // Begin in the folder that the prefix names.
    const std::size_t slash = prefix_.rfind('/');
    const std::string folder(slash == std::string_view::npos ? "" : prefix_.substr(0, slash + 1));
    if (auto walked = walk(folder); !walked) return std::unexpected(walked.error());
    return std::move(page_);
  }

 private:
  // Whether a key that begins with `text` can be on the page.
  bool may_hold(std::string_view text) const {
    const std::size_t common = std::min(text.size(), prefix_.size());
    if (text.substr(0, common) != prefix_.substr(0, common)) return false;
    // All keys of a folder sort before start_after if its own name does, unless start_after is
    // inside the folder.
    return text > start_after_ || start_after_.starts_with(text);
  }

  Result<void> walk(const std::string& folder) {
    std::vector<std::string> names;  // a folder's ends in a slash, so that it sorts as its keys do
    std::error_code error;
    for (fs::directory_iterator entry(root_ / folder, error), end; !error && entry != end;
         entry.increment(error)) {
      std::string key = folder + entry->path().filename().string();
      if (key == kTemporaryFolder) continue;
      std::error_code type_error;
      if (entry->is_directory(type_error)) key += '/';
      if (may_hold(key)) names.push_back(std::move(key));
    }
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
      return io_error("cannot read " + (root_ / folder).string(), error.value());
    }
    std::ranges::sort(names);
    for (auto& key : names) {
      if (page_.more) break;
      if (key.ends_with('/')) {
        if (auto walked = walk(key); !walked) return walked;
      } else if (key > start_after_ && key.starts_with(prefix_)) {
        if (auto added = add(std::move(key)); !added) return added;
      }
    }
    return {};
  }

  Result<void> add(std::string key) {
    if (page_.objects.size() == limit_) {
      page_.more = true;
      return {};
    }
    struct stat status{};
    const fs::path path = root_ / key;
    if (::stat(path.c_str(), &status) == 0) {
      page_.objects.push_back(object_info(std::move(key), status));
    } else if (!is_missing(errno)) {
      return cannot_read(path);
    }
    return {};  // if it is missing, it was removed since the folder was read
  }

  fs::path root_;
  std::string_view prefix_;
  std::string_view start_after_;
  std::size_t limit_;
  ObjectPage page_;
};

Result<void> taken(std::string_view key) {
  return fail(ErrorCode::kConflict, fmt::format("another image has the key \"{}\" meanwhile", key));
}

// 0 or an errno: EEXIST where there is something of the new name.
int rename_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // The file system cannot do this in one step.
  struct stat status{};
  if (::lstat(to.c_str(), &status) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

Result<void> copy_bytes(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) return io_error("cannot write " + to.string(), error.value());
  return {};
}

}  // namespace

FileObjectStore::FileObjectStore(fs::path root, std::string input_bucket, std::string output_bucket,
                                 UploadUrls urls)
    : root_(std::move(root)),
      input_bucket_(std::move(input_bucket)),
      output_bucket_(std::move(output_bucket)),
      urls_(std::move(urls)) {}

Result<std::unique_ptr<FileObjectStore>> FileObjectStore::open(fs::path root,
                                                               std::string input_bucket,
                                                               std::string output_bucket,
                                                               UploadUrls urls) {
  std::unique_ptr<FileObjectStore> store(new FileObjectStore(
      std::move(root), std::move(input_bucket), std::move(output_bucket), std::move(urls)));
  for (const auto bucket : {Bucket::kInput, Bucket::kOutput}) {
    const fs::path folder = store->root_ / store->bucket_name(bucket) / kTemporaryFolder;
    if (auto made = make_durable_folder(folder); !made) return std::unexpected(made.error());
    if (::access(folder.c_str(), W_OK) != 0)
      return io_error("cannot write " + folder.string(), errno);
    remove_leftovers(folder);
  }
  return store;
}

std::string FileObjectStore::bucket_name(Bucket bucket) const {
  return bucket == Bucket::kInput ? input_bucket_ : output_bucket_;
}

// Every bucket has a folder for temporary files. Without it, the disk is away.
Result<void> FileObjectStore::check_present(Bucket bucket) const {
  const fs::path folder = root_ / bucket_name(bucket);
  if (::access((folder / kTemporaryFolder).c_str(), F_OK) == 0) return {};
  return fail(
      ErrorCode::kUnavailable,
      fmt::format("the folder of the images is away: {}; mount its disk again", folder.string()));
}

// A disk that is away says nothing about its images.
std::unexpected<Error> FileObjectStore::missing(Bucket bucket, std::string_view key) const {
  if (auto present = check_present(bucket); !present) return std::unexpected(present.error());
  return no_such_image(key);
}

Result<fs::path> FileObjectStore::path_of(Bucket bucket, std::string_view key) const {
  if (auto valid = check_key(key); !valid) return std::unexpected(valid.error());
  return root_ / bucket_name(bucket) / fs::path(std::string(key));
}

Result<std::unique_ptr<ObjectReader>> FileObjectStore::open(Bucket bucket, std::string_view key) {
  const auto path = path_of(bucket, key);
  if (!path) return std::unexpected(path.error());
  auto reader = open_path(*path, bucket, key);
  if (!reader && reader.error().code == ErrorCode::kNotFound && bucket == Bucket::kInput &&
      in_trash_ && in_trash_(key))
    return std::unexpected(in_trash(key));
  return reader;
}

Result<std::unique_ptr<ObjectReader>> FileObjectStore::open_file(const fs::path& file,
                                                                 std::string_view key) const {
  return open_path(folder_of(Bucket::kInput) / file, Bucket::kInput, key);
}

Result<std::unique_ptr<ObjectReader>> FileObjectStore::open_path(const fs::path& path,
                                                                 Bucket bucket,
                                                                 std::string_view key) const {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO does not block
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return is_missing(errno) ? missing(bucket, key) : cannot_read(path);
  }
  if (!S_ISREG(status.st_mode)) return no_such_image(key);
  return std::make_unique<FileReader>(std::move(fd), object_info(std::string(key), status));
}

Result<std::vector<std::byte>> FileObjectStore::get(Bucket bucket, std::string_view key,
                                                    std::uint64_t max_bytes) {
  const auto reader = open(bucket, key);
  if (!reader) return std::unexpected(reader.error());
  const std::uint64_t size = (*reader)->info().size;
  if (size > max_bytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("the image has {} bytes; at most {} are allowed", size, max_bytes));
  }
  std::vector<std::byte> bytes(size);
  if (auto read = (*reader)->read(bytes); !read) return std::unexpected(read.error());
  return bytes;
}

Result<ObjectInfo> FileObjectStore::head(Bucket bucket, std::string_view key) {
  const auto path = path_of(bucket, key);
  if (!path) return std::unexpected(path.error());
  struct stat status{};
  if (::stat(path->c_str(), &status) != 0)
    return is_missing(errno) ? missing(bucket, key) : cannot_read(*path);
  if (!S_ISREG(status.st_mode)) return no_such_image(key);
  return object_info(std::string(key), status);
}

Result<ObjectPage> FileObjectStore::list(Bucket bucket, std::string_view prefix,
                                         std::string_view start_after, std::size_t limit) {
  // A prefix need not be a valid key, but must not lead out of the bucket.
  for (std::size_t begin = 0; begin < prefix.size();) {
    const std::size_t end = std::min(prefix.find('/', begin), prefix.size());
    const std::string_view part = prefix.substr(begin, end - begin);
    if (end < prefix.size() && (part.empty() || part == "." || part == "..")) return ObjectPage{};
    begin = end + 1;
  }
  if (prefix.size() > kMaxKeyBytes || prefix.find('\0') != std::string_view::npos)
    return ObjectPage{};
  if (auto present = check_present(bucket); !present) return std::unexpected(present.error());
  return Lister(root_ / bucket_name(bucket), prefix, start_after, limit).run();
}

Result<void> FileObjectStore::remove(Bucket bucket, std::string_view key) {
  const auto path = path_of(bucket, key);
  if (!path) return std::unexpected(path.error());
  if (::unlink(path->c_str()) != 0) {
    if (is_missing(errno) || errno == EISDIR) return missing(bucket, key);
    return io_error("cannot delete " + path->string(), errno);
  }
  if (bucket == Bucket::kInput && observer_ != nullptr) observer_->removed(key);
  return sync_folder(path->parent_path());
}

Result<void> FileObjectStore::move_out(std::string_view key, const fs::path& file) {
  const auto from = path_of(Bucket::kInput, key);
  if (!from) return std::unexpected(from.error());
  const fs::path to = folder_of(Bucket::kInput) / file;
  if (::rename(from->c_str(), to.c_str()) != 0) {
    if (is_missing(errno)) return missing(Bucket::kInput, key);
    return io_error("cannot move " + from->string() + " into the trash", errno);
  }
  if (observer_ != nullptr) observer_->removed(key);
  return {};
}

Result<void> FileObjectStore::move_in(const fs::path& file, std::string_view key) {
  const auto to = path_of(Bucket::kInput, key);
  if (!to) return std::unexpected(to.error());
  const fs::path from = folder_of(Bucket::kInput) / file;
  struct stat status{};
  if (::lstat(from.c_str(), &status) != 0)
    return is_missing(errno) ? missing(Bucket::kInput, key) : cannot_read(from);
  const fs::path folder = to->parent_path();
  // A file may have the name of one of the folders by now.
  for (fs::path above = folder; above != root_; above = above.parent_path()) {
    std::error_code unknown;
    const auto type = fs::status(above, unknown).type();
    if (type == fs::file_type::directory) break;
    if (type != fs::file_type::not_found && type != fs::file_type::none) return taken(key);
  }
  if (auto made = make_durable_folder(folder); !made) return made;
  if (observer_ != nullptr) observer_->storing(key);
  const int error = rename_to_new(from, *to);
  if (error == 0) return {};
  if (observer_ != nullptr) observer_->kept(key);
  if (error == EEXIST) return taken(key);
  return fail(ErrorCode::kUnavailable, fmt::format("cannot move {} to {}: {}", from.string(),
                                                   to->string(), std::strerror(error)));
}

void FileObjectStore::returned(std::string_view key) {
  if (observer_ != nullptr) observer_->returned(key);
}

Result<void> FileObjectStore::copy_to_output(std::string_view input_key,
                                             std::string_view output_key) {
  const auto from = path_of(Bucket::kInput, input_key);
  if (!from) return std::unexpected(from.error());
  const auto to = path_of(Bucket::kOutput, output_key);
  if (!to) return std::unexpected(to.error());
  // Link directly first: this succeeds for nearly every image.
  if (::link(from->c_str(), to->c_str()) == 0) return {};
  if (errno == ENOENT) {
    if (auto present = check_present(Bucket::kOutput); !present) return present;
    // Neither the folder nor the link is synced: a power loss may remove copies, but no originals.
    std::error_code error;
    fs::create_directories(to->parent_path(), error);
    if (error)
      return io_error("cannot create the folder " + to->parent_path().string(), error.value());
    if (::link(from->c_str(), to->c_str()) == 0) return {};
    if (errno == ENOENT) return missing(Bucket::kInput, input_key);
  }
  // rename keeps it if both names are already links to one file.
  const TemporaryName temporary(root_ / output_bucket_);
  if (::link(from->c_str(), temporary.c_str()) != 0) {
    if (is_missing(errno)) return missing(Bucket::kInput, input_key);
    if (auto copied = copy_bytes(*from, temporary.path()); !copied) return copied;
  }
  if (::rename(temporary.c_str(), to->c_str()) != 0)
    return io_error("cannot write " + to->string(), errno);
  return {};
}

Result<void> FileObjectStore::remove_copies(std::span<const std::string> output_keys) {
  if (auto present = check_present(Bucket::kOutput); !present) return present;
  std::set<fs::path> folders;
  for (const auto& key : output_keys) {
    const auto path = path_of(Bucket::kOutput, key);
    if (!path) return std::unexpected(path.error());
    if (::unlink(path->c_str()) != 0 && !is_missing(errno))
      return io_error("cannot delete " + path->string(), errno);
    folders.insert(path->parent_path());
  }
  const fs::path bucket = folder_of(Bucket::kOutput);
  for (fs::path folder : folders) {
    while (folder != bucket && ::rmdir(folder.c_str()) == 0) folder = folder.parent_path();
  }
  return {};
}

Result<UploadUrl> FileObjectStore::upload_url(std::string_view key, std::string_view content_type,
                                              TimePoint expires_at, std::string_view base_url) {
  if (auto valid = check_key(key); !valid) return std::unexpected(valid.error());
  return UploadUrl{urls_.sign(base_url, key, content_type, expires_at), expires_at};
}

Result<void> FileObjectStore::ping() {
  for (const auto bucket : {Bucket::kInput, Bucket::kOutput}) {
    const fs::path folder = root_ / bucket_name(bucket) / kTemporaryFolder;
    if (::access(folder.c_str(), W_OK) != 0)
      return io_error("cannot write " + folder.string(), errno);
  }
  return {};
}

Result<void> FileObjectStore::verify(const SignedUpload& upload, TimePoint now) const {
  return urls_.verify(upload, now);
}

Result<std::unique_ptr<ObjectWriter>> FileObjectStore::write(std::string_view key) {
  const auto path = path_of(Bucket::kInput, key);
  if (!path) return std::unexpected(path.error());
  auto temporary = std::make_unique<TemporaryName>(root_ / input_bucket_);
  Fd fd(::open(temporary->c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  if (!fd) return io_error("cannot write " + temporary->path().string(), errno);
  return std::make_unique<FileWriter>(std::move(fd), std::string(key), std::move(temporary), *path,
                                      observer_);
}

Result<void> FileObjectStore::walk(
    Bucket bucket, const std::string& folder, const std::function<bool(ObjectInfo)>& use,
    const std::function<void(const std::string& folder)>& enter) const {
  if (auto present = check_present(bucket); !present) return present;
  const fs::path root = folder_of(bucket);
  // A link to a folder that it is in would lead around for ever.
  using Id = std::pair<dev_t, ino_t>;
  struct Folder {
    std::string key;
    std::vector<Id> within;  // itself and those above it
  };
  struct stat status{};
  if (::stat((root / folder).c_str(), &status) != 0) return {};
  std::vector<Folder> folders{{folder, {{status.st_dev, status.st_ino}}}};
  while (!folders.empty()) {
    const Folder current = std::move(folders.back());
    folders.pop_back();
    if (enter) enter(current.key);
    std::error_code error;
    for (fs::directory_iterator entry(root / current.key, error), end; !error && entry != end;
         entry.increment(error)) {
      std::string key = current.key + entry->path().filename().string();
      if (key == kTemporaryFolder || ::stat(entry->path().c_str(), &status) != 0) continue;
      if (S_ISDIR(status.st_mode)) {
        const Id id{status.st_dev, status.st_ino};
        if (key.size() >= kMaxKeyBytes ||
            std::ranges::find(current.within, id) != current.within.end())
          continue;
        folders.push_back({key + '/', current.within});
        folders.back().within.push_back(id);
      } else if (S_ISREG(status.st_mode) && check_key(key)) {
        if (!use(object_info(std::move(key), status))) return {};
      }
    }
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
      if (current.key == folder)
        return io_error("cannot read " + (root / folder).string(), error.value());
      spdlog::warn("the folder {} is passed over: {}", (root / current.key).string(),
                   error.message());
    }
  }
  return {};
}

}  // namespace classifier
