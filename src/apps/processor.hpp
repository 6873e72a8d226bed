// What models need of the processor.
#pragma once

#include <string>

#include "domain/error.hpp"

namespace classifier {

struct Processor {
  bool sse42 = false;
  bool avx2 = false;
};

Processor this_processor();

// OpenVINO needs SSE4.2; without it, the process would end with an illegal instruction.
Result<void> can_run_models(const Processor& processor);

// What to expect of a processor that is slow by its age; empty for others.
std::string slow_processor_notice(const Processor& processor);

}  // namespace classifier
