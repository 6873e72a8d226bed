// Facts of an image file, from its header.
#pragma once

#include <cstddef>
#include <span>

#include "domain/image_facts.hpp"

namespace classifier {

// Reads JPEG, PNG, GIF, BMP and WebP by their content. Never fails, never decodes, and allocates at
// most some megabytes, for compressed Exif of a PNG; its time is bounded by the size of `file`,
// most of which it skips.
//
// `file` may be the first part of a file: what is not in it stays unknown. 256 KiB have the header
// and the Exif block of nearly all JPEGs, and the size in pixels of all others, with these
// exceptions, since Exif may be at the end of a file: of a WebP that says it has Exif, the size is
// unknown until that is there; a PNG does not say so, and until then its size is as stored. That of
// a GIF is unknown until its first frame, which may be larger than its screen.
ImageFacts read_image_facts(std::span<const std::byte> file);

}  // namespace classifier
