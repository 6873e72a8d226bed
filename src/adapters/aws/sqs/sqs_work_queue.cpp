#include "adapters/aws/sqs/sqs_work_queue.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "adapters/aws/sqs/sqs_messages.hpp"
#include "adapters/codec/json_text.hpp"

namespace classifier::aws {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Larger lists of labels are not sent with each image, but read from the job.
constexpr std::size_t kLabelBytes = 4'096;
// How long dead_letters() hides messages if it cannot return them: long enough to receive all of
// them once.
constexpr seconds kLook{60};
// A short poll asks only some of the servers that have messages of a queue, a long poll all.
constexpr seconds kAskAll{1};
constexpr seconds kAgeHolds{60};  // how long oldest_age is reported after a receive

// The fields that all tasks of a job share.
json common_fields(const ImageTask& task, const std::string& bucket) {
  const JobSpec& spec = *task.spec;
  json body = {{"job_id", task.job_id},         {"job_type", to_string(spec.type)},
               {"s3_bucket", bucket},           {"model", spec.model},
               {"top_k", spec.top_k},           {"confidence_threshold", spec.confidence_threshold},
               {"retry_count", task.generation}};
  json labels(spec.custom_labels);
  if (ascii_json(labels).size() <= kLabelBytes) body["custom_labels"] = std::move(labels);
  return body;
}

seconds rounded_up(milliseconds time) { return std::chrono::ceil<seconds>(time); }

}  // namespace

SqsWorkQueue::SqsWorkQueue(const sqs::Clients& clients, std::string url, std::string bucket,
                           JobSource jobs, const Clock& clock, seconds visibility_timeout)
    : queue_(clients, std::move(url), "REQUEST_QUEUE_URL", visibility_timeout),
      bucket_(std::move(bucket)),
      jobs_(std::move(jobs)),
      clock_(clock) {}

Result<void> SqsWorkQueue::send(std::span<const ImageTask> tasks) {
  std::vector<sqs::Outgoing> messages;
  messages.reserve(tasks.size());
  json body;
  const ImageTask* described = nullptr;
  for (const auto& task : tasks) {
    if (described == nullptr || described->spec != task.spec || described->job_id != task.job_id ||
        described->generation != task.generation) {
      body = common_fields(task, bucket_);
      described = &task;
    }
    body["s3_keys"] = json::array({task.s3_key});
    body["index"] = task.index;
    body["filename"] = task.filename;
    messages.push_back({ascii_json(body), task.job_id, {}});
  }
  return queue_.send(messages);
}

// The image of a dead letter was reported as failed before it was buried. Another outcome counts
// only in a new generation, so that the letter cannot be worked off: only a retry of its job can.
Result<void> SqsWorkQueue::return_letter(const sqs::Message& message, const ImageTask& task) {
  const auto job = jobs_(task.job_id);
  const bool gone = !job && job.error().code == ErrorCode::kNotFound;
  if (!job && !gone) return std::unexpected(job.error());
  if (gone || job->retry_count > task.generation) {
    spdlog::info("dropped a dead letter of job {}, image {}: the job {}", task.job_id, task.index,
                 gone ? "is gone" : "was retried since then");
    return queue_.remove({&message.receipt, 1});
  }
  spdlog::warn(
      "a dead letter of job {}, image {}, was moved to the request queue, and is moved back: the "
      "image counts as failed; POST /jobs/{}/retry runs the failed images of the job again",
      task.job_id, task.index, task.job_id);
  const auto body = parse_json(message.body);
  if (!body) return std::unexpected(body.error());
  return move_to_dead_letters(message.receipt, *body);
}

Result<std::vector<Delivery>> SqsWorkQueue::receive(std::size_t max, milliseconds wait,
                                                    std::stop_token stop) {
  auto messages = queue_.receive(max, wait, stop);
  if (!messages) {
    if (stop.stop_requested()) return std::vector<Delivery>{};
    return std::unexpected(messages.error());
  }
  note_age(*messages);
  std::vector<Delivery> deliveries;
  for (auto& message : *messages) {
    auto delivery = sqs::read_delivery(message);
    if (!delivery) {
      // SQS moves it to the dead-letter queue after more receives.
      spdlog::warn("message {} of the request queue cannot be read: {}", message.id,
                   delivery.error().message);
      continue;
    }
    if (sqs::was_dead_letter(message.body)) {
      if (auto returned = return_letter(message, delivery->task); !returned)
        spdlog::warn("returning a dead letter failed, will try again: {}",
                     returned.error().message);
      continue;
    }
    {
      const std::scoped_lock lock(mutex_);
      in_hand_[message.receipt] = {std::move(message.body), attempts(*delivery)};
    }
    deliveries.push_back(std::move(*delivery));
  }
  return deliveries;
}

void SqsWorkQueue::note_age(std::span<const sqs::Message> messages) {
  if (messages.empty()) return;
  const TimePoint now = clock_.now();
  const TimePoint oldest = std::ranges::min(messages, {}, &sqs::Message::sent_at).sent_at;
  const std::scoped_lock lock(mutex_);
  received_at_ = now;
  age_ = std::max(milliseconds(0), now - oldest);
}

Result<void> SqsWorkQueue::extend(std::span<const std::string> receipts) {
  return queue_.hide(receipts);
}

void SqsWorkQueue::forget(std::span<const std::string> receipts) {
  const std::scoped_lock lock(mutex_);
  for (const auto& receipt : receipts) in_hand_.erase(receipt);
}

Result<void> SqsWorkQueue::remove(std::span<const std::string> receipts) {
  forget(receipts);
  return queue_.remove(receipts);
}

// The number of receives that SQS counts cannot be set back, so each message is replaced.
Result<void> SqsWorkQueue::give_back(std::span<const Delivery> deliveries, milliseconds delay) {
  std::vector<sqs::Outgoing> messages;
  std::vector<std::string> receipts;
  for (const auto& delivery : deliveries) {
    const auto held = in_hand(delivery.receipt);
    if (!held) continue;  // no longer valid
    auto body = parse_json(held->body);
    if (!body) return std::unexpected(body.error());
    (*body)["failures"] = delivery.failures;
    (*body)["losses"] = delivery.losses;
    messages.push_back({ascii_json(*body), delivery.task.job_id, rounded_up(delay)});
    receipts.push_back(delivery.receipt);
  }
  // In this order, so that a crash in between duplicates messages instead of losing them.
  if (auto sent = queue_.send(messages); !sent) return sent;
  return remove(receipts);
}

std::optional<SqsWorkQueue::InHand> SqsWorkQueue::in_hand(const std::string& receipt) {
  const std::scoped_lock lock(mutex_);
  const auto found = in_hand_.find(receipt);
  return found == in_hand_.end() ? std::nullopt : std::optional(found->second);
}

Result<sqs::Queue> SqsWorkQueue::dead_letter_queue() {
  {
    const std::scoped_lock lock(mutex_);
    if (dead_letters_) return *dead_letters_;
  }
  auto found = queue_.dead_letter_queue();
  if (!found) return found;
  const std::scoped_lock lock(mutex_);
  dead_letters_ = *found;
  return found;
}

Result<void> SqsWorkQueue::bury(const std::string& receipt, std::string_view reason) {
  const auto message = in_hand(receipt);
  if (!message) return {};  // no longer valid
  auto body = parse_json(message->body);
  if (!body) return std::unexpected(body.error());
  (*body)["dead_letter"] = {{"reason", reason},
                            {"receive_count", message->attempts},
                            {"buried_at", to_rfc3339(clock_.now())}};
  return move_to_dead_letters(receipt, *body);
}

Result<void> SqsWorkQueue::move_to_dead_letters(const std::string& receipt, const json& body) {
  auto letters = dead_letter_queue();
  if (!letters) return std::unexpected(letters.error());
  const sqs::Outgoing letter{ascii_json(body), text_field(body, "job_id"), {}};
  // In this order, so that a crash in between duplicates the message instead of losing it.
  if (auto sent = letters->send({&letter, 1}); !sent) return sent;
  return remove({&receipt, 1});
}

Result<std::vector<DeadLetter>> SqsWorkQueue::dead_letters(std::size_t limit) {
  auto queue = dead_letter_queue();
  if (!queue) return std::unexpected(queue.error());
  // Two at once would hide letters from each other.
  const std::scoped_lock one_at_a_time(listing_);
  std::vector<DeadLetter> letters;
  std::vector<std::string> receipts;
  std::set<std::string> seen;
  std::optional<Error> error;
  for (bool more = true; more && letters.size() < limit;) {
    const auto messages =
        queue->receive(std::min(limit - letters.size(), sqs::Queue::kBatch), kAskAll, {}, kLook);
    if (!messages) {
      error = messages.error();
      break;
    }
    more = false;  // unless there is one that was not seen before
    for (const auto& message : *messages) {
      receipts.push_back(message.receipt);
      if (!seen.insert(message.id).second) continue;
      more = true;
      if (auto letter = sqs::read_dead_letter(message)) letters.push_back(std::move(*letter));
    }
  }
  // For the next reader. If it fails, they come back after kLook.
  std::ignore = queue->hide(receipts, seconds(0));
  if (error) return std::unexpected(std::move(*error));
  std::ranges::sort(letters, std::greater{}, &DeadLetter::buried_at);
  return letters;
}

Result<void> SqsWorkQueue::drop_job(std::string_view /*job_id*/, int /*generation*/) { return {}; }

Result<QueueDepth> SqsWorkQueue::depth() {
  const auto depth = queue_.depth();
  if (!depth) return std::unexpected(depth.error());
  QueueDepth result{.visible = depth->visible,
                    .in_flight = depth->in_flight,
                    .dead = 0,
                    .oldest_age = std::nullopt};
  {
    const std::scoped_lock lock(mutex_);
    if (depth->visible == 0) {
      result.oldest_age = milliseconds(0);
    } else if (clock_.now() - received_at_ < kAgeHolds) {
      result.oldest_age = age_;
    }
  }
  if (auto letters = dead_letter_queue()) {
    const auto dead = letters->depth();
    if (!dead) return std::unexpected(dead.error());
    result.dead = dead->visible + dead->in_flight;
  }
  return result;
}

Result<void> SqsWorkQueue::ping() { return queue_.ping(); }

}  // namespace classifier::aws
