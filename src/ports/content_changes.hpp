// The port to the contents of images that came and are to be seen, and that went and are to be
// forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "domain/error.hpp"

namespace classifier {

struct NewContent {
  std::string sha256;
  std::string key;  // of an image that has it
};

// Thread-safe; several processes may use the same store. Contents are SHA-256 in 64 hexadecimal
// digits.
class ContentChanges {
 public:
  virtual ~ContentChanges() = default;

  // Up to `limit` contents that wait to be seen, those that came last first.
  virtual Result<std::vector<NewContent>> unseen(std::size_t limit) = 0;

  // They no longer wait.
  virtual Result<void> mark_seen(std::span<const std::string> contents) = 0;

  // How many wait.
  virtual Result<std::int64_t> num_unseen() = 0;

  // Makes the contents wait, behind those that come later.
  virtual Result<void> want_seen(std::span<const std::string> contents) = 0;

  // Calls `use` with the content of each image that has a known one, in pieces and in rising order,
  // as they were at one moment. Ends with the first error of `use`.
  virtual Result<void> visit_contents(
      const std::function<Result<void>(std::span<const std::string>)>& use) = 0;

  // Up to `limit` contents that no image has any more.
  virtual Result<std::vector<std::string>> gone(std::size_t limit) = 0;

  // They are forgotten, and no longer returned by gone().
  virtual Result<void> mark_forgotten(std::span<const std::string> contents) = 0;
};

}  // namespace classifier
