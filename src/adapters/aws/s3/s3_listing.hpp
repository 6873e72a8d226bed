// Reads answers to ListObjectsV2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ports/object_store.hpp"

namespace classifier::aws {

struct S3Listing {
  std::vector<ObjectInfo> objects;
  bool more = false;
};

// The size in bytes of an object, from decimal digits; 0 for anything else.
std::uint64_t size_of(std::string_view digits);

// An ETag without the quotes in which S3 sends it.
std::string without_quotes(std::string etag);

// `xml` has URL-encoded keys, as encoding-type=url requests. kUnavailable where it is not a
// listing.
Result<S3Listing> read_listing(std::string_view xml);

}  // namespace classifier::aws
