#include "apps/stores.hpp"

#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/status_queue.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

Result<std::unique_ptr<Stores>> open_stores(const Config& config, const Clock& clock,
                                            CallObserver& observer) {
  switch (config.stores) {
    case StoreKind::kEmbedded:
      return open_embedded_stores(config, clock, observer);
    case StoreKind::kAws:
      return open_aws_stores(config, clock, observer);
  }
  return fail(ErrorCode::kInternal, "unknown kind of stores");
}

Result<void> stores_answer(Stores& stores) {
  if (auto answer = stores.jobs().ping(); !answer) return answer;
  if (auto answer = stores.objects().ping(); !answer) return answer;
  if (auto answer = stores.queue().ping(); !answer) return answer;
  return stores.status_queue() == nullptr ? Result<void>() : stores.status_queue()->ping();
}

}  // namespace classifier
