// What a decoder process gives up before it sees a single byte of an image.
#pragma once

#include <cstdint>
#include <string>

namespace classifier::decoder {

// From now on this process, which must have one thread only, has no way to files, to the network,
// to other processes or to more privileges; and at most `memory_limit` more bytes of memory than
// now. Returns what is missing of it, in a sentence: kernels and containers
// can forbid the filter of system calls, and the limits then stand alone. Empty: nothing.
std::string raise_walls(std::uint64_t memory_limit);

}  // namespace classifier::decoder
