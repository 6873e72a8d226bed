// The inside of a decoder process.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "adapters/image/image_decoder.hpp"

namespace classifier::decoder {

// The first argument of a decoder process; the second is its memory limit in bytes.
constexpr std::string_view kProcessName = "decoder-process";

// Whether these are the arguments of a decoder process, which then has nothing else to do.
bool is_decoder_process(std::span<char* const> arguments);

// Decodes one image after another until the owner is gone. Returns the exit code, with which the
// program ends at once. `make_decoder` is for tests.
using MakeDecoder = std::function<std::unique_ptr<ImageDecoder>(const DecodeLimits&)>;
int run_decoder_process(std::span<char* const> arguments, const MakeDecoder& make_decoder);
// With the decoders of adapters/image.
int run_decoder_process(std::span<char* const> arguments);

}  // namespace classifier::decoder
