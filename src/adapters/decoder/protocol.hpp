// What a decoder process and its owner say to each other over a socket of packets. Both are the
// same program, so that values travel as they lie in memory.
//
// The bytes of images and what is made of them are in two files in memory, which the process
// inherits: the owner writes an image to the first before it sends a request, and reads the second
// after the reply. It maps neither, so that nothing the process does to them can hurt it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "adapters/image/image.hpp"
#include "adapters/image/preprocess.hpp"

namespace classifier::decoder {

// Descriptors that the process starts with, beside standard error.
constexpr int kSocket = 3;
constexpr int kInput = 4;
constexpr int kOutput = 5;

// Of what one image becomes: 2,048 × 2,048 pixels in RGB and more than any thumbnail.
constexpr std::uint64_t kMaxOutput = 16ULL << 20;

enum class Operation : std::uint32_t { kPrepare, kThumbnail };

struct Request {
  Operation operation = Operation::kPrepare;
  std::uint64_t input_size = 0;
  // After which the process ends itself, 0: never. The owner ends it earlier, unless it is gone.
  std::uint32_t seconds = 0;
  ResizeRule rule;       // of kPrepare
  int longest_side = 0;  // of kThumbnail
  DecodeLimits limits;
};

struct Reply {
  bool done = false;
  bool over_limit = false;  // with kExhausted: the process reached its own limit of memory
  std::uint32_t code = 0;   // an ErrorCode, where not done
  int width = 0;            // of kPrepare
  int height = 0;
  std::uint64_t output_size = 0;
  // The error's, or the warning of an image that was prepared; ends with a zero byte.
  std::array<char, 1'024> message{};
};

// The first packet that the process sends.
struct Hello {
  std::array<char, 256> missing_walls{};  // why there is no filter of system calls; empty: there is
};

}  // namespace classifier::decoder
