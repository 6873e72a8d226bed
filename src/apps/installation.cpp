#include "apps/installation.hpp"

#include <system_error>

namespace classifier {
namespace {

namespace fs = std::filesystem;

// As src/apps/CMakeLists.txt installs them.
constexpr const char* kName = "distributed-classifier";

Installation source_tree() {
  const fs::path root = SOURCE_DIR;
  const fs::path deps = DEPS_DIR;
  Installation found;
  found.in_source_tree = true;
  found.dashboard_dir = root / "dashboard/dist";
  found.tokenizers_library = OPENVINO_TOKENIZERS_LIBRARY;
  found.exporter_dir = root / "models";
  found.exporter_requirements = root / "models/requirements.txt";
  found.models_dir = deps / "models";
  found.exporter_environment = deps / "venv";
  return found;
}

}  // namespace

Installation installation_of(const fs::path& executable) {
  const fs::path bin = executable.parent_path();
  const fs::path prefix = bin.parent_path();
  const fs::path shared = prefix / "share" / kName;
  std::error_code ignored;
  if (bin.filename() != "bin" || !fs::is_directory(shared, ignored)) return source_tree();
  Installation found;
  found.dashboard_dir = shared / "dashboard";
  found.tokenizers_library = prefix / "lib" / kName / "libopenvino_tokenizers.so";
  found.exporter_dir = shared / "exporter";
  found.exporter_requirements = shared / "exporter/requirements.txt";
  if (prefix == "/usr") found.models_dir = fs::path("/var/lib") / kName / "models";
  return found;
}

const Installation& installation() {
  static const Installation found = [] {
    std::error_code ignored;
    return installation_of(fs::read_symlink("/proc/self/exe", ignored));
  }();
  return found;
}

}  // namespace classifier
