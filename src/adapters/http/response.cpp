#include "adapters/http/response.hpp"

#include <nlohmann/json.hpp>

#include "domain/text.hpp"

namespace classifier::http {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnsupported:
      return 415;
    case ErrorCode::kUndecodable:
      return 422;
    case ErrorCode::kUnavailable:
    case ErrorCode::kExhausted:
      return 503;
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

Response error_response(int status, std::string_view message) {
  Response response = json_response(status, {{"error", message}});
  if (status == 503) response.headers.set("Retry-After", "2");
  return response;
}

Response error_response(const Error& error) {
  return error_response(status_of(error.code), error.message);
}

Response json_response(int status, const nlohmann::json& value) {
  return text_response(status, "application/json", dump(value));
}

Response text_response(int status, std::string_view content_type, std::string text) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", content_type);
  response.body = std::move(text);
  return response;
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Response not_modified(std::string_view etag, std::string_view cache_control) {
  Response response;
  response.status = 304;
  response.headers.add("ETag", etag);
  response.headers.add("Cache-Control", cache_control);
  response.headers.add("Vary", "Accept-Encoding");
  return response;
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const std::size_t comma = if_none_match.find(',');
    std::string entry = trim(if_none_match.substr(0, comma));
    if (const std::string end = std::string(kGzipTag) + "\""; entry.ends_with(end))
      entry.erase(entry.size() - end.size(), kGzipTag.size());
    std::string_view tag = entry;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == etag) return true;
    if (comma == std::string_view::npos) break;
    if_none_match.remove_prefix(comma + 1);
  }
  return false;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

}  // namespace classifier::http
