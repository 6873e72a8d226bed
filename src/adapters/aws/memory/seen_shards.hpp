// What a model saw in many images, in one object of S3: a PUT for many images costs next to
// nothing.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/aws/client/aws_client.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

struct SeenRecord {
  std::string sha256;
  std::string seen;  // of write_seen()
};

// An object: for each image the 32 bytes of its SHA-256, the size of its record, and the record.
class SeenShard {
 public:
  static std::string write(std::span<const SeenRecord> records);
  // What cannot be read is not in it.
  explicit SeenShard(std::string bytes);
  SeenShard(const SeenShard&) = delete;
  SeenShard& operator=(const SeenShard&) = delete;

  std::optional<std::string_view> find(const std::string& sha256) const;

 private:
  std::string bytes_;
  std::unordered_map<std::string_view, std::string_view> records_;  // by the bytes of the SHA-256
};

// Thread-safe. Keeps those that were used last in memory.
class SeenShards {
 public:
  static constexpr std::size_t kMostImages = 256;  // of a shard
  static constexpr std::size_t kMostKept = 16;     // of about 800 kB each, for 1,280 features

  // `client` must outlive this object.
  SeenShards(AwsClient& client, std::string bucket) : client_(client), bucket_(std::move(bucket)) {}

  // Stores each group of records in a shard; returns their names, in order.
  Result<std::vector<std::string>> put(std::string_view model,
                                       std::span<const std::span<const SeenRecord>> groups);

  // Reads shards, in order; null for those that are gone.
  Result<std::vector<std::shared_ptr<const SeenShard>>> get(std::string_view model,
                                                            std::span<const std::string> names);

  // What is in a shard of the model that is kept in memory.
  std::optional<std::string> find_kept(std::string_view model, const std::string& sha256);

  // Keeps no shard in memory that has the content.
  void drop(const std::string& sha256);

 private:
  struct Kept {
    std::string model;
    std::string name;
    std::shared_ptr<const SeenShard> shard;
  };
  AwsRequest request(const char* operation, const char* method, const std::string& name) const;
  void keep(std::string_view model, const std::string& name,
            std::shared_ptr<const SeenShard> shard);

  AwsClient& client_;
  std::string bucket_;
  std::mutex mutex_;
  std::list<Kept> kept_;  // the last used first; guarded by mutex_
};

}  // namespace classifier::aws
