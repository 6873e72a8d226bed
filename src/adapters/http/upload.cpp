#include "adapters/http/upload.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace classifier::http {

template <class Step>
void Upload::guarded(Step step) {
  try {
    step();
  } catch (const std::exception& exception) {
    spdlog::error("request {}: {}", exchange_.request.id, exception.what());
    exchange_.reject(500, kServerFault);
  }
}

void Upload::begin() {
  guarded([&] {
    auto sink = exchange_.match.route->uploads(exchange_.request);
    if (sink) {
      sink_ = std::move(*sink);
    } else {
      exchange_.response = error_response(sink.error());
    }
  });
}

void Upload::write(std::span<const std::byte> piece) {
  guarded([&] {
    if (auto written = sink_->write(piece); !written)
      exchange_.response = error_response(written.error());
  });
}

void Upload::finish() {
  guarded([&] { exchange_.response = sink_->finish(); });
}

void Upload::close() {
  guarded([&] { sink_.reset(); });
}

}  // namespace classifier::http
