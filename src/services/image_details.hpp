// What is known about one image: from its store, its file, and the catalogue.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/image_facts.hpp"
#include "ports/catalogue.hpp"
#include "ports/object_store.hpp"
#include "support/memory_budget.hpp"

namespace classifier {

struct ImageDetails {
  ObjectInfo object;
  std::string name;  // the user's, or else the key
  ImageFacts facts;  // with a content type, of the key's extension where the file does not say it
  // What only a catalogue has, as far as it knows this version of the image.
  std::optional<TimePoint> uploaded_at;
  std::string batch;
  std::string sha256;
};

// Thread-safe.
class ImageDetailsService {
 public:
  // From the beginning of a file, at most kImageHeaderBytes of it.
  using ReadFacts = std::function<ImageFacts(std::span<const std::byte> file)>;

  // `memory` is for the headers that are read. `names` and `catalogue` may be null.
  ImageDetailsService(ObjectStore& objects, ReadFacts read_facts, MemoryBudget& memory,
                      ImageNames* names = nullptr, Catalogue* catalogue = nullptr);

  // Reads the file's header. kNotFound: there is no such image; kUnavailable where there was no
  // memory for ImageService::kPatience.
  Result<ImageDetails> get(std::string_view key);

 private:
  Result<void> add_known(ImageDetails& details);

  ObjectStore& objects_;
  ReadFacts read_facts_;
  MemoryBudget& memory_;
  ImageNames* names_;
  Catalogue* catalogue_;
};

}  // namespace classifier
