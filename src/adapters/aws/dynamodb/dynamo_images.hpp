// The images of jobs and what became of them, read from the segments of the jobs' table.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "support/lru_cache.hpp"
#include "domain/job.hpp"

namespace classifier::aws::dynamo {

// Thread-safe. Keys of images never change, so the segments that were read last are kept: up to 512
// of them, of up to 512 keys.
class Images {
 public:
  explicit Images(Table& table) : table_(table), segments_(kSegmentsKept) {}

  // The images [from, to) of a job, in order; without outcomes unless they are asked for.
  Result<std::vector<ImageRecord>> read(const Job& job, std::int64_t from, std::int64_t to,
                                        bool with_outcomes);

 private:
  using Names = std::vector<ImageName>;
  static constexpr std::size_t kSegmentsKept = 512;

  // The names in the segments, in the segments' order.
  Result<std::vector<std::shared_ptr<const Names>>> names(
      const std::string& job_id, const std::vector<std::int64_t>& segments);
  Result<void> add_outcomes(const Job& job, const std::vector<std::int64_t>& segments,
                            std::vector<ImageRecord>& records);

  Table& table_;
  LruCache<std::string, Names> segments_;
};

}  // namespace classifier::aws::dynamo
