#include "apps/standard_output.hpp"

#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>

namespace classifier {
namespace {

constexpr int kPipeClosed = 128 + SIGPIPE;

[[noreturn]] void end_quietly() {
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
  std::_Exit(kPipeClosed);  // process 1 of a container does not die of signals
}

}  // namespace

DescriptorBuffer::DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
  setp(buffer_.data(), buffer_.data() + buffer_.size() - 1);  // room for overflow's character
}

bool DescriptorBuffer::write_out() {
  const char* at = pbase();
  while (error_ == 0 && at < pptr()) {
    const auto written = ::write(descriptor_, at, static_cast<std::size_t>(pptr() - at));
    if (written >= 0) {
      at += written;
    } else if (errno == EPIPE) {
      end_quietly();
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size() - 1);
  return error_ == 0;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type character) {
  if (traits_type::eq_int_type(character, traits_type::eof())) {
    return write_out() ? traits_type::not_eof(character) : character;
  }
  *pptr() = traits_type::to_char_type(character);
  pbump(1);
  return write_out() ? character : traits_type::eof();
}

int DescriptorBuffer::sync() { return write_out() ? 0 : -1; }

StandardOutput::StandardOutput() : buffer_(STDOUT_FILENO), before_(std::cout.rdbuf(&buffer_)) {
  std::signal(SIGPIPE, SIG_IGN);
  if (::isatty(STDOUT_FILENO) == 1) std::cout.setf(std::ios::unitbuf);  // shown as it is written
}

StandardOutput::~StandardOutput() {
  std::cout.flush();
  std::cout.rdbuf(before_);
}

int StandardOutput::finish() {
  std::cout.flush();
  return buffer_.error();
}

}  // namespace classifier
