#include "adapters/embedded/catalogue_sync.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/files.hpp"
#include "support/pause.hpp"
#include "support/sha256.hpp"

namespace classifier {
namespace {

using std::chrono::steady_clock;

// Small, so that other writers wait for less than a tenth of a second.
constexpr std::size_t kPiece = 250;
constexpr int kFewAtStart = 500;
constexpr std::size_t kFlood = 2'000;
constexpr std::size_t kReadPiece = 1 << 20;  // bytes
constexpr int kNice = 15;
constexpr std::chrono::seconds kProgress{10};
// After a failure, or where the folders cannot be watched.
constexpr std::chrono::minutes kScanAgain{10};
constexpr std::chrono::hours kAnnounced{24};
// Names of images that are gone without a deletion.
constexpr std::chrono::days kSetAside{30};
constexpr std::chrono::seconds kFindRoot{2};
constexpr std::chrono::seconds kScanBehind{30};
constexpr std::chrono::hours kForget{1};
constexpr int kPollMs = 500;
constexpr std::chrono::milliseconds kGather{250};
constexpr std::uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_DELETE | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

CatalogueEntry entry_of(const ObjectInfo& object) {
  CatalogueEntry entry;
  entry.key = object.key;
  entry.size = object.size;
  entry.last_modified = object.last_modified;
  entry.uploaded_at = object.last_modified;
  entry.etag = object.etag;
  return entry;
}

}  // namespace

class CatalogueSync::Impl {
 public:
  Impl(SqliteCatalogue& catalogue, FileObjectStore& store, const Clock& clock,
       CatalogueSyncOptions options)
      : catalogue_(catalogue),
        store_(store),
        clock_(clock),
        options_(std::move(options)),
        watch_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

  void start() {
    if (!watch_) cannot_watch();
    // Few images, or none, take no time worth waiting for; then the catalogue is complete at once.
    if (!catalogue_.looked_at_all() && has_few_images()) {
      scan({});
      scan_wanted_ = false;
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void stop() {
    thread_ = {};
    catch_up();
  }

  void scan_again() { scan_wanted_ = true; }

  void catch_up() {
    const std::scoped_lock lock(watch_mutex_);
    std::set<std::string> changed;
    add_stored(changed);
    look_at(changed);
    remove_own();
    std::set<std::string> seen;
    if (watch_) take_events(seen);
    // A flood is left to a scan, so that nobody who asks for a list waits for it.
    if (seen.size() > kFlood) {
      scan_wanted_ = true;
    } else {
      look_at(seen);
    }
  }

  // Until the entry is complete, the event of this key says nothing new.
  void storing(std::string_view key) {
    const std::scoped_lock lock(changes_mutex_);
    storing_.emplace(key);
  }

  void kept(std::string_view key) {
    const std::scoped_lock lock(changes_mutex_);
    storing_.erase(std::string(key));
  }

  // Its content may not have been read before it went.
  void returned(std::string_view key) {
    kept(key);
    unread_ = true;
  }

  void stored(const ObjectInfo& object, std::string sha256) {
    CatalogueEntry entry = entry_of(object);
    entry.uploaded_at = clock_.now();
    entry.sha256 = std::move(sha256);
    const std::scoped_lock lock(changes_mutex_);
    stored_.push_back(std::move(entry));
  }

  void removed(std::string_view key) {
    const std::scoped_lock lock(changes_mutex_);
    removed_.emplace(key);
  }

 private:
  bool has_few_images() const {
    int count = 0;
    const auto walked =
        store_.walk(Bucket::kInput, "", [&](const ObjectInfo&) { return ++count < kFewAtStart; });
    return walked && count < kFewAtStart;
  }

  // Adds keys to `changed` whose files are not any more what was stored.
  void add_stored(std::set<std::string>& changed) {
    std::vector<CatalogueEntry> stored;
    {
      const std::scoped_lock lock(changes_mutex_);
      stored.swap(stored_);
    }
    for (std::span<CatalogueEntry> rest = stored; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), kPiece));
      std::vector<CatalogueEntry> entries;
      for (auto& entry : some) {
        if (!options_.is_image(entry.key)) continue;
        entry.facts = facts_of(entry.key);
        entries.push_back(entry);
      }
      for (const auto& entry : entries) changed.insert(entry.key);
      put_current(entries);
      for (const auto& entry : entries) changed.erase(entry.key);
      const std::scoped_lock lock(changes_mutex_);
      for (const auto& entry : some) storing_.erase(entry.key);
      rest = rest.subspan(some.size());
    }
  }

  // What this process has removed, and is not there again.
  void remove_own() {
    std::set<std::string> keys;
    {
      const std::scoped_lock lock(changes_mutex_);
      keys.swap(removed_);
    }
    const std::scoped_lock lock(put_mutex_);
    std::vector<std::string> gone;
    for (const auto& key : keys) {
      const auto object = store_.head(Bucket::kInput, key);
      if (!object && object.error().code == ErrorCode::kNotFound) gone.push_back(key);
    }
    if (gone.empty()) return;
    if (auto removed = catalogue_.remove(gone); !removed)
      failed("removing images", removed.error());
  }

  void look_at(const std::set<std::string>& keys) {
    if (!keys.empty()) look_at(std::vector<std::string>(keys.begin(), keys.end()));
  }

  bool is_storing(const std::string& key) {
    const std::scoped_lock lock(changes_mutex_);
    return storing_.contains(key);
  }

  // Makes the entries of the keys as the files are, without what only the content says;
  // read_images() adds that.
  void look_at(std::span<const std::string> keys) {
    const std::scoped_lock lock(put_mutex_);
    std::vector<std::string> there;
    std::vector<std::string> etags;
    std::vector<ObjectInfo> objects;
    std::vector<std::string> missing;
    for (const auto& key : keys) {
      if (!options_.is_image(key) || is_storing(key)) continue;
      auto object = store_.head(Bucket::kInput, key);
      if (object) {
        there.push_back(key);
        etags.push_back(object->etag);
        objects.push_back(std::move(*object));
      } else if (object.error().code == ErrorCode::kNotFound) {
        missing.push_back(key);
      }
    }
    const auto current = catalogue_.current(there, etags);
    if (!current) return failed("looking at images", current.error());
    std::vector<CatalogueEntry> added;
    for (std::size_t i = 0; i < objects.size(); ++i)
      if (!(*current)[i]) added.push_back(entry_of(objects[i]));
    if (!added.empty()) unread_ = true;
    if (auto put = catalogue_.put(added); !put) failed("adding images", put.error());
    if (missing.empty()) return;
    if (auto removed = catalogue_.set_aside(missing, clock_.now() + kSetAside); !removed)
      failed("removing images", removed.error());
  }

  // Most files of a scan are as their entries say, and need no second look.
  void look_at_new(std::span<const ObjectInfo> objects) {
    std::vector<std::string> keys;
    std::vector<std::string> etags;
    for (const auto& object : objects) {
      keys.push_back(object.key);
      etags.push_back(object.etag);
    }
    const auto current = catalogue_.current(keys, etags);
    if (!current) return failed("a scan", current.error());
    std::vector<std::string> changed;
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (!(*current)[i]) changed.push_back(std::move(keys[i]));
    if (!changed.empty()) look_at(changed);
  }

  // The image stays; only the catalogue is behind until the next scan.
  void failed(const std::string& what, const Error& error) {
    spdlog::warn("catalogue: {} failed, the folder will be scanned again: {}", what, error.message);
    behind_ = true;
    catalogue_.set_behind(true);
  }

  void cannot_watch() {
    if (watched_.exchange(false)) {
      spdlog::warn(
          "catalogue: the folder of images cannot be watched ({}); what other programs change in "
          "it "
          "is seen within {} minutes, or after SIGHUP",
          std::strerror(errno), kScanAgain.count());
    }
  }

  ImageFacts facts_of(const std::string& key) {
    const auto reader = store_.open(Bucket::kInput, key);
    if (!reader) return {};
    std::vector<std::byte> header(
        std::min<std::uint64_t>((*reader)->info().size, kImageHeaderBytes));
    if (!(*reader)->read(header)) return {};
    return options_.read_facts(header);
  }

  void watch(const std::string& folder) {
    const std::scoped_lock lock(watch_mutex_);
    if (!watch_) return;
    const int number = ::inotify_add_watch(
        watch_.get(), (store_.folder_of(Bucket::kInput) / folder).c_str(), kEvents);
    if (number >= 0) {
      folders_[number] = folder;
      if (folder.empty()) root_is_watched_ = true;
    } else if (errno == ENOSPC || errno == ENOMEM) {  // the kernel's limits of watches
      cannot_watch();
    }
  }

  void take_events(std::set<std::string>& changed) {
    std::vector<char> buffer(64 << 10);
    for (;;) {
      // It does not block: IN_NONBLOCK. NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
      const ssize_t size = ::read(watch_.get(), buffer.data(), buffer.size());
      if (size <= 0) return;
      for (const char* next = buffer.data(); next < buffer.data() + size;) {
        inotify_event event{};
        std::memcpy(&event, next, sizeof event);
        const std::string name = event.len == 0 ? "" : next + sizeof event;
        next += sizeof event + event.len;
        take_event(event, name, changed);
      }
    }
  }

  void take_event(const inotify_event& event, const std::string& name,
                  std::set<std::string>& changed) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      scan_wanted_ = true;
      return;
    }
    const auto folder = folders_.find(event.wd);
    if (folder == folders_.end()) return;
    const bool root = folder->second.empty();
    // Another folder may be mounted or moved to its place.
    if (root && (event.mask & (IN_IGNORED | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
      root_is_watched_ = false;
      if ((event.mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(watch_.get(), event.wd);
    }
    if ((event.mask & IN_IGNORED) != 0) folders_.erase(folder);
    if ((event.mask & (IN_IGNORED | IN_MOVE_SELF | IN_UNMOUNT)) != 0) return;
    const std::string key = folder->second + name;
    if ((event.mask & IN_ISDIR) == 0) {
      changed.insert(key);
    } else if (key != ".tmp") {
      changed_folders_.insert(key + "/");
    }
  }

  void run(const std::stop_token& stop) {
    // A thread's priority, on Linux.
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    steady_clock::time_point next_scan = steady_clock::now();
    unread_ = true;
    while (!stop.stop_requested()) {
      const bool lost = watch_ && !root_is_watched_;
      const bool due = (behind_ || !watched_ || lost) && steady_clock::now() >= next_scan;
      if (scan_wanted_.exchange(false) || due) {
        scan(stop);
        const bool found = !watch_ || root_is_watched_;
        next_scan = steady_clock::now() + (found ? kScanAgain : kFindRoot);
      } else if (lost || behind_) {
        const std::chrono::seconds pause = lost ? kFindRoot : kScanBehind;
        next_scan = std::min(next_scan, steady_clock::now() + pause);
      }
      for (const auto& folder : changed_folders()) scan_folder(folder, stop);
      forget_announced();
      if (unread_.exchange(false)) read_images(stop);
      wait_for_events();
      // Changes rarely come alone, and a list takes them in by itself.
      pause(kGather, stop);
      catch_up();
    }
  }

  // Folders that have come or gone since the last call.
  std::set<std::string> changed_folders() {
    const std::scoped_lock lock(watch_mutex_);
    return std::exchange(changed_folders_, {});
  }

  void forget_announced() {
    const TimePoint now = clock_.now();
    if (now < forgot_at_ + kForget && now >= forgot_at_) return;
    forgot_at_ = now;
    if (auto forgotten = catalogue_.forget_announced(now - kAnnounced); !forgotten)
      spdlog::warn("catalogue: {}", forgotten.error().message);
  }

  void wait_for_events() {
    pollfd waiting{.fd = watch_.get(), .events = POLLIN, .revents = 0};
    ::poll(&waiting, watch_ ? 1 : 0, kPollMs);
  }

  void scan(const std::stop_token& stop) {
    behind_ = false;
    const bool first = !catalogue_.looked_at_all();
    if (first) spdlog::info("catalogue: looking through the folder of images");
    const std::int64_t seen = scan_folder("", stop);
    if (stop.stop_requested() || behind_) return;
    catalogue_.set_behind(false);
    if (auto done = catalogue_.set_complete(); !done) return failed("a scan", done.error());
    if (first) spdlog::info("catalogue: complete, {} images", seen);
  }

  // Makes the entries of all images in a folder ("" or ending in a slash), and below it, as the
  // files are, and watches it. Returns how many there are.
  std::int64_t scan_folder(const std::string& folder, const std::stop_token& stop) {
    std::int64_t seen = 0;
    auto told = steady_clock::now();
    std::vector<ObjectInfo> piece;
    const auto look = [&] {
      look_at_new(piece);
      seen += static_cast<std::int64_t>(piece.size());
      piece.clear();
      if (steady_clock::now() < told + kProgress) return;
      told = steady_clock::now();
      spdlog::info("catalogue: {} images looked at", seen);
    };
    const auto walked = store_.walk(
        Bucket::kInput, folder,
        [&](ObjectInfo object) {
          if (options_.is_image(object.key)) piece.push_back(std::move(object));
          if (piece.size() == kPiece) look();
          return !stop.stop_requested();
        },
        [&](const std::string& entered) { watch(entered); });
    look();
    if (!walked) {
      failed("a scan", walked.error());
    } else {
      remove_missing(folder, stop);
    }
    return seen;
  }

  void remove_missing(const std::string& folder, const std::stop_token& stop) {
    std::string after = folder;
    while (!stop.stop_requested()) {
      auto keys = catalogue_.keys_after(after, kPiece);
      if (!keys) return failed("a scan", keys.error());
      std::erase_if(*keys, [&](const std::string& key) { return !key.starts_with(folder); });
      if (keys->empty()) return;
      after = keys->back();
      std::vector<std::string> missing;
      for (const auto& key : *keys) {
        const auto object = store_.head(Bucket::kInput, key);
        // A folder that is away says nothing about its images.
        if (!object && object.error().code == ErrorCode::kNotFound) missing.push_back(key);
      }
      if (!missing.empty()) look_at(missing);
    }
  }

  // Reads images whose content nobody has seen, one by one.
  void read_images(const std::stop_token& stop) {
    std::int64_t done = 0;
    auto told = steady_clock::now();
    std::int64_t after = 0;
    while (!stop.stop_requested()) {
      const auto keys = catalogue_.unread(after, kPiece);
      if (!keys || keys->empty()) break;
      std::vector<CatalogueEntry> read;
      for (const auto& [id, key] : *keys) {
        after = id;
        if (stop.stop_requested()) break;
        if (auto entry = read_image(key)) read.push_back(std::move(*entry));
        catch_up();
      }
      done += static_cast<std::int64_t>(read.size());
      put_current(read);
      if (steady_clock::now() < told + kProgress) continue;
      told = steady_clock::now();
      spdlog::info("catalogue: {} images read", done);
    }
  }

  // Leaves out images that have changed meanwhile.
  void put_current(std::vector<CatalogueEntry>& entries) {
    const std::scoped_lock lock(put_mutex_);
    std::erase_if(entries, [&](const CatalogueEntry& entry) {
      const auto object = store_.head(Bucket::kInput, entry.key);
      return !object || object->etag != entry.etag;
    });
    if (auto put = catalogue_.put(entries); !put) failed("adding images", put.error());
  }

  std::optional<CatalogueEntry> read_image(const std::string& key) {
    const auto reader = store_.open(Bucket::kInput, key);
    if (!reader) return std::nullopt;
    CatalogueEntry entry = entry_of((*reader)->info());
    Sha256 hash;
    std::vector<std::byte> buffer(std::min<std::uint64_t>(entry.size, kReadPiece));
    bool first = true;
    for (;;) {
      const auto size = (*reader)->read(buffer);
      if (!size) return std::nullopt;
      const std::span<const std::byte> bytes(buffer.data(), *size);
      if (std::exchange(first, false)) {
        entry.facts = options_.read_facts(bytes.first(std::min(bytes.size(), kImageHeaderBytes)));
      }
      if (bytes.empty()) break;
      hash.add(bytes);
    }
    entry.sha256 = hash.finish();
    return entry;
  }

  SqliteCatalogue& catalogue_;
  FileObjectStore& store_;
  const Clock& clock_;
  CatalogueSyncOptions options_;
  std::atomic<bool> scan_wanted_{true};
  std::atomic<bool> behind_{false};
  std::atomic<bool> unread_{false};
  std::atomic<bool> watched_{true};
  std::atomic<bool> root_is_watched_{false};
  TimePoint forgot_at_;  // of run()
  // Held from the look at a file until its entry is put, so that entries never go back in time.
  std::mutex put_mutex_;
  std::mutex changes_mutex_;  // guards what this process has changed since the last catch_up()
  std::set<std::string> storing_;
  std::vector<CatalogueEntry> stored_;
  std::set<std::string> removed_;
  std::mutex watch_mutex_;
  const Fd watch_;
  std::set<std::string> changed_folders_;         // guarded by watch_mutex_; end in a slash
  std::unordered_map<int, std::string> folders_;  // guarded by watch_mutex_; end in a slash, or ""
  std::jthread thread_;
};

CatalogueSync::CatalogueSync(SqliteCatalogue& catalogue, FileObjectStore& store, const Clock& clock,
                             CatalogueSyncOptions options)
    : impl_(std::make_unique<Impl>(catalogue, store, clock, std::move(options))) {}
CatalogueSync::~CatalogueSync() { impl_->stop(); }
void CatalogueSync::start() { impl_->start(); }
void CatalogueSync::catch_up() { impl_->catch_up(); }
void CatalogueSync::scan_again() { impl_->scan_again(); }
void CatalogueSync::stored(const ObjectInfo& object, std::string sha256) {
  impl_->stored(object, std::move(sha256));
}
void CatalogueSync::storing(std::string_view key) { impl_->storing(key); }
void CatalogueSync::kept(std::string_view key) { impl_->kept(key); }
void CatalogueSync::removed(std::string_view key) { impl_->removed(key); }
void CatalogueSync::returned(std::string_view key) { impl_->returned(key); }

}  // namespace classifier
