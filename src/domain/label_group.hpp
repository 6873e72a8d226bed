// Labels of a model that belong together, such as all breeds of dogs.
#pragma once

#include <string>
#include <vector>

namespace classifier {

struct LabelGroup {
  std::string name;                 // such as "dog"
  std::vector<std::string> labels;  // in the order of the model's
  friend bool operator==(const LabelGroup&, const LabelGroup&) = default;
};

}  // namespace classifier
