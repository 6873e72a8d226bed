// Where a service keeps its images, jobs and work: in the data folder, or on AWS.
#pragma once

#include <memory>

#include "adapters/aws/aws_client.hpp"
#include "adapters/embedded/file_object_store.hpp"
#include "apps/config.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/status_queue.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

class Stores {
 public:
  virtual ~Stores() = default;
  virtual JobStore& jobs() = 0;
  virtual WorkQueue& queue() = 0;
  virtual ObjectStore& objects() = 0;
  // By which workers report to the backends; null where they count themselves.
  virtual StatusQueue* status_queue() { return nullptr; }
  // The store that takes uploads through this service; null where clients send to S3.
  virtual FileObjectStore* uploads() { return nullptr; }
};

// As the configuration has it. `clock` and `observer` outlive the stores.
Result<std::unique_ptr<Stores>> open_stores(const Config& config, const Clock& clock,
                                            aws::AwsObserver& observer);

// Whether all of them answer; the error says which does not.
Result<void> stores_answer(Stores& stores);

}  // namespace classifier
