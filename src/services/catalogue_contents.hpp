// The contents of stored images, as the catalogue has them.
#pragma once

#include "ports/catalogue.hpp"
#include "ports/content_hashes.hpp"
#include "ports/object_store.hpp"

namespace classifier {

// An object's version is its ETag. The catalogue and the store outlive it.
class CatalogueContents final : public ContentHashes {
 public:
  CatalogueContents(Catalogue& catalogue, ObjectStore& objects)
      : catalogue_(catalogue), objects_(objects) {}

  Result<std::vector<std::optional<KnownContent>>> find(std::span<const std::string> keys) override;
  Result<bool> is_current(const std::string& key, const std::string& version) override;
  // The catalogue hashes and forgets images by itself.
  Result<void> put(std::span<const FoundContent> /*found*/) override { return {}; }
  Result<std::optional<std::string>> forget(const std::string& /*key*/) override {
    return std::nullopt;
  }

 private:
  Catalogue& catalogue_;
  ObjectStore& objects_;
};

}  // namespace classifier
