// Credentials from a program that the profile names in credential_process.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

// The words of a command as a POSIX shell splits it: at white space outside quotes, with
// backslashes. Nothing else has a meaning, since no shell runs it. nullopt where a quote is not
// closed.
std::optional<std::vector<std::string>> split_words(std::string_view command);

// Runs the command of the profile `profile` and reads what it prints:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
// kUnauthorized where it cannot be run, fails, or prints something else; kUnavailable where it
// takes longer than `limit`, when it is killed.
Result<Credentials> process_credentials(const std::string& profile, const std::string& command,
                                        std::chrono::milliseconds limit = std::chrono::minutes(1));

}  // namespace classifier::aws
