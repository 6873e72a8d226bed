// What the server tells those who count.
#pragma once

#include <cstdint>
#include <string_view>

namespace classifier::http {

struct RequestRecord {
  std::string_view method;
  std::string_view route;  // the pattern; "(unknown)" for paths without a route
  int status = 0;
  double seconds = 0;  // from the end of the header to the end of the answer's head and body
  std::uint64_t bytes_in = 0;   // of the body
  std::uint64_t bytes_out = 0;  // of the body
};

// Thread-safe, quick, never fails.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void request_done(const RequestRecord& record) = 0;
  virtual void connections_changed(int delta) = 0;
};

}  // namespace classifier::http
