// Where a service keeps its images, jobs and work. Each kind of stores is a file <kind>_stores.cpp,
// and a line in stores.cpp.
#pragma once

#include <memory>

#include "apps/config.hpp"
#include "domain/error.hpp"

namespace classifier {

class CallObserver;
class Clock;
class JobStore;
class ObjectStore;
class StatusQueue;
class UploadReceiver;
class WorkQueue;
struct WorkerOptions;

class Stores {
 public:
  virtual ~Stores() = default;
  virtual JobStore& jobs() = 0;
  virtual WorkQueue& queue() = 0;
  virtual ObjectStore& objects() = 0;
  // By which workers report to the backends; null where they count themselves.
  virtual StatusQueue* status_queue() { return nullptr; }
  // What takes uploads through this service; null where clients send to the store itself.
  virtual UploadReceiver* uploads() { return nullptr; }

  // Changes the options of a worker, which fit stores in this process, to what these stores need.
  virtual void adapt(WorkerOptions& /*options*/) const {}
  // Whether a job is read without waiting, as from a database in this process.
  virtual bool reads_jobs_at_once() const { return true; }
};

// As the configuration has it. `clock` and `observer` outlive the stores.
Result<std::unique_ptr<Stores>> open_stores(const Config& config, const Clock& clock,
                                            CallObserver& observer);

// Whether all of them answer; the error says which does not.
Result<void> stores_answer(Stores& stores);

// Of each kind of stores.
Result<std::unique_ptr<Stores>> open_embedded_stores(const Config& config, const Clock& clock,
                                                     CallObserver& observer);
Result<std::unique_ptr<Stores>> open_aws_stores(const Config& config, const Clock& clock,
                                                CallObserver& observer);

}  // namespace classifier
