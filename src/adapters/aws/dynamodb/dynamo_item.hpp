// Items and expressions of DynamoDB in its JSON form: {"name": {"S": "text"}, …}.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "domain/time.hpp"

namespace classifier::aws::dynamo {

using Item = nlohmann::json;
using Value = nlohmann::json;

Value text(std::string_view value);
Value number(int value);
Value number(std::int64_t value);
Value number(TimePoint value);  // Unix time in milliseconds
Value number(double value);
Value boolean(bool value);
Value binary(std::string_view bytes);

// Attributes of an item. Where there is none of that name and type: the fallback, 0, false or an
// empty string.
std::string text_of(const Item& item, const char* name);
std::int64_t number_of(const Item& item, const char* name, std::int64_t fallback = 0);
double real_of(const Item& item, const char* name);
bool boolean_of(const Item& item, const char* name);
std::string bytes_of(const Item& item, const char* name);
bool has(const Item& item, const char* name);

Item key(std::string_view pk, std::string_view sk);

// Builds the expressions of an update or a condition, with their names and values. Attribute names
// are given without "#": `set("status", …)` becomes `#status = :status`.
class Expression {
 public:
  Expression& set(const char* name, Value value);
  Expression& add(const std::string& name, std::int64_t value);
  Expression& remove(const char* name);
  // A condition in DynamoDB's syntax, with `#name` for attributes, which are declared here, and
  // `:name` for values. Several conditions are joined by AND.
  Expression& only_if(std::string_view condition);
  // The value `:name` of a condition.
  Expression& value(const std::string& name, Value value);

  // Adds UpdateExpression, ConditionExpression, ExpressionAttributeNames and …Values to `request`,
  // each unless it is empty.
  void write_to(nlohmann::json& request) const;

 private:
  void declare(const std::string& name);

  std::string set_;
  std::string add_;
  std::string remove_;
  std::string condition_;
  nlohmann::json names_ = nlohmann::json::object();
  nlohmann::json values_ = nlohmann::json::object();
};

}  // namespace classifier::aws::dynamo
