#include "adapters/decoder/decoder_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "adapters/decoder/protocol.hpp"
#include "adapters/decoder/walls.hpp"
#include "adapters/image/image_decoder.hpp"
#include "domain/text.hpp"

namespace classifier::decoder {
namespace {

// One of the files, mapped from image to image: mapping it anew would cost more than copying an
// image.
class Mapping {
 public:
  Mapping(int file, int protection) : file_(file), protection_(protection) {}
  ~Mapping() {
    if (size_ > 0) ::munmap(bytes_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // The first `size` bytes, or null. The file must have them when they are used.
  std::byte* first(std::size_t size) {
    if (size <= size_) return bytes_;
    constexpr std::size_t kStep = 4 << 20;
    const std::size_t more = (size + kStep - 1) / kStep * kStep;
    void* const bytes = ::mmap(nullptr, more, protection_, MAP_SHARED, file_, 0);
    if (bytes == MAP_FAILED) return nullptr;
    if (size_ > 0) ::munmap(bytes_, size_);
    size_ = more;
    bytes_ = static_cast<std::byte*>(bytes);
    return bytes_;
  }

 private:
  int file_;
  int protection_;
  std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
};

// What images become.
class Output {
 public:
  Result<void> write(const void* bytes, std::size_t size) {
    if (size > kMaxOutput)
      return fail(ErrorCode::kInternal, "the decoded image is too large to pass on");
    // Memory is reserved before it is written to: there, nothing can report that there is none.
    if (size > reserved_ && ::fallocate(kOutput, 0, 0, static_cast<off_t>(size)) != 0)
      return out_of_memory();
    reserved_ = std::max(reserved_, size);
    std::byte* const target = file_.first(size);
    if (target == nullptr) return out_of_memory();
    std::memcpy(target, bytes, size);
    return {};
  }

 private:
  static std::unexpected<Error> out_of_memory() {
    return fail(ErrorCode::kExhausted, "out of memory while the image was passed on");
  }
  Mapping file_{kOutput, PROT_READ | PROT_WRITE};
  std::size_t reserved_ = 0;
};

struct Files {
  Mapping input{kInput, PROT_READ};
  Output output;
};

template <class Text, std::size_t size>
void copy_text(const Text& text, std::array<char, size>& out) {
  const std::string_view fitting = utf8_prefix(text, size - 1);
  std::ranges::copy(fitting, out.begin());
  out[fitting.size()] = '\0';
}

Reply failed(const Error& error) {
  Reply reply;
  reply.code = static_cast<std::uint32_t>(error.code);
  copy_text(error.message, reply.message);
  return reply;
}

Result<Reply> work_on(const Request& request, ImageDecoder& decoder, Files& files) {
  const std::byte* const input = files.input.first(request.input_size);
  if (input == nullptr)
    return fail(ErrorCode::kExhausted, "out of memory while the image was read");
  const ImageBytes bytes(input, request.input_size);
  Reply reply;
  reply.done = true;
  const auto pass_on = [&](const void* output, std::size_t size) -> Result<Reply> {
    reply.output_size = size;
    if (auto written = files.output.write(output, size); !written)
      return std::unexpected(written.error());
    return reply;
  };
  if (request.operation == Operation::kThumbnail) {
    const auto thumbnail = decoder.thumbnail(bytes, request.longest_side);
    if (!thumbnail) return std::unexpected(thumbnail.error());
    return pass_on(thumbnail->data(), thumbnail->size());
  }
  const auto image = decoder.prepare(bytes, request.rule);
  if (!image) return std::unexpected(image.error());
  reply.width = image->width;
  reply.height = image->height;
  copy_text(image->warning, reply.message);
  return pass_on(image->pixels.data(), image->pixels.size());
}

// After an allocation failed: whether the image asked for more than the limit, so that it would
// fail again. It did where the process came near to the limit, or could have come near to it.
// Otherwise the machine is short of memory, which may pass.
bool is_over_limit(std::uint64_t limit) {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0 &&
      static_cast<std::uint64_t>(used.ru_maxrss) << 10 >= limit / 2)
    return true;
  const std::uint64_t memory = limit / 4 * 3;
  void* const block =
      ::mmap(nullptr, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return false;
  ::munmap(block, memory);
  return true;
}

// Libraries that decode an image in one call cannot be asked to stop: after the limit SIGPROF ends
// the process. 0: no limit.
void limit_processor_time(std::chrono::milliseconds limit) {
  itimerval timer{};
  timer.it_value.tv_sec = std::chrono::ceil<std::chrono::seconds>(limit).count();
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

Reply answer(const Request& request, const MakeDecoder& make_decoder, Files& files) {
  try {
    auto reply = work_on(request, *make_decoder(request.limits), files);
    return reply ? *reply : failed(reply.error());
  } catch (const std::bad_alloc&) {
    return failed({ErrorCode::kExhausted, "out of memory while the image was decoded"});
  } catch (const std::exception& exception) {
    return failed(
        {ErrorCode::kUndecodable, std::string("the image cannot be decoded: ") + exception.what()});
  }
}

}  // namespace

bool is_decoder_process(std::span<char* const> arguments) {
  return arguments.size() == 3 && arguments[1] == kProcessName;
}

int run_decoder_process(std::span<char* const> arguments, const MakeDecoder& make_decoder) {
  const auto memory_limit = parse_integer(arguments[2]);
  if (!memory_limit || *memory_limit <= 0) return 2;
  load_decoders();
  Hello hello;
  copy_text(raise_walls(static_cast<std::uint64_t>(*memory_limit)), hello.missing_walls);
  if (::send(kSocket, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello) return 1;
  Files files;
  Request request;
  while (true) {
    const ssize_t size = ::recv(kSocket, &request, sizeof request, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size != sizeof request) return 0;  // the owner is gone
    ::alarm(request.seconds);
    // Decoders that work in rows stop by themselves before.
    constexpr std::chrono::seconds kGrace{1};
    limit_processor_time(request.limits.max_time + kGrace);
    Reply reply = answer(request, make_decoder, files);
    limit_processor_time({});
    ::alarm(0);
    if (!reply.done && reply.code == static_cast<std::uint32_t>(ErrorCode::kExhausted))
      reply.over_limit = is_over_limit(static_cast<std::uint64_t>(*memory_limit));
    if (::send(kSocket, &reply, sizeof reply, MSG_NOSIGNAL) != sizeof reply) return 0;
  }
}

int run_decoder_process(std::span<char* const> arguments) {
  return run_decoder_process(
      arguments, [](const DecodeLimits& limits) { return std::make_unique<LocalDecoder>(limits); });
}

}  // namespace classifier::decoder
