// Decoding in processes of its own: what crashes, hangs or grows there is ended alone.
//
// Each process is this program again, started with nothing but a socket and two files in memory,
// and locked up before it sees an image: see walls.hpp. As GNOME's glycin and browsers do it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/image/image_decoder.hpp"
#include "domain/error.hpp"

namespace classifier {

namespace decoder {
class Process;
struct Request;
struct Reply;
}  // namespace decoder

struct DecoderPoolOptions {
  std::size_t processes = 2;                     // images that are decoded at once
  std::uint64_t memory_limit = 700ULL << 20;     // bytes, of each process
  std::chrono::milliseconds time_limit{30'000};  // for one image, 0: none
  int nice = 0;                                  // added to the processes' niceness
  DecodeLimits limits;
  std::filesystem::path program = "/proc/self/exe";  // calls run_decoder_process, see there
  // Takes a sentence about processes that ended or cannot be locked up; from any thread.
  std::function<void(const std::string&)> on_notice = [](const std::string&) {};
};

// A call waits while all processes are busy. Beside the errors of decoding:
// - kUndecodable: the decoder crashed on the image, or did not end in time;
// - kTooLarge: it ran out of its memory;
// - kExhausted: no process could be started, or something outside killed it twice. It may pass.
class DecoderPool final : public ImageDecoder {
 public:
  // Starts one process; the others, when so many images are to be decoded at once.
  static Result<std::unique_ptr<DecoderPool>> start(DecoderPoolOptions options);
  ~DecoderPool() override;
  DecoderPool(const DecoderPool&) = delete;
  DecoderPool& operator=(const DecoderPool&) = delete;

  Result<PreparedImage> prepare(ImageBytes bytes, const ResizeRule& rule) override;
  Result<std::string> thumbnail(ImageBytes bytes, int longest_side) override;

  // Of the processes that run, for tests and for people who look.
  std::vector<int> process_ids() const;

 private:
  explicit DecoderPool(DecoderPoolOptions options);
  class Lease;
  // `read` takes the result while the process is still this call's.
  template <class T>
  Result<T> call(decoder::Request request, ImageBytes bytes,
                 Result<T> (*read)(const decoder::Process&, const decoder::Reply&));
  Result<decoder::Reply> run(Lease& lease, const decoder::Request& request, ImageBytes bytes) const;
  Result<std::unique_ptr<decoder::Process>> start_process() const;

  const DecoderPoolOptions options_;
  // Threads that start a process again may have another niceness than the one that started the
  // pool.
  const int niceness_;
  mutable std::mutex mutex_;
  std::condition_variable idle_changed_;
  // Null where a process is still to be started: the first, or one after one that ended. Guarded by
  // mutex_.
  std::vector<std::unique_ptr<decoder::Process>> idle_;
  std::vector<int> ids_;  // guarded by mutex_
};

}  // namespace classifier
