// Calls that run in parallel, driven by the thread that waits for them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "adapters/aws/client/aws_client.hpp"
#include "adapters/aws/client/retry.hpp"
#include "adapters/aws/client/signing_clock.hpp"
#include "adapters/aws/client/transport.hpp"

namespace classifier::aws {

// What the calls of a client share. Thread-safe; outlives the calls.
struct CallContext {
  std::shared_ptr<CredentialsSource> credentials;
  const Endpoints& endpoints;
  const AwsClientOptions& options;
  CallObserver* observer;
  SigningClock& clock;
  RetryBudgets& budgets;
  Transport& transport;
  std::stop_token stop;
};

// Runs one batch of calls. Used by one thread, once.
class CallBatch {
 public:
  CallBatch(const CallContext& context, std::vector<AwsRequest> requests);
  std::vector<AwsResult> run();

 private:
  using Steady = std::chrono::steady_clock;
  struct Call {
    AwsRequest request;
    std::shared_ptr<const std::string> body;
    std::string body_hash;
    Credentials used;
    TimePoint signed_at;
    int attempts = 0;
    int failures = 0;  // those that count against max_attempts
    bool time_corrected = false;
    bool credentials_renewed = false;
    Steady::time_point begun = Steady::now();
    Steady::time_point deadline = Steady::time_point::max();
    std::optional<AwsResult> result;
  };
  struct Arrival {
    std::size_t call;
    HttpOutcome outcome;
  };
  // Where the transport's thread puts the outcomes.
  struct Mailbox {
    std::mutex mutex;
    std::condition_variable_any filled;
    std::deque<Arrival> arrivals;  // guarded by mutex
  };

  void send_ready();
  void send(std::size_t index);
  HttpExchange signed_exchange(Call& call);
  std::deque<Arrival> wait();
  void handle(Arrival arrival);
  AwsResult read(const Call& call, HttpOutcome& outcome) const;
  bool send_again_at_once(Call& call, const AwsError& error, const HttpOutcome& outcome);
  std::optional<std::chrono::milliseconds> pause_before_retry(Call& call, const AwsError& error,
                                                              const HttpOutcome& outcome);
  void finish(Call& call, AwsResult result);
  void finish_stopped();

  const CallContext& context_;
  std::vector<Call> calls_;
  std::deque<std::size_t> ready_;
  std::multimap<Steady::time_point, std::size_t> paused_;
  std::size_t running_ = 0;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
};

}  // namespace classifier::aws
