// The contract tests run against every adapter of the ports. An adapter joins by making `Stores`.
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
  // As after the end of this process and the start of another one on the same data, when what the
  // old one had to itself is free again.
  virtual void reopen() = 0;
  // Lets that much time go by, for the clock and for the queue.
  virtual void pass(std::chrono::milliseconds time) = 0;
  virtual std::chrono::milliseconds visibility_timeout() const = 0;
};

struct StoresFactory {
  std::string name;
  // Why they cannot be made here, such as a server that does not run; empty: they can.
  std::function<std::string()> missing;
  std::function<std::unique_ptr<Stores>()> make;

  // Without it, gtest prints the bytes.
  friend void PrintTo(const StoresFactory& factory, std::ostream* out) { *out << factory.name; }
};

}  // namespace classifier::testing
