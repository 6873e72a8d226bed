#include "adapters/decoder/decoder_process.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include "adapters/decoder/protocol.hpp"
#include "adapters/decoder/walls.hpp"
#include "adapters/image/image_decoder.hpp"
#include "domain/text.hpp"

namespace classifier::decoder {
namespace {

// The image of one request, mapped from the input file.
class Input {
 public:
  explicit Input(std::size_t size)
      : size_(size), bytes_(::mmap(nullptr, size, PROT_READ, MAP_SHARED, kInput, 0)) {}
  ~Input() {
    if (bytes_ != MAP_FAILED) ::munmap(bytes_, size_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  bool is_mapped() const { return bytes_ != MAP_FAILED; }
  ImageBytes bytes() const { return {static_cast<const std::byte*>(bytes_), size_}; }

 private:
  std::size_t size_;
  void* bytes_;
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

Result<void> write_output(const void* bytes, std::size_t size) {
  if (size > kMaxOutput)
    return fail(ErrorCode::kInternal, "the decoded image is too large to pass on");
  std::size_t done = 0;
  while (done < size) {
    const ssize_t part = ::pwrite(kOutput, static_cast<const char*>(bytes) + done, size - done,
                                  static_cast<off_t>(done));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0)
      return fail(ErrorCode::kExhausted, "out of memory while the image was passed on");
    done += static_cast<std::size_t>(part);
  }
  return {};
}

Result<Reply> work_on(const Request& request, ImageDecoder& decoder) {
  const Input input(request.input_size);
  if (!input.is_mapped())
    return fail(ErrorCode::kExhausted, "out of memory while the image was read");
  const ImageBytes bytes = input.bytes();
  Reply reply;
  reply.done = true;
  if (request.operation == Operation::kThumbnail) {
    const auto thumbnail = decoder.thumbnail(bytes, request.longest_side);
    if (!thumbnail) return std::unexpected(thumbnail.error());
    reply.output_size = thumbnail->size();
    if (auto written = write_output(thumbnail->data(), thumbnail->size()); !written)
      return std::unexpected(written.error());
    return reply;
  }
  const auto image = decoder.prepare(bytes, request.rule);
  if (!image) return std::unexpected(image.error());
  reply.width = image->width;
  reply.height = image->height;
  reply.output_size = image->pixels.size();
  if (auto written = write_output(image->pixels.data(), image->pixels.size()); !written)
    return std::unexpected(written.error());
  return reply;
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

Reply answer(const Request& request, const MakeDecoder& make_decoder) {
  try {
    auto reply = work_on(request, *make_decoder(request.limits));
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
  Hello hello;
  copy_text(raise_walls(static_cast<std::uint64_t>(*memory_limit)), hello.missing_walls);
  if (::send(kSocket, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello) return 1;
  Request request;
  while (true) {
    const ssize_t size = ::recv(kSocket, &request, sizeof request, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size != sizeof request) return 0;  // the owner is gone
    ::alarm(request.seconds);
    Reply reply = answer(request, make_decoder);
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
