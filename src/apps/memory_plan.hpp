// How the memory of a service is shared out; docs/architecture.md has the table.
#pragma once

#include <cstdint>
#include <filesystem>

#include "apps/config.hpp"
#include "domain/error.hpp"

namespace classifier {

// All in bytes; the shares add up to the limit.
struct MemoryPlan {
  std::uint64_t limit = 0;
  std::uint64_t program = 0;  // its code and libraries, threads, databases, what the system needs
  std::uint64_t models = 0;   // the default ones
  std::uint64_t other_models = 0;
  std::uint64_t decoding = 0;  // images that are decoded at the same time, here or in processes
  std::uint64_t files = 0;     // images that are read for thumbnails
  std::uint64_t bodies = 0;    // of requests
  std::uint64_t answers = 0;   // that wait for their clients to read
  std::uint64_t caches = 0;    // thumbnails and embeddings of labels
};

// What the installed models need, in bytes.
struct ModelsMemory {
  std::uint64_t of_default = 0;  // of those that jobs use where they name none
  std::uint64_t of_others = 0;
};

// kInvalidArgument, saying how much is needed, where the limit is too small for the default models.
Result<MemoryPlan> plan_memory(std::uint64_t limit, const ModelsMemory& models);

// MEMORY_LIMIT in bytes: the setting, else the smallest limit of this process's cgroup and those
// above it, else three quarters of the machine's memory. `root` is for tests.
std::uint64_t memory_limit(const Config& config, const std::filesystem::path& root = "/");

}  // namespace classifier
