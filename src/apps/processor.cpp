#include "apps/processor.hpp"

namespace classifier {

Processor this_processor() {
  return {.sse42 = __builtin_cpu_supports("sse4.2") != 0,
          .avx2 = __builtin_cpu_supports("avx2") != 0};
}

Result<void> can_run_models(const Processor& processor) {
  if (processor.sse42) return {};
  return fail(ErrorCode::kUnsupported,
              "this processor has no SSE4.2, which the models need: classify on another machine, "
              "by `classifier serve` there and BACKEND_API_URL here");
}

std::string slow_processor_notice(const Processor& processor) {
  if (processor.avx2) return "";
  return "this processor has no AVX2: models run on it, but several times slower";
}

}  // namespace classifier
