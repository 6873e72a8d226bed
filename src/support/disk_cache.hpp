// A bounded cache of small values in a folder, which outlives the process.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace classifier {

// Losing the folder, or any file in it, costs only the time to make the values again. Nothing here
// fails: a folder that cannot be written, or a full disk, keeps nothing, and is logged once.
//
// Values are files `<folder>/<first two characters>/<name>` that begin with a checksum of name and
// value, so that a torn or damaged file is removed, and never served. They are renamed into their
// place without fsync.
//
// Names have 3 to 200 characters, of letters, digits, "-" and "_"; others are never found or kept,
// nor are values over 16 MiB.
//
// Thread-safe; several processes may use the same folder.
class DiskCache {
 public:
  // `max_bytes` bounds the values with their checksums, not what the file system needs beside them.
  // What is in the folder is counted by a thread from now on; a process that knows itself to be
  // near the bound keeps nothing more until that thread has removed what was not used for the
  // longest time. So the bound holds but for moments after the start, and for what several
  // processes add without knowing of each other: each counts the folder again after every sixteenth
  // of the bound that it has added.
  DiskCache(std::filesystem::path folder, std::uint64_t max_bytes);
  ~DiskCache();
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  // The last use of a file is its time of modification, which a use moves at most once an hour.
  std::optional<std::string> find(std::string_view name);

  // Replaces a value of the same name.
  void insert(std::string_view name, std::string_view bytes);

  // Removes the values whose names begin with `prefix`, of 2 characters or more.
  void remove(std::string_view prefix);

  // The bytes that are kept, as far as this process knows; rather too many than too few.
  std::uint64_t size() const;

  // Waits until the thread has nothing to do: for tests.
  void settle();

 private:
  struct Kept;

  std::filesystem::path path_of(std::string_view name) const;
  int write(const std::filesystem::path& file, std::string_view name, std::string_view bytes);
  void log_once(int error);
  void run(const std::stop_token& stop);
  // Counts the folder, and removes what is too much.
  void tidy(const std::stop_token& stop);
  template <class Use>
  void for_each_file(const std::stop_token& stop, Use use) const;

  const std::filesystem::path folder_;
  const std::uint64_t max_bytes_;
  std::atomic<bool> logged_ = false;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // All guarded by mutex_.
  std::uint64_t size_ = 0;
  std::uint64_t added_ = 0;    // since the last count began
  std::uint64_t writing_ = 0;  // by calls of insert() now
  bool wanted_ = true;         // the folder is to be counted
  bool tidying_ = false;
  std::jthread thread_;
};

}  // namespace classifier
