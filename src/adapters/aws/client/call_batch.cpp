#include "adapters/aws/client/call_batch.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "domain/text.hpp"
#include "support/backoff.hpp"

namespace classifier::aws {
namespace {

using Failure = HttpOutcome::Failure;
using std::chrono::milliseconds;

constexpr int kRetryCost = 5;
constexpr int kTimeoutRetryCost = 10;

AwsError make_error(const AwsRequest& request, std::string_view code, std::string message,
                    ErrorCode kind) {
  AwsError error;
  error.service = request.service;
  error.operation = request.operation;
  error.code = code;
  error.message = std::move(message);
  error.kind = kind;
  return error;
}

AwsError failure_of(const AwsRequest& request, const HttpOutcome& outcome,
                    const std::string& address) {
  switch (outcome.failure) {
    case Failure::kTooLarge: {
      return make_error(request, kResponseTooLargeCode, outcome.detail, ErrorCode::kTooLarge);
    }
    case Failure::kStopped:
      return make_error(request, kStoppedCode, outcome.detail, ErrorCode::kUnavailable);
    case Failure::kTimedOut:
      return make_error(request, kTimedOutCode,
                        fmt::format("no answer from {} in time ({})", address, outcome.detail),
                        ErrorCode::kUnavailable);
    default:
      return make_error(
          request, kConnectionFailedCode,
          fmt::format("{} {} ({})",
                      outcome.failure == Failure::kNotSent ? "cannot connect to"
                                                           : "the connection broke to",
                      address, outcome.detail),
          ErrorCode::kUnavailable);
  }
}

// Some operations of S3, such as CopyObject, may answer 200 with an error in the body.
bool is_disguised_error(const AwsRequest& request, const HttpOutcome& outcome) {
  if (request.service != "s3" || request.method == "GET") return false;
  const std::string_view start = std::string_view(outcome.body).substr(0, 200);
  const std::size_t root = start.find("<Error>");
  return root != std::string_view::npos &&
         (root == 0 || (start.starts_with("<?xml") && start.find('<', 1) == root));
}

bool is_success(int status) { return (status >= 200 && status < 300) || status == 304; }

// Transient failures other than throttling.
bool is_passing(const AwsError& error) {
  return error.status >= 500 || error.code == "InternalError" || error.code == "RequestTimeout" ||
         error.code == "TransactionInProgressException";
}

}  // namespace

CallBatch::CallBatch(const CallContext& context, std::vector<AwsRequest> requests)
    : context_(context), calls_(requests.size()) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Call& call = calls_[i];
    call.request = std::move(requests[i]);
    if (call.request.patience) call.deadline = call.begun + *call.request.patience;
    call.body_hash = sha256_hex(call.request.body);
    call.body = std::make_shared<const std::string>(std::move(call.request.body));
    ready_.push_back(i);
  }
}

std::vector<AwsResult> CallBatch::run() {
  while (true) {
    if (context_.stop.stop_requested()) finish_stopped();
    send_ready();
    if (ready_.empty() && paused_.empty() && running_ == 0) break;
    for (Arrival& arrival : wait()) handle(std::move(arrival));
  }
  std::vector<AwsResult> results;
  results.reserve(calls_.size());
  for (Call& call : calls_) results.push_back(std::move(*call.result));
  return results;
}

void CallBatch::send_ready() {
  const auto now = Steady::now();
  while (!paused_.empty() && paused_.begin()->first <= now) {
    ready_.push_back(paused_.begin()->second);
    paused_.erase(paused_.begin());
  }
  // Sign a request only when it can be sent, because signatures expire.
  while (!ready_.empty() && running_ < context_.options.max_connections) {
    const std::size_t index = ready_.front();
    ready_.pop_front();
    send(index);
  }
}

void CallBatch::send(std::size_t index) {
  Call& call = calls_[index];
  auto credentials = context_.credentials->get();
  if (!credentials) {
    finish(call,
           std::unexpected(make_error(call.request, kNoCredentialsCode, credentials.error().message,
                                      credentials.error().code)));
    return;
  }
  call.used = std::move(*credentials);
  ++call.attempts;
  ++running_;
  context_.transport.start(signed_exchange(call), [mailbox = mailbox_, index](HttpOutcome outcome) {
    {
      const std::scoped_lock lock(mailbox->mutex);
      mailbox->arrivals.push_back({index, std::move(outcome)});
    }
    mailbox->filled.notify_one();
  });
}

HttpExchange CallBatch::signed_exchange(Call& call) {
  const AwsRequest& request = call.request;
  const Target target = context_.endpoints.resolve(request.service, request.bucket, request.path);
  call.signed_at = context_.clock.now();
  const SignableRequest signable{request.method, target.host, target.path, request.query,
                                 request.headers};
  const SigningKey key{call.used, context_.endpoints.region(), request.service};
  const Pairs added = sign_headers(signable, call.body_hash, key, call.signed_at);

  HttpExchange exchange;
  exchange.method = request.method;
  exchange.url = target.url();
  if (!request.query.empty()) exchange.url += "?" + canonical_query(request.query);
  exchange.header_lines.push_back("Host: " + target.host);
  for (const Pairs* headers : {&request.headers, &added}) {
    for (const auto& [name, value] : *headers)
      exchange.header_lines.push_back(std::string(name).append(": ").append(value));
  }
  exchange.body = call.body;
  exchange.max_response_bytes =
      request.max_response_bytes.value_or(context_.options.max_response_bytes);
  exchange.timeout = context_.options.timeout + request.extra_time;
  if (request.patience) {
    const auto left = std::chrono::ceil<milliseconds>(call.deadline - Steady::now());
    exchange.timeout = std::clamp(left, milliseconds(1), exchange.timeout);
  }
  return exchange;
}

std::deque<CallBatch::Arrival> CallBatch::wait() {
  std::unique_lock lock(mailbox_->mutex);
  const auto arrived = [this] { return !mailbox_->arrivals.empty(); };
  if (context_.stop.stop_requested()) {
    mailbox_->filled.wait(lock, arrived);  // the transport ends running calls
  } else if (paused_.empty()) {
    mailbox_->filled.wait(lock, context_.stop, arrived);
  } else {
    mailbox_->filled.wait_until(lock, context_.stop, paused_.begin()->first, arrived);
  }
  return std::exchange(mailbox_->arrivals, {});
}

void CallBatch::handle(Arrival arrival) {
  --running_;
  Call& call = calls_[arrival.call];
  AwsResult result = read(call, arrival.outcome);
  if (result) {
    context_.budgets.give_back(call.request.service);
    finish(call, std::move(result));
    return;
  }
  if (!context_.stop.stop_requested()) {
    if (send_again_at_once(call, result.error(), arrival.outcome)) {
      ready_.push_back(arrival.call);
      return;
    }
    if (const auto pause = pause_before_retry(call, result.error(), arrival.outcome)) {
      paused_.emplace(Steady::now() + *pause, arrival.call);
      return;
    }
  }
  finish(call, std::move(result));
}

AwsResult CallBatch::read(const Call& call, HttpOutcome& outcome) const {
  const AwsRequest& request = call.request;
  if (outcome.failure != Failure::kNone) {
    const Target target = context_.endpoints.resolve(request.service, request.bucket, "");
    return std::unexpected(failure_of(request, outcome, target.scheme + "://" + target.host));
  }
  if (is_disguised_error(request, outcome)) {
    AwsError error = parse_error(request.service, request.operation, 400, outcome.headers,
                                 std::move(outcome.body));
    // A missing source is permanent; an error of unknown kind counts as the server's, which may
    // pass.
    if (error.kind == ErrorCode::kInvalidArgument) {
      error.status = 500;
      error.kind = ErrorCode::kUnavailable;
    }
    return std::unexpected(std::move(error));
  }
  if (!is_success(outcome.status)) {
    return std::unexpected(parse_error(request.service, request.operation, outcome.status,
                                       outcome.headers, std::move(outcome.body)));
  }
  AwsResponse response;
  response.status = outcome.status;
  response.request_id = request_id_of(outcome.headers);
  response.body = std::move(outcome.body);
  response.headers = std::move(outcome.headers);
  return response;
}

bool CallBatch::send_again_at_once(Call& call, const AwsError& error, const HttpOutcome& outcome) {
  if (is_about_time(error) && !call.time_corrected &&
      context_.clock.correct(header_of(outcome.headers, "date"), call.signed_at)) {
    call.time_corrected = true;
    return true;
  }
  // An answer to HEAD has no body that could name an expired token.
  const bool unexplained =
      error.status == 400 && call.request.method == "HEAD" && !call.used.session_token.empty();
  if ((is_stale_credentials(error) || unexplained) && !call.credentials_renewed) {
    call.credentials_renewed = true;
    context_.credentials->reject(call.used);
    const auto others = context_.credentials->get();
    return others && *others != call.used;
  }
  return false;
}

std::optional<milliseconds> CallBatch::pause_before_retry(Call& call, const AwsError& error,
                                                          const HttpOutcome& outcome) {
  const bool throttled = is_throttling(error) || error.status == 429;
  const bool not_done = throttled || outcome.failure == Failure::kNotSent;
  const bool may_be_done = outcome.failure == Failure::kBroken ||
                           outcome.failure == Failure::kTimedOut || is_passing(error);
  if (!not_done && !may_be_done) return std::nullopt;
  if (++call.failures >= context_.options.max_attempts) return std::nullopt;
  const bool timed_out = outcome.failure == Failure::kTimedOut;
  const AwsClientOptions& options = context_.options;
  const milliseconds base = throttled ? options.throttled_base_backoff : options.base_backoff;
  const milliseconds backoff =
      full_jitter(exponential_backoff(base, options.max_backoff, call.failures));
  const milliseconds wait =
      std::min(std::max(backoff, retry_after(outcome.headers)), options.max_backoff);
  if (Steady::now() + wait >= call.deadline) return std::nullopt;
  const int cost = timed_out ? kTimeoutRetryCost : kRetryCost;
  if (!context_.budgets.take(call.request.service, cost)) return std::nullopt;
  return wait;
}

void CallBatch::finish(Call& call, AwsResult result) {
  if (context_.observer != nullptr) {
    const auto took = std::chrono::duration_cast<milliseconds>(Steady::now() - call.begun);
    context_.observer->call_done(call.request.service, call.request.operation, call.attempts,
                                 result ? std::string_view("ok") : result.error().code, took);
  }
  call.result = std::move(result);
}

void CallBatch::finish_stopped() {
  for (const auto& [time, index] : paused_) ready_.push_back(index);
  paused_.clear();
  for (const std::size_t index : std::exchange(ready_, {})) {
    Call& call = calls_[index];
    finish(call, std::unexpected(make_error(call.request, kStoppedCode, "the program is stopping",
                                            ErrorCode::kUnavailable)));
  }
}

}  // namespace classifier::aws
