// Images pass from decoders to what uses them row by row, so that nobody has to hold all pixels.
#pragma once

#include <cstdint>

#include "adapters/image/image.hpp"

namespace classifier {

class RowSink {
 public:
  virtual ~RowSink() = default;

  // Bytes that the sink will take for this image. `image` has the size as it is decoded, which of a
  // JPEG may be smaller than in the file, and the orientation, which is not applied to the rows.
  virtual std::uint64_t memory(const ImageInfo& image) const = 0;
  // Once, before the rows.
  virtual void start(const ImageInfo& image) = 0;
  // Where the next row, from the top, is to be written: RGB, 3 bytes for each of the image's
  // columns. It may be read until it is done.
  virtual std::uint8_t* next_row() = 0;
  // The next row is written.
  virtual void row_done() = 0;
};

}  // namespace classifier
