// Where the parts of the program are that are not in its executable.
#pragma once

#include <filesystem>

namespace classifier {

// An installed program finds them beside itself, so that its folder can be moved; one that was only
// built finds them in the source tree.
struct Installation {
  bool in_source_tree = false;
  std::filesystem::path dashboard_dir;
  std::filesystem::path tokenizers_library;
  // The Python package `export`, and the list of packages that it needs.
  std::filesystem::path exporter_dir;
  std::filesystem::path exporter_requirements;
  // Models that are not one user's: the source tree's, or those of a package of the distribution,
  // whose service and users share them. Empty where there are none.
  std::filesystem::path models_dir;
  // Of the source tree, where setup made it; empty otherwise.
  std::filesystem::path exporter_environment;
};

// Of a program at this path, which has no symbolic link in it.
Installation installation_of(const std::filesystem::path& executable);

// Of the running program.
const Installation& installation();

}  // namespace classifier
