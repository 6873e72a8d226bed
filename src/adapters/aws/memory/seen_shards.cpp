#include "adapters/aws/memory/seen_shards.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "adapters/aws/memory/seen_record.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier::aws {
namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kNameDigits = 24;
constexpr std::uint64_t kMostShardBytes = 64U << 20U;

}  // namespace

std::string SeenShard::write(std::span<const SeenRecord> records) {
  std::string bytes;
  for (const auto& [sha256, seen] : records) {
    bytes += from_hex(sha256);
    append_number(bytes, static_cast<std::uint32_t>(seen.size()));
    bytes += seen;
  }
  return bytes;
}

SeenShard::SeenShard(std::string bytes) : bytes_(std::move(bytes)) {
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const auto digest = take_bytes(rest, kDigestBytes);
    const auto size = take_size(rest);
    if (!digest || !size) return;
    const auto record = take_bytes(rest, *size);
    if (!record) return;
    records_.emplace(*digest, *record);
  }
}

std::optional<std::string_view> SeenShard::find(const std::string& sha256) const {
  const auto found = records_.find(from_hex(sha256));
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

AwsRequest SeenShards::request(const char* operation, const char* method,
                               const std::string& name) const {
  AwsRequest request;
  request.service = "s3";
  request.operation = operation;
  request.method = method;
  request.bucket = bucket_;
  request.path = "/" + name;
  return request;
}

Result<std::vector<std::string>> SeenShards::put(
    std::string_view model, std::span<const std::span<const SeenRecord>> groups) {
  std::vector<std::string> names;
  std::vector<AwsRequest> requests;
  for (const auto& records : groups) {
    names.push_back(fmt::format("remembered/{}/{}", model, random_hex(kNameDigits)));
    requests.push_back(request("PutObject", "PUT", names.back()));
    requests.back().body = SeenShard::write(records);
  }
  for (const auto& response : client_.call_all(std::move(requests)))
    if (!response) return std::unexpected(at_run_time(to_error(response.error())));
  return names;
}

Result<std::vector<std::shared_ptr<const SeenShard>>> SeenShards::get(
    std::string_view model, std::span<const std::string> names) {
  std::vector<AwsRequest> requests;
  for (const auto& name : names) {
    requests.push_back(request("GetObject", "GET", name));
    requests.back().max_response_bytes = kMostShardBytes;
  }
  auto responses = client_.call_all(std::move(requests));
  std::vector<std::shared_ptr<const SeenShard>> shards;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!responses[i]) {
      const AwsError& error = responses[i].error();
      if (error.status != 404 || error.code == "NoSuchBucket")
        return std::unexpected(at_run_time(to_error(error)));
      shards.push_back(nullptr);
      continue;
    }
    shards.push_back(std::make_shared<const SeenShard>(std::move(responses[i]->body)));
    keep(model, names[i], shards.back());
  }
  return shards;
}

void SeenShards::keep(std::string_view model, const std::string& name,
                      std::shared_ptr<const SeenShard> shard) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.name == name; });
  kept_.push_front({std::string(model), name, std::move(shard)});
  if (kept_.size() > kMostKept) kept_.pop_back();
}

std::optional<std::string> SeenShards::find_kept(std::string_view model,
                                                 const std::string& sha256) {
  const std::scoped_lock lock(mutex_);
  for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
    if (kept->model != model) continue;
    if (const auto seen = kept->shard->find(sha256)) {
      kept_.splice(kept_.begin(), kept_, kept);
      return std::string(*seen);
    }
  }
  return std::nullopt;
}

void SeenShards::drop(const std::string& sha256) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.shard->find(sha256).has_value(); });
}

}  // namespace classifier::aws
