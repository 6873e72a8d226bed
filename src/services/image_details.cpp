#include "services/image_details.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "services/image_service.hpp"

namespace classifier {
namespace {

// Beside the header: what compressed Exif of a PNG becomes.
constexpr std::uint64_t kReadingMemory = 4 << 20;

}  // namespace

ImageDetailsService::ImageDetailsService(ObjectStore& objects, ReadFacts read_facts,
                                         MemoryBudget& memory, ImageNames* names,
                                         Catalogue* catalogue)
    : objects_(objects),
      read_facts_(std::move(read_facts)),
      memory_(memory),
      names_(names),
      catalogue_(catalogue) {}

Result<ImageDetails> ImageDetailsService::get(std::string_view key) {
  const auto type = image_content_type(key);
  if (!type) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no image \"{}\" in the store", key.substr(0, 100)));
  }
  const auto reader = objects_.open(Bucket::kInput, key);
  if (!reader) return std::unexpected(reader.error());
  ImageDetails details;
  details.object = (*reader)->info();
  {
    const std::uint64_t size = std::min<std::uint64_t>(details.object.size, kImageHeaderBytes);
    MemoryShare memory(memory_);
    if (!memory.wait_for(size + kReadingMemory,
                         std::chrono::steady_clock::now() + ImageService::kPatience,
                         ImageService::kMostWaiting)) {
      return fail(ErrorCode::kUnavailable,
                  "the server is busy with other images: try again in a moment");
    }
    std::vector<std::byte> header(size);
    const auto read = (*reader)->read(header);
    if (!read) return std::unexpected(read.error());
    details.facts = read_facts_(std::span(header).first(*read));
  }
  if (details.facts.content_type.empty()) details.facts.content_type = *type;
  if (auto added = add_known(details); !added) return std::unexpected(added.error());
  if (details.name.empty()) details.name = details.object.key;
  return details;
}

Result<void> ImageDetailsService::add_known(ImageDetails& details) {
  const std::span<const std::string> key(&details.object.key, 1);
  if (catalogue_ != nullptr) {
    auto found = catalogue_->find(key);
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return {};
    CatalogueEntry& entry = found->front();
    details.name = std::move(entry.name);
    details.batch = std::move(entry.batch);
    if (entry.etag != details.object.etag) return {};
    details.uploaded_at = entry.uploaded_at;
    details.sha256 = std::move(entry.sha256);
    return {};
  }
  if (names_ == nullptr) return {};
  auto names = names_->names(key);
  if (!names) return std::unexpected(names.error());
  details.name = std::move(names->front());
  return {};
}

}  // namespace classifier
