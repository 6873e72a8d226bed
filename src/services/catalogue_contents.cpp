#include "services/catalogue_contents.hpp"

#include <unordered_map>
#include <utility>

namespace classifier {

Result<std::vector<std::optional<KnownContent>>> CatalogueContents::find(
    std::span<const std::string> keys) {
  auto entries = catalogue_.find(keys);
  if (!entries) return std::unexpected(entries.error());
  std::unordered_map<std::string_view, CatalogueEntry*> by_key;
  for (auto& entry : *entries) by_key[entry.key] = &entry;
  std::vector<std::optional<KnownContent>> contents(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto found = by_key.find(keys[i]);
    if (found == by_key.end() || found->second->sha256.empty()) continue;
    const CatalogueEntry& entry = *found->second;
    // The catalogue may be a moment behind the folder.
    if (is_current(entry.key, entry.etag).value_or(false))
      contents[i] = KnownContent{.sha256 = entry.sha256, .version = entry.etag};
  }
  return contents;
}

Result<bool> CatalogueContents::is_current(const std::string& key, const std::string& version) {
  const auto object = objects_.head(Bucket::kInput, key);
  if (!object) return std::unexpected(object.error());
  return object->etag == version;
}

}  // namespace classifier
