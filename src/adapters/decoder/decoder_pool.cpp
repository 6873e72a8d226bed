#include "adapters/decoder/decoder_pool.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "adapters/decoder/process.hpp"
#include "adapters/decoder/protocol.hpp"
#include "domain/text.hpp"

namespace classifier {

using decoder::Operation;
using decoder::Process;
using decoder::Reply;
using decoder::Request;

namespace {

// The message of a reply, or another one where it cannot be shown.
std::string readable(const Reply& reply, std::string_view otherwise) {
  const std::string message = one_line(reply.message.data());
  return is_utf8(message) ? message : std::string(otherwise);
}

// What the reply of a process that has seen an image may say; anything else is not believed.
Result<Reply> checked(Reply reply, const Request& request) {
  if (!reply.done) {
    const auto code = static_cast<ErrorCode>(reply.code);
    const bool of_an_image = code == ErrorCode::kUndecodable || code == ErrorCode::kUnsupported ||
                             code == ErrorCode::kTooLarge || code == ErrorCode::kExhausted;
    return fail(of_an_image ? code : ErrorCode::kUndecodable,
                readable(reply, "the decoder gave no readable reason"));
  }
  bool sound = reply.output_size > 0 && reply.output_size <= decoder::kMaxOutput;
  if (request.operation == Operation::kPrepare) {
    sound = reply.width == request.rule.width && reply.height == request.rule.height &&
            reply.output_size == 3ULL * static_cast<std::uint64_t>(reply.width) *
                                     static_cast<std::uint64_t>(reply.height);
  }
  if (!sound) return fail(ErrorCode::kUndecodable, "the decoder gave an answer that cannot be");
  return reply;
}

std::string name_of(int signal) {
  const char* const text = ::sigdescr_np(signal);
  return text == nullptr ? fmt::format("signal {}", signal) : text;
}

// A process that ended like this was ended by somebody else: by a person, or by the kernel where
// memory ran out. The image is not at fault.
bool from_outside(int signal) { return signal == SIGKILL || signal == SIGTERM || signal == SIGINT; }

std::unexpected<Error> unreadable() {
  return fail(ErrorCode::kUndecodable, "the decoder's result cannot be read");
}

Result<PreparedImage> read_pixels(const Process& process, const Reply& reply) {
  PreparedImage image{.width = reply.width,
                      .height = reply.height,
                      .pixels = std::vector<std::uint8_t>(reply.output_size),
                      .warning = readable(reply, "the image is not whole")};
  if (!process.read_output(image.pixels.data(), image.pixels.size())) return unreadable();
  return image;
}

Result<std::string> read_thumbnail(const Process& process, const Reply& reply) {
  std::string bytes(reply.output_size, '\0');
  if (!process.read_output(bytes.data(), bytes.size())) return unreadable();
  return bytes;
}

}  // namespace

// A process for one call. Gives it back, or its empty place where it is of no use any more.
class DecoderPool::Lease {
 public:
  explicit Lease(DecoderPool& pool) : pool_(pool) {
    std::unique_lock lock(pool_.mutex_);
    pool_.idle_changed_.wait(lock, [&] { return !pool_.idle_.empty(); });
    process_ = std::move(pool_.idle_.back());
    pool_.idle_.pop_back();
  }
  ~Lease() {
    {
      const std::scoped_lock lock(pool_.mutex_);
      // Those that live are taken first.
      const auto place = process_ ? pool_.idle_.end() : pool_.idle_.begin();
      pool_.idle_.insert(place, std::move(process_));
    }
    pool_.idle_changed_.notify_one();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // The process, started where there is none yet, or the last one ended.
  Result<Process*> process() {
    if (!process_) {
      auto started = pool_.start_process();
      if (!started) return std::unexpected(started.error());
      process_ = std::move(*started);
      const std::scoped_lock lock(pool_.mutex_);
      pool_.ids_.push_back(process_->id());
    }
    return process_.get();
  }

  void discard() {
    const std::scoped_lock lock(pool_.mutex_);
    std::erase(pool_.ids_, process_->id());
    process_.reset();
  }

 private:
  DecoderPool& pool_;
  std::unique_ptr<Process> process_;
};

DecoderPool::DecoderPool(DecoderPoolOptions options)
    : options_(std::move(options)), niceness_(::getpriority(PRIO_PROCESS, 0) + options_.nice) {}
DecoderPool::~DecoderPool() = default;

Result<std::unique_ptr<DecoderPool>> DecoderPool::start(DecoderPoolOptions options) {
  std::unique_ptr<DecoderPool> pool(new DecoderPool(std::move(options)));
  auto process = pool->start_process();
  if (!process) return std::unexpected(process.error());
  if (!(*process)->missing_walls().empty()) {
    pool->options_.on_notice(
        "decoder processes have limits of time and memory, but may call the "
        "system: " +
        (*process)->missing_walls());
  }
  pool->ids_.push_back((*process)->id());
  pool->idle_.resize(std::max<std::size_t>(pool->options_.processes, 1));
  pool->idle_.back() = std::move(*process);
  return pool;
}

Result<std::unique_ptr<Process>> DecoderPool::start_process() const {
  return Process::start(
      {.program = options_.program, .memory_limit = options_.memory_limit, .niceness = niceness_});
}

std::vector<int> DecoderPool::process_ids() const {
  const std::scoped_lock lock(mutex_);
  return ids_;
}

Result<Reply> DecoderPool::run(Lease& lease, const Request& request, ImageBytes bytes) const {
  constexpr int kTries = 2;
  for (int tries = 1;; ++tries) {
    const auto process = lease.process();
    if (!process) return std::unexpected(process.error());
    const auto answer = (*process)->call(request, bytes, options_.time_limit);
    switch (answer.failure) {
      case Process::Failure::kNone: {
        auto reply = checked(answer.reply, request);
        if (reply || !answer.reply.over_limit) return reply;
        lease.discard();  // what it could not free is freed with it
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("the decoder ran out of memory at {} MB: make the image smaller, or "
                        "raise DECODE_MEMORY",
                        options_.memory_limit >> 20));
      }
      case Process::Failure::kFileTooLarge:
        return fail(ErrorCode::kTooLarge,
                    "the limit of file sizes (ulimit -f) is too small to hand the image to a "
                    "decoder: raise it, or set DECODE_ISOLATION=off");
      case Process::Failure::kNoMemory:
        return fail(ErrorCode::kExhausted, "out of memory while the image was handed to a decoder");
      case Process::Failure::kTimedOut:
        lease.discard();
        options_.on_notice("a decoder process was ended: an image took too long");
        return fail(ErrorCode::kUndecodable,
                    fmt::format("the image was not decoded within {} seconds",
                                std::chrono::duration<double>(options_.time_limit).count()));
      case Process::Failure::kEnded:
        break;
    }
    const int signal = (*process)->ending_signal();
    lease.discard();
    const std::string how = signal == 0 ? "it ended by itself" : name_of(signal);
    options_.on_notice(fmt::format("a decoder process ended: {}", how));
    if (signal == SIGPROF) {
      return fail(
          ErrorCode::kTooLarge,
          fmt::format("decoding the image takes more than {} seconds of processor time: make "
                      "it smaller, or save it as JPEG or PNG",
                      std::chrono::duration<double>(options_.limits.max_time).count()));
    }
    if (!from_outside(signal))
      return fail(ErrorCode::kUndecodable,
                  fmt::format("the decoder crashed on the image ({})", how));
    if (tries == kTries) {
      return fail(
          ErrorCode::kExhausted,
          fmt::format("the decoder was ended from outside ({}), as when memory runs out", how));
    }
  }
}

template <class T>
Result<T> DecoderPool::call(Request request, ImageBytes bytes,
                            Result<T> (*read)(const Process&, const Reply&)) {
  // Before the bytes are copied.
  if (auto fits = check_file_size(bytes, options_.limits); !fits)
    return std::unexpected(fits.error());
  request.input_size = bytes.size();
  request.limits = options_.limits;
  if (options_.time_limit.count() > 0) {
    constexpr std::chrono::seconds kGrace{10};
    request.seconds = static_cast<std::uint32_t>(
        std::chrono::ceil<std::chrono::seconds>(options_.time_limit + kGrace).count());
  }
  Lease lease(*this);
  auto reply = run(lease, request, bytes);
  if (!reply) return std::unexpected(std::move(reply.error()));
  return read(*lease.process().value(), *reply);
}

Result<PreparedImage> DecoderPool::prepare(ImageBytes bytes, const ResizeRule& rule) {
  Request request;
  request.operation = Operation::kPrepare;
  request.rule = rule;
  return call<PreparedImage>(request, bytes, &read_pixels);
}

Result<std::string> DecoderPool::thumbnail(ImageBytes bytes, int longest_side) {
  Request request;
  request.operation = Operation::kThumbnail;
  request.longest_side = longest_side;
  return call<std::string>(request, bytes, &read_thumbnail);
}

}  // namespace classifier
