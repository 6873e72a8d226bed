// Reads the fields of a JSON body; every wrong one is an Error that names the field and what is
// allowed.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "adapters/rest/message.hpp"

namespace classifier::rest {

// The body as a JSON object. kUnsupported for another Content-Type, kInvalidArgument for bad JSON.
Result<nlohmann::json> json_body(const Request& request);

// `fallback` where the field is absent or null.
Result<std::string> string_field(const nlohmann::json& body, const char* name,
                                 std::string fallback);
Result<std::vector<std::string>> strings_field(const nlohmann::json& body, const char* name);
Result<int> integer_field(const nlohmann::json& body, const char* name, int fallback, int least,
                          int most);
Result<double> number_field(const nlohmann::json& body, const char* name, double fallback,
                            double least, double most);

// A whole number among the query's parameters.
Result<std::int64_t> query_integer(const Request& request, const char* name, std::int64_t fallback,
                                   std::int64_t least, std::int64_t most);

}  // namespace classifier::rest
