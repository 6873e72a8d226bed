// A pool of infer requests of one compiled model.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <openvino/openvino.hpp>
#include <utility>

namespace classifier {

// Thread-safe.
class RequestPool {
 public:
  RequestPool(ov::CompiledModel model, std::size_t size) : model_(std::move(model)) {
    for (std::size_t i = 0; i < size; ++i) idle_.push_back(model_.create_infer_request());
  }

  // Runs `use(request)` with a request that no other caller uses; waits until one is free.
  template <class Use>
  auto with(Use use) {
    Lease lease(*this);
    return use(lease.request);
  }

 private:
  struct Lease {
    explicit Lease(RequestPool& from) : pool(from), request(from.take()) {}
    ~Lease() { pool.give_back(std::move(request)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    RequestPool& pool;
    ov::InferRequest request;
  };

  ov::InferRequest take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return !idle_.empty(); });
    auto request = std::move(idle_.front());
    idle_.pop_front();
    return request;
  }
  void give_back(ov::InferRequest request) {
    {
      const std::scoped_lock lock(mutex_);
      idle_.push_back(std::move(request));
    }
    free_.notify_one();
  }

  ov::CompiledModel model_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::deque<ov::InferRequest> idle_;  // guarded by mutex_
};

}  // namespace classifier
