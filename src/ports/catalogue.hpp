// The port to the catalogue: what is known about each image of the input bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/image_facts.hpp"
#include "domain/time.hpp"
#include "ports/image_names.hpp"

namespace classifier {

struct CatalogueEntry {
  std::string key;
  // The path within what was uploaded, as the user's machine had it: text, never used as a path.
  // The key where nobody gave one.
  std::string name;
  std::string batch;        // the upload that it belongs to; may be empty
  std::uint64_t size = 0;   // bytes
  TimePoint last_modified;  // of the object
  TimePoint uploaded_at;
  std::string etag;    // of the object that the rest describes
  std::string sha256;  // of the content, 64 hexadecimal digits; empty: not known yet
  ImageFacts facts;
};

// For an answer where there is no catalogue.
inline constexpr const char* kNoCatalogue =
    "these stores have no catalogue of images: list them by prefix, limit and next_token only, and "
    "give jobs s3_keys";

enum class ImageOrder {
  kKey,     // in byte order
  kNewest,  // by upload time
  kOldest,
  kName,   // without regard to case and accents; numbers by value
  kTaken,  // latest first; images without a time last
  kSize,   // largest first
};

// All conditions that are given must hold.
struct ImageFilter {
  std::string prefix;                 // of the key
  std::string after;                  // only keys after this one, in byte order
  std::optional<std::string> folder;  // of the name: directly in it or below; "": no condition
  std::string words;                  // each begins a word of the name
  std::string batch;
  std::optional<TimePoint> taken_from;  // inclusive
  std::optional<TimePoint> taken_to;    // inclusive
  bool undated = false;                 // only images without a time taken
};

struct CataloguePage {
  std::vector<CatalogueEntry> entries;
  std::int64_t total = 0;  // all that the filter admits
  std::string version;     // see Catalogue::version
};

struct FolderCount {
  std::string folder;       // of the names; "" for names without one
  std::int64_t images = 0;  // directly in it
};

struct BatchCount {
  std::string batch;
  std::int64_t images = 0;
  TimePoint first_uploaded;
  TimePoint last_uploaded;
};

struct MonthCount {
  std::string month;  // by the time taken, such as "2024-07"; "" for images without one
  std::int64_t images = 0;
};

// Thread-safe; several processes may use the same catalogue. A change is seen by every call that
// begins after it returned, as a whole.
class Catalogue : public ImageNames {
 public:
  // Adds entries, or replaces those of the same key. An empty name or batch is the announced one,
  // or that of the replaced entry.
  virtual Result<void> put(std::span<const CatalogueEntry> entries) = 0;

  // Keys without an entry are passed over.
  virtual Result<void> remove(std::span<const std::string> keys) = 0;

  // The entries of those keys that have one, in any order.
  virtual Result<std::vector<CatalogueEntry>> find(std::span<const std::string> keys) = 0;

  // Whether an image has this content, by its SHA-256 in hexadecimal digits.
  virtual Result<bool> has_content(std::string_view sha256) = 0;

  // The entries that have one of these contents, 64 hexadecimal digits each, and that the filter
  // admits, in the order of the contents.
  virtual Result<std::vector<CatalogueEntry>> having(std::span<const std::string> contents,
                                                     const ImageFilter& filter) = 0;

  // Any window of the filtered and ordered list; empty beyond its end.
  virtual Result<CataloguePage> list(const ImageFilter& filter, ImageOrder order,
                                     std::int64_t offset, std::size_t limit) = 0;

  // Calls `use` with the keys of all that the filter admits, in order and in pieces, as they were
  // at one moment. Ends with the first error of `use`.
  virtual Result<void> visit(
      const ImageFilter& filter, ImageOrder order,
      const std::function<Result<void>(std::span<const std::string>)>& use) = 0;

  // By path in byte order, those after `after`; all of them where it is not given.
  virtual Result<std::vector<FolderCount>> folders(const std::optional<std::string>& after,
                                                   std::size_t limit) = 0;

  // Those that have images, by the last upload, the newest first, and by name in falling order
  // where it is the same; those after `after`, of which its batch and last_uploaded count.
  virtual Result<std::vector<BatchCount>> batches(const std::optional<BatchCount>& after,
                                                  std::size_t limit) = 0;

  // Those that have images, the latest first, "" last.
  virtual Result<std::vector<MonthCount>> months() = 0;

  // Opaque; changes with each change of the catalogue, and is never the same for two states.
  virtual Result<std::string> version() = 0;

  // Whether lists have all images of the store. They miss some until all were looked at once, and
  // where a change could not be written.
  virtual bool complete() = 0;
};

}  // namespace classifier
