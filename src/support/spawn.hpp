// What posix_spawn() needs to start a program.
#pragma once

#include <spawn.h>

#include "support/files.hpp"

namespace classifier {

// The descriptors of the new program. They outlive the call.
class SpawnFiles {
 public:
  SpawnFiles() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnFiles() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnFiles(const SpawnFiles&) = delete;
  SpawnFiles& operator=(const SpawnFiles&) = delete;
  void put(const Fd& from, int to) { posix_spawn_file_actions_adddup2(&actions_, from.get(), to); }
  void open_nothing(int as, int flags) {
    posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", flags, 0);
  }
  void close_from(int first) { posix_spawn_file_actions_addclosefrom_np(&actions_, first); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Signals as a new program has them: this one ignores some and blocks none. It gets a process group
// of its own, so that Ctrl-C is for this program, which finishes what it has begun.
class SpawnAttributes {
 public:
  SpawnAttributes();
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace classifier
