#include "adapters/aws/dynamodb/dynamo_item.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "domain/text.hpp"

namespace classifier::aws::dynamo {
namespace {

template <class T>
Value number_value(T value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {{"N", std::string(digits.data(), end)}};
}

std::string digits_of(const Item& item, const char* name) {
  return text_field(json_field(item, name), "N");
}

void append(std::string& list, std::string_view separator, const std::string& part) {
  if (!list.empty()) list += separator;
  list += part;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Value text(std::string_view value) { return {{"S", value}}; }
Value number(int value) { return number_value(value); }
Value number(std::int64_t value) { return number_value(value); }
Value number(TimePoint value) { return number_value(to_ms(value)); }
Value number(double value) { return number_value(value); }
Value boolean(bool value) { return {{"BOOL", value}}; }

Value binary(std::string_view bytes) {
  std::string base64((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  base64.resize(static_cast<std::size_t>(size));
  return {{"B", std::move(base64)}};
}

std::string text_of(const Item& item, const char* name) {
  return text_field(json_field(item, name), "S");
}

std::int64_t number_of(const Item& item, const char* name, std::int64_t fallback) {
  return parse_integer(digits_of(item, name)).value_or(fallback);
}

double real_of(const Item& item, const char* name) {
  const std::string digits = digits_of(item, name);
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool boolean_of(const Item& item, const char* name) {
  return json_field(json_field(item, name), "BOOL") == true;
}

std::string bytes_of(const Item& item, const char* name) {
  const std::string base64 = text_field(json_field(item, name), "B");
  std::string bytes(base64.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(base64.data()),
                                   static_cast<int>(base64.size()));
  if (size < 0) return {};
  // The padding counts as bytes there.
  const std::size_t padding =
      base64.size() - std::min(base64.size(), base64.find_last_not_of('=') + 1);
  bytes.resize(static_cast<std::size_t>(size) - std::min(padding, static_cast<std::size_t>(size)));
  return bytes;
}

bool has(const Item& item, const char* name) { return item.contains(name); }

Item key(std::string_view pk, std::string_view sk) { return {{"pk", text(pk)}, {"sk", text(sk)}}; }

void Expression::declare(const std::string& name) { names_["#" + name] = name; }

Expression& Expression::set(const char* name, Value value) {
  declare(name);
  append(set_, ", ", "#" + std::string(name) + " = :" + name);
  values_[":" + std::string(name)] = std::move(value);
  return *this;
}

Expression& Expression::add(const std::string& name, std::int64_t value) {
  declare(name);
  append(add_, ", ", "#" + name + " :" + name);
  values_[":" + name] = number(value);
  return *this;
}

Expression& Expression::remove(const char* name) {
  declare(name);
  append(remove_, ", ", "#" + std::string(name));
  return *this;
}

Expression& Expression::only_if(std::string_view condition) {
  append(condition_, " AND ", "(" + std::string(condition) + ")");
  for (std::size_t at = condition.find('#'); at != std::string_view::npos;
       at = condition.find('#', at)) {
    const std::size_t begin = ++at;
    while (at < condition.size() && is_name_character(condition[at])) ++at;
    declare(std::string(condition.substr(begin, at - begin)));
  }
  return *this;
}

Expression& Expression::value(const std::string& name, Value value) {
  values_[":" + name] = std::move(value);
  return *this;
}

void Expression::write_to(nlohmann::json& request) const {
  std::string update;
  if (!set_.empty()) append(update, " ", "SET " + set_);
  if (!remove_.empty()) append(update, " ", "REMOVE " + remove_);
  if (!add_.empty()) append(update, " ", "ADD " + add_);
  if (!update.empty()) request["UpdateExpression"] = std::move(update);
  if (!condition_.empty()) request["ConditionExpression"] = condition_;
  if (!names_.empty()) request["ExpressionAttributeNames"] = names_;
  if (!values_.empty()) request["ExpressionAttributeValues"] = values_;
}

}  // namespace classifier::aws::dynamo
