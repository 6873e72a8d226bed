// Answers to ListObjectsV2.
#pragma once

#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ports/object_store.hpp"

namespace classifier::aws {

struct S3Listing {
  std::vector<ObjectInfo> objects;
  bool more = false;
};

// Keys are URL-encoded in it, as encoding-type=url asks for. kUnavailable where it is no such
// answer.
Result<S3Listing> read_listing(std::string_view xml);

}  // namespace classifier::aws
