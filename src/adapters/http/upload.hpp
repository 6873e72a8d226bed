// The steps of a streamed upload, each of which runs on a blocking thread. Internal to the server.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "adapters/http/exchange.hpp"

namespace classifier::http {

// Passes the body to the sink of the route. The first step that fails sets the answer.
class Upload {
 public:
  explicit Upload(Exchange& exchange) : exchange_(exchange) {}

  void begin();
  void write(std::span<const std::byte> piece);
  void finish();
  // Destroys the sink, which removes the file of an unfinished upload.
  void close();

 private:
  template <class Step>
  void guarded(Step step);

  Exchange& exchange_;
  std::unique_ptr<BodySink> sink_;
};

}  // namespace classifier::http
