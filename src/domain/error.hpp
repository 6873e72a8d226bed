// The one error type of the program: a code that decides what happens next, and a message for a
// person.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace classifier {

enum class ErrorCode {
  kInvalidArgument,  // the caller's value is wrong; the same call fails again
  kUnauthorized,     // no key, or a wrong one
  kForbidden,        // the key or the signature does not allow this
  kNotFound,         // there is no such job, image or model
  kConflict,         // the state does not allow it, such as cancelling a finished job
  kTooLarge,         // over a stated limit
  kUnsupported,      // a content type or format that is not handled
  kUndecodable,      // the bytes are not a whole, valid image
  kUnavailable,      // a passing failure: try again later
  kExhausted,        // disk, memory or a quota is used up; may pass
  kInternal,         // a fault of this program
};

// `message` is one sentence that says what is wrong and, where there is something, what to do.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // True where the same operation may succeed later without anybody changing the input.
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
