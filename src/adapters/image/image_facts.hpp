// Facts of an image file, from its header.
#pragma once

#include <cstddef>
#include <span>

#include "domain/image_facts.hpp"

namespace classifier {

// Reads JPEG, PNG, GIF, BMP and WebP by their content. Never fails, never decodes, and allocates
// nothing whose size the file determines; its time is bounded by the size of `file`, most of which
// it skips.
//
// `file` may be the first part of a file: what is not in it stays unknown. 256 KiB have the header
// and the Exif block of nearly all JPEGs, and the size in pixels of all others, with these
// exceptions, since Exif may be at the end of a file: of a WebP that says it has Exif, the size is
// unknown until that is there; a PNG does not say so, and until then its size is as stored.
ImageFacts read_image_facts(std::span<const std::byte> file);

}  // namespace classifier
