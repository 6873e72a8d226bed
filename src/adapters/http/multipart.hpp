// Bodies of multipart/form-data (RFC 7578), read strictly.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"

namespace classifier::http {

struct FormPart {
  std::string name;
  std::string filename;      // without folders; empty for a plain field
  std::string content_type;  // as sent; empty without one
  std::string_view content;  // inside the body
  bool is_file = false;      // has a file name, which may be empty
};

struct MultipartLimits {
  std::size_t max_parts = 1'100;
  std::size_t max_header_bytes = 8 << 10;  // of one part
};

// `content_type` is the request's header field; the parts point into `body`. kInvalidArgument for a
// body that is not exactly in this format, kTooLarge over a limit.
Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body,
                                              const MultipartLimits& limits = {});

}  // namespace classifier::http
