// File names that are told apart by numbers.
#pragma once

#include <string>
#include <unordered_map>

namespace classifier {

class UniqueNames {
 public:
  bool contains(const std::string& name) const { return last_numbers_.contains(name); }

  // Takes the name, or where it is taken the first of "cat-2.jpg", "cat-3.jpg"… that is not.
  // Thousands of equal names cost no more than others.
  std::string take(std::string name);

 private:
  std::unordered_map<std::string, int> last_numbers_;  // that were put after each name; 1: none
};

}  // namespace classifier
