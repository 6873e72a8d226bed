// Answers to ListObjectsV2.
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

// Bytes of an object, as S3 sends them in decimal digits; 0 for anything else.
std::uint64_t size_of(std::string_view digits);

// S3 sends ETags in quotes.
std::string without_quotes(std::string etag);

// Keys are URL-encoded in it, as encoding-type=url asks for. kUnavailable where it is no such
// answer.
Result<S3Listing> read_listing(std::string_view xml);

}  // namespace classifier::aws
