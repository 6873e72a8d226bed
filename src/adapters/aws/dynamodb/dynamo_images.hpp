// The images of jobs and their outcomes, read from the segments of the table.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "domain/job.hpp"
#include "support/lru_cache.hpp"

namespace classifier::aws::dynamo {

// Thread-safe. Keys of images never change, so they are cached: up to 512 segments of up to 512
// keys.
class Images {
 public:
  explicit Images(Table& table) : table_(table), segments_(kSegmentsKept) {}

  // The images [from, to) of a job, in order.
  Result<std::vector<ImageRecord>> read(const Job& job, std::int64_t from, std::int64_t to,
                                        bool with_outcomes);

 private:
  using Names = std::vector<ImageName>;
  static constexpr std::size_t kSegmentsKept = 512;

  // The names in each of the segments.
  Result<std::vector<std::shared_ptr<const Names>>> names(
      const std::string& job_id, const std::vector<std::int64_t>& segments);
  Result<void> add_outcomes(const Job& job, const std::vector<std::int64_t>& segments,
                            std::vector<ImageRecord>& records);

  Table& table_;
  LruCache<std::string, Names> segments_;
};

}  // namespace classifier::aws::dynamo
