// Standard output whose errors are known: a full disk is reported, and a reader that has closed the
// pipe ends the process quietly.
#pragma once

#include <array>
#include <cerrno>
#include <iostream>
#include <streambuf>

namespace classifier {

// Writes to a file descriptor. If the reader of a pipe has closed it (as `head` does), the process
// ends at once by SIGPIPE, as other command-line tools do, from whichever thread writes: a long
// download stops, and the shell sees exit code 141.
class DescriptorBuffer final : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor);

  // errno of the first write that failed; 0 if none did. Nothing is written after it.
  int error() const { return error_; }

 protected:
  int_type overflow(int_type character) override;
  int sync() override;

 private:
  bool write_out();

  int descriptor_;
  int error_ = 0;
  std::array<char, 1 << 16> buffer_;
};

// Replaces the buffer of std::cout as long as it lives. SIGPIPE is ignored from then on: libraries
// also write to sockets, whose errors are handled where they occur.
class StandardOutput {
 public:
  StandardOutput();
  ~StandardOutput();
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  // Flushes; errno of the first write that failed, 0 if none did.
  int finish();

 private:
  DescriptorBuffer buffer_;
  std::streambuf* before_;
};

}  // namespace classifier
