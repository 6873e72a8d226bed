// Makes file names unique by numbers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace classifier {

class UniqueNames {
 public:
  // Names are remembered by their hashes, since there may be millions. Rarely a name counts as
  // taken that is not, and then only gets a number.
  bool contains(std::string_view name) const { return last_numbers_.contains(hash(name)); }

  // Takes the name, or, if it is taken, the first of "cat-2.jpg", "cat-3.jpg"… that is free.
  // Thousands of equal names cost no more than others.
  std::string take(std::string name);

 private:
  static std::size_t hash(std::string_view name) { return std::hash<std::string_view>{}(name); }

  // The last number added to each name; 1: none.
  std::unordered_map<std::size_t, int> last_numbers_;
};

}  // namespace classifier
