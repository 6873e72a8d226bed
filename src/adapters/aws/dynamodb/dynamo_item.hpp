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
Value number(TimePoint value);  // milliseconds of Unix time
Value number(double value);
Value boolean(bool value);

// Attributes of an item that was read; the fallback where there is none of that name and type.
std::string text_of(const Item& item, const char* name);
std::int64_t number_of(const Item& item, const char* name, std::int64_t fallback = 0);
double real_of(const Item& item, const char* name);
bool boolean_of(const Item& item, const char* name);
bool has(const Item& item, const char* name);

Item key(std::string_view pk, std::string_view sk);

// Puts together an update or a condition with its names and values. Attribute names are given
// plainly; `set("status", …)` becomes `#status = :status`.
class Expression {
 public:
  Expression& set(const char* name, Value value);
  Expression& add(const std::string& name, std::int64_t value);
  Expression& remove(const char* name);
  // A condition in DynamoDB's words, with `#name` for attributes and `:name` for values; several
  // are joined by AND. Every `#name` in it is declared here.
  Expression& only_if(std::string_view condition);
  // A value that a condition names.
  Expression& value(const std::string& name, Value value);

  // Writes UpdateExpression, ConditionExpression, ExpressionAttributeNames and …Values into
  // `request`, those of them that are not empty.
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
