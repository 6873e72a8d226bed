// Any JSON as an item of the jobs' table, or as a list of items.
#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "adapters/codec/json_text.hpp"
#include "fuzz.hpp"

namespace {

using namespace classifier;
using namespace classifier::aws;
using dynamo::Item;
using fuzz::demand;

void check_outcome(const Item& item) {
  const auto outcome = dynamo::read_outcome(item, "job", 0);
  if (!outcome) return;
  const auto* predictions = std::get_if<Predictions>(&outcome->result);
  demand(predictions == nullptr || !predictions->empty(), "predictions are not empty");
  const ImageState state = state_of(*outcome, {});
  const Item written = dynamo::outcome_item(*outcome, state, "pk", std::nullopt);
  const auto again = dynamo::read_outcome(written, "job", outcome->generation);
  demand(again && dynamo::outcome_item(*again, state, "pk", std::nullopt) == written,
         "outcomes survive writing and reading");
}

void check_job(const Item& item) {
  const auto row = dynamo::read_job(item);
  demand(row.counters >= 1 && row.counters <= dynamo::kMaxCounters,
         "jobs have 1 to kMaxCounters counters");
  (void)to_rfc3339(row.job.created_at);
}

// Stores and reads the keys and labels of a job.
void check_bulk(const std::vector<Item>& items) {
  JobSpec spec;
  spec.custom_labels = dynamo::read_labels(items);
  NewJob job;
  job.id = "job";
  std::vector<std::pair<std::string, std::string>> names;
  for (auto& name : dynamo::read_image_names(items)) {
    job.s3_keys.push_back(name.key);
    job.filenames.push_back(name.filename);
    names.emplace_back(std::move(name.key), std::move(name.filename));
  }
  job.spec = std::make_shared<const JobSpec>(spec);
  const auto stored = dynamo::bulk_items(job, std::nullopt);
  demand(dynamo::read_labels(stored) == spec.custom_labels, "labels survive writing and reading");
  std::vector<std::pair<std::string, std::string>> again;
  for (auto& name : dynamo::read_image_names(stored))
    again.emplace_back(std::move(name.key), std::move(name.filename));
  // Segments change their order.
  std::ranges::sort(names);
  std::ranges::sort(again);
  demand(again == names, "names of images survive writing and reading");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_json(fuzz::text_of(data, size));
  if (!document) return 0;
  std::vector<Item> items;
  if (document->is_array()) {
    items.assign(document->begin(), document->end());
  } else {
    items.push_back(*document);
  }
  for (const auto& item : items) {
    check_outcome(item);
    check_job(item);
  }
  (void)dynamo::read_job(items);
  check_bulk(items);
  return 0;
}
