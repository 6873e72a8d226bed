#include "domain/unique_names.hpp"

#include "domain/text.hpp"

namespace classifier {

std::string UniqueNames::take(std::string name) {
  const auto [known, is_new] = last_numbers_.try_emplace(hash(name), 1);
  if (is_new) return name;
  int& number = known->second;  // references stay valid when entries are added
  std::string numbered;
  do {
    numbered = numbered_filename(name, ++number);
  } while (!last_numbers_.try_emplace(hash(numbered), 1).second);
  return numbered;
}

}  // namespace classifier
