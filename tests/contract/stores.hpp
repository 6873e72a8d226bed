// The contract tests run on all adapters of the ports. Each kind of adapters implements `Stores`.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "ports/content_hashes.hpp"
#include "ports/embedding_store.hpp"
#include "ports/image_names.hpp"
#include "ports/job_store.hpp"
#include "ports/label_sets.hpp"
#include "ports/object_store.hpp"
#include "ports/trash.hpp"
#include "ports/work_queue.hpp"
#include "support/manual_clock.hpp"

namespace classifier::testing {

// A set of stores with empty data.
class Stores {
 public:
  virtual ~Stores() = default;
  virtual JobStore& jobs() = 0;
  virtual WorkQueue& queue() = 0;
  virtual ObjectStore& objects() = 0;
  virtual ImageNames& names() = 0;
  // At most kMaxSets of them, with kMaxSetBytes in all.
  virtual LabelSets& label_sets() = 0;
  static constexpr std::size_t kMaxSets = 4;
  virtual Trash& trash() = 0;
  // Null where these stores remember nothing.
  virtual EmbeddingStore* embeddings() = 0;
  // Null where contents are known by the catalogue.
  virtual ContentHashes* content_hashes() { return nullptr; }
  virtual ManualClock& clock() = 0;
  virtual void put_object(const std::string& key, const std::string& content) = 0;
  // Replaces the stores as if this process had ended and another one had started on the same data,
  // after locks and leases of the old one have expired.
  virtual void reopen() = 0;
  // Lets time pass, for the clock and for the queue.
  virtual void pass(std::chrono::milliseconds time) = 0;
  virtual std::chrono::milliseconds visibility_timeout() const = 0;
};

struct StoresFactory {
  std::string name;
  // Why they are not available, such as a server that does not run; empty: they are.
  std::function<std::string()> missing;
  std::function<std::unique_ptr<Stores>()> make;

  // Otherwise gtest prints bytes.
  friend void PrintTo(const StoresFactory& factory, std::ostream* out) { *out << factory.name; }
};

}  // namespace classifier::testing
