// What a file is, by its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "domain/file_kind.hpp"

namespace classifier {

// As many of the first bytes as kind_of_content looks at; a smaller file has fewer.
constexpr std::size_t kKindBytes = 512;

struct ContentKind {
  FileKind kind = FileKind::kOther;
  std::string_view content_type;  // of an image; otherwise empty
};

// kImage for every photo, whether or not it can be decoded: that is for the decoder to say. kOther
// where the bytes say nothing.
ContentKind kind_of_content(std::span<const std::byte> head);

}  // namespace classifier
