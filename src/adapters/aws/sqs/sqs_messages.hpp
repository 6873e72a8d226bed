// Reads answers of SQS and bodies of messages. Pure functions, which throw for no input.
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

// The messages in an answer to ReceiveMessage.
std::vector<Message> read_messages(const nlohmann::json& answer);

// An integer among the attributes of a queue or message; 0 where it is missing or no integer.
std::int64_t whole_attribute(const nlohmann::json& attributes, const char* name);

// A message of the request queue, without its spec. kInvalidArgument, with the reason, where fields
// are missing.
Result<Delivery> read_delivery(const Message& message);

// Whether the message of the request queue was a dead letter before, which somebody moved back.
bool was_dead_letter(std::string_view body);

// A message of the status queue. kInvalidArgument, with the reason, where it is not valid.
Result<StatusMessage> read_status(const Message& message);

// A message of the dead-letter queue; nullopt where its body is not a JSON object.
std::optional<DeadLetter> read_dead_letter(const Message& message);

}  // namespace classifier::aws::sqs
