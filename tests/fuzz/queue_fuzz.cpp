// Any text as an answer of SQS and as the body of a message.
#include "adapters/aws/sqs/sqs_messages.hpp"
#include "adapters/codec/json_text.hpp"
#include "adapters/codec/outcome_json.hpp"
#include "fuzz.hpp"

namespace {

using namespace classifier;
using fuzz::demand;
using nlohmann::json;

std::string written(const StatusMessage& status) {
  json outcomes = json::array();
  for (const auto& outcome : status.outcomes) outcomes.push_back(outcome_to_json(outcome));
  return json{{"job_id", status.job_id}, {"result", {{"outcomes", std::move(outcomes)}}}}.dump();
}

void read(const aws::sqs::Message& message) {
  if (const auto delivery = aws::sqs::read_delivery(message)) {
    const auto& task = delivery->task;
    demand(!task.job_id.empty() && !task.s3_key.empty() && !task.filename.empty() &&
               task.index >= 0 && task.generation >= 0,
           "tasks are complete");
    demand(delivery->failures >= 0 && delivery->losses >= 0 && attempts(*delivery) > 0,
           "counts are not negative");
  } else {
    fuzz::demand_sentence(delivery.error());
  }
  (void)aws::sqs::read_dead_letter(message);
  const auto status = aws::sqs::read_status(message);
  if (!status) return fuzz::demand_sentence(status.error());
  for (const auto& outcome : status->outcomes) {
    demand(outcome.job_id == status->job_id && outcome.index >= 0, "outcomes belong to the job");
    const auto* predictions = std::get_if<Predictions>(&outcome.result);
    demand(predictions == nullptr || !predictions->empty(), "predictions are not empty");
    (void)state_of(outcome, {});
  }
  const std::string text = written(*status);
  const auto again = aws::sqs::read_status({.id = {}, .body = text, .receipt = {}, .sent_at = {}});
  demand(again && written(*again) == text, "outcomes survive writing and reading");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  read({.id = "id", .body = text, .receipt = "receipt", .sent_at = {}});
  const auto answer = parse_json(text);
  if (!answer) return 0;
  for (const auto& message : aws::sqs::read_messages(*answer)) {
    demand(message.receive_count >= 1, "receive counts are at least 1");
    read(message);
  }
  return 0;
}
