// The contract tests run on every adapter of the ports. A new adapter needs an implementation of
// `Stores`.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/work_queue.hpp"
#include "support/manual_clock.hpp"

namespace classifier::testing {

// One set of stores on fresh data.
class Stores {
 public:
  virtual ~Stores() = default;
  virtual JobStore& jobs() = 0;
  virtual WorkQueue& queue() = 0;
  virtual ObjectStore& objects() = 0;
  virtual ManualClock& clock() = 0;
  virtual void put_object(const std::string& key, const std::string& content) = 0;
  // Like a restart of the process on the same data: locks of the old process are free.
  virtual void reopen() = 0;
  // Advances the time of the clock and of the queue.
  virtual void pass(std::chrono::milliseconds time) = 0;
  virtual std::chrono::milliseconds visibility_timeout() const = 0;
};

struct StoresFactory {
  std::string name;
  // Why there are no such stores here, such as a server that does not run; empty if there are.
  std::function<std::string()> missing;
  std::function<std::unique_ptr<Stores>()> make;

  // Without it, gtest prints the bytes.
  friend void PrintTo(const StoresFactory& factory, std::ostream* out) { *out << factory.name; }
};

}  // namespace classifier::testing
