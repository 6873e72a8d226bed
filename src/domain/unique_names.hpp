// Makes file names unique by numbers.
#pragma once

#include <string>
#include <unordered_map>

namespace classifier {

class UniqueNames {
 public:
  bool contains(const std::string& name) const { return last_numbers_.contains(name); }

  // Takes the name, or, if it is taken, the first of "cat-2.jpg", "cat-3.jpg"… that is free.
  // Thousands of equal names cost no more than others.
  std::string take(std::string name);

 private:
  std::unordered_map<std::string, int>
      last_numbers_;  // the last number added to each name; 1: none
};

}  // namespace classifier
