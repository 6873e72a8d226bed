// What comes out of queues: answers of SQS, and the bodies of messages. Pure functions; whatever
// the text is, nothing throws.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/sqs/sqs_queue.hpp"
#include "domain/error.hpp"
#include "ports/status_queue.hpp"
#include "ports/work_queue.hpp"

namespace classifier::aws::sqs {

// The messages of an answer to ReceiveMessage.
std::vector<Message> read_messages(const nlohmann::json& answer);

// Of an answer to GetQueueAttributes; 0 where it is missing or no number.
std::int64_t whole_attribute(const nlohmann::json& attributes, const char* name);

// The work of a message of the request queue; without its spec. kInvalidArgument says what is
// missing.
Result<ImageTask> read_task(std::string_view body);

// A message of the status queue. kInvalidArgument says what is wrong with it.
Result<StatusMessage> read_status(const Message& message);

// A message of the dead-letter queue; nullopt where it is none of this program's.
std::optional<DeadLetter> read_dead_letter(const Message& message);

}  // namespace classifier::aws::sqs
