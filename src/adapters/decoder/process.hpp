// One decoder process, as its owner sees it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "adapters/decoder/protocol.hpp"
#include "adapters/image/decode.hpp"
#include "domain/error.hpp"
#include "support/files.hpp"

namespace classifier::decoder {

struct ProcessOptions {
  std::filesystem::path program;
  std::uint64_t memory_limit = 0;
  int niceness = 0;  // of the process, whichever thread starts it
};

// Used by one thread at a time.
class Process {
 public:
  // Waits until the process is locked up. kExhausted where it cannot be started.
  static Result<std::unique_ptr<Process>> start(const ProcessOptions& options);
  // Ends it.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  enum class Failure { kNone, kEnded, kTimedOut, kNoMemory, kFileTooLarge };
  struct Answer {
    Failure failure = Failure::kNone;
    Reply reply;  // with kNone
  };
  // Hands over an image and waits for what becomes of it; `time` 0: for ever. After a failure other
  // than kNoMemory the process is of no use any more.
  Answer call(const Request& request, ImageBytes bytes, std::chrono::milliseconds time);

  // Reads `size` bytes of what the last call made.
  bool read_output(void* out, std::size_t size) const;

  // After kEnded: the signal that ended it, 0 where it ended by itself. Waits for its end.
  int ending_signal();

  int id() const { return id_; }
  // Why it has no filter of system calls; empty: it has one.
  const std::string& missing_walls() const { return missing_walls_; }

 private:
  Process(pid_t id, Fd socket, Fd input, Fd output);
  bool wait_readable(std::chrono::milliseconds time) const;

  pid_t id_;
  bool waited_for_ = false;
  Fd socket_;
  Fd input_;
  Fd output_;
  std::string missing_walls_;
};

}  // namespace classifier::decoder
