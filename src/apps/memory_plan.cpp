#include "apps/memory_plan.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMegabyte = 1 << 20;
constexpr std::uint64_t kProgram = 128 * kMegabyte;
// With less beside the program and its models, no photo of usual size could be decoded.
constexpr std::uint64_t kLeast = 128 * kMegabyte;

// A number in a file; nullopt for "max", and where there is no such file.
std::optional<std::uint64_t> number_in(const fs::path& file) {
  const auto text = read_file(file);
  const auto number = text ? parse_integer(trim(*text)) : std::nullopt;
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

// The smallest limit of a cgroup and those above it. In a container the path may be that of the
// host, which is not there: then only the topmost folder is, with the container's own limit.
std::uint64_t least_limit(const fs::path& mount, std::string_view group, const char* file) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (fs::path path = group; !path.empty(); path = path.parent_path()) {
    if (const auto limit = number_in(mount / path.relative_path() / file))
      least = std::min(least, *limit);
    if (path == path.root_path()) break;
  }
  return least;
}

std::uint64_t cgroup_limit(const fs::path& root) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  const std::string groups = read_file(root / "proc/self/cgroup").value_or("");
  const fs::path mount = root / "sys/fs/cgroup";
  // Lines "hierarchy:controllers:path"; version 2 has hierarchy 0 and no controllers.
  for (std::string_view rest = groups; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view group = line.substr(second + 1);
    if (controllers.empty()) least = std::min(least, least_limit(mount, group, "memory.max"));
    if (controllers == "memory")
      least = std::min(least, least_limit(mount / "memory", group, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace

std::uint64_t memory_limit(const Config& config, const fs::path& root) {
  if (config.memory_limit_mb > 0) return config.memory_limit_mb * kMegabyte;
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t group = cgroup_limit(root);
  return group < machine ? group : machine / 4 * 3;
}

Result<MemoryPlan> plan_memory(std::uint64_t limit, const ModelsMemory& models) {
  // A sixteenth is for the system, which keeps memory for the program.
  const std::uint64_t needed = (kProgram + models.of_default + kLeast) / 15 * 16;
  if (limit < needed) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the service may use {} MB of memory, but needs {} MB, {} of them for "
                            "its models: set MEMORY_LIMIT (and the limit of its cgroup) to {} or "
                            "more, or IMAGE_MODEL and CUSTOM_MODEL to smaller models",
                            limit / kMegabyte, needed / kMegabyte + 1,
                            models.of_default / kMegabyte, needed / kMegabyte + 1));
  }
  MemoryPlan plan;
  plan.limit = limit;
  plan.program = kProgram + limit / 16;
  plan.models = models.of_default;
  const std::uint64_t rest = limit - plan.program - plan.models;
  const auto eighth = [&](std::uint64_t most_mb) {
    return std::min(rest / 8, most_mb * kMegabyte);
  };
  plan.other_models = std::min(rest / 4, models.of_others);
  plan.files = eighth(256);
  plan.bodies = eighth(512);
  plan.answers = eighth(512);
  plan.caches = eighth(256);
  plan.decoding = rest - plan.other_models - plan.files - plan.bodies - plan.answers - plan.caches;
  return plan;
}

}  // namespace classifier
