// Keeps the catalogue as the folder of the images is: what this process stores and removes, what
// other programs do (inotify), and what neither told (scans).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "adapters/embedded/file_object_store.hpp"
#include "adapters/embedded/sqlite_catalogue.hpp"
#include "domain/image_facts.hpp"
#include "ports/clock.hpp"

namespace classifier {

struct CatalogueSyncOptions {
  std::function<bool(std::string_view key)> is_image;
  // From the beginning of a file, at most kImageHeaderBytes of it.
  std::function<ImageFacts(std::span<const std::byte> file)> read_facts;
};

// Thread-safe. The database, the store and the clock outlive it.
class CatalogueSync final : public StoreObserver {
 public:
  CatalogueSync(SqliteCatalogue& catalogue, FileObjectStore& store, const Clock& clock,
                CatalogueSyncOptions options);
  ~CatalogueSync() override;
  CatalogueSync(const CatalogueSync&) = delete;
  CatalogueSync& operator=(const CatalogueSync&) = delete;

  // Starts to watch the folder, and a thread that scans it and reads the images that nobody has
  // read yet, until the end of this object.
  void start();

  // Takes in what this process has stored and removed since the last call, and what the kernel has
  // reported. Uploads do not wait for it: a list does, for all of them at once.
  void catch_up();

  // Scans the folder soon.
  void scan_again();

  void storing(std::string_view key) override;
  void stored(const ObjectInfo& object, std::string sha256) override;
  void kept(std::string_view key) override;
  void removed(std::string_view key) override;
  void returned(std::string_view key) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
