// The error type of the program: a code for callers, and a message for users.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace classifier {

enum class ErrorCode {
  kInvalidArgument,  // a value is wrong; the same call fails again
  kUnauthorized,     // no API key, or a wrong one
  kForbidden,        // the key or the signature does not allow this
  kNotFound,         // there is no such job, image or model
  kConflict,         // the state does not allow it, such as cancelling a finished job
  kTooLarge,         // over a stated limit
  kUnsupported,      // a content type or format that is not handled
  kUndecodable,      // the bytes are not a whole, valid image
  kUnavailable,      // transient: try again later
  kExhausted,        // disk, memory or a quota is used up; may be transient
  kInternal,         // an error of this program
};

// `message` is one sentence: what is wrong and, if possible, what to do.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // Whether the same operation with the same input may succeed later.
  [[nodiscard]] bool transient() const {
    return code == ErrorCode::kUnavailable || code == ErrorCode::kExhausted ||
           code == ErrorCode::kInternal;
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace classifier
