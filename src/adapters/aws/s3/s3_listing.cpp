#include "adapters/aws/s3/s3_listing.hpp"

#include <algorithm>
#include <pugixml.hpp>
#include <string>
#include <utility>

#include "domain/text.hpp"

namespace classifier::aws {
namespace {

// In listings, "+" is a space.
std::string decoded_key(std::string text) {
  std::ranges::replace(text, '+', ' ');
  return percent_decode(text).value_or(text);
}

}  // namespace

std::uint64_t size_of(std::string_view digits) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(parse_integer(digits).value_or(0), 0));
}

std::string without_quotes(std::string etag) {
  std::erase(etag, '"');
  return etag;
}

Result<S3Listing> read_listing(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size()))
    return fail(ErrorCode::kUnavailable, "S3 returned a listing that is not XML");
  const auto result = document.child("ListBucketResult");
  S3Listing listing;
  for (const auto& entry : result.children("Contents")) {
    listing.objects.push_back(
        {.key = decoded_key(entry.child_value("Key")),
         .size = size_of(entry.child_value("Size")),
         .last_modified = parse_rfc3339(entry.child_value("LastModified")).value_or(TimePoint{}),
         .etag = without_quotes(entry.child_value("ETag"))});
  }
  listing.more = result.child("IsTruncated").text().as_bool();
  // Otherwise requests for the rest would repeat endlessly.
  if (listing.more && listing.objects.empty())
    return fail(ErrorCode::kUnavailable,
                "S3 returned a listing that is truncated but has no objects");
  return listing;
}

}  // namespace classifier::aws
