// Messages of the queues on AWS, and the behaviour of the AWS stores when something fails, against
// a server in the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "adapters/aws/client/aws_client.hpp"
#include "adapters/aws/dynamodb/dynamo_job_store.hpp"
#include "adapters/aws/s3/s3_object_store.hpp"
#include "adapters/aws/sqs/sqs_messages.hpp"
#include "adapters/aws/sqs/sqs_status_queue.hpp"
#include "adapters/aws/sqs/sqs_work_queue.hpp"
#include "services/status_consumer.hpp"
#include "support/aws_environment.hpp"
#include "support/memory_status_queue.hpp"

namespace classifier::aws {
namespace {

using namespace std::chrono_literals;
using http::Request;
using http::Response;
using nlohmann::json;
using ::testing::SizeIs;

Response ok(const json& body) {
  return http::text_response(200, "application/x-amz-json-1.0", body.dump());
}

// A server in place of SQS, DynamoDB and S3. `answer` gets the operation, such as "ReceiveMessage",
// or for S3 the method. Counts calls, and keeps the bodies of sent messages.
class FakeAws {
 public:
  using Answer = std::function<Response(const std::string& operation, const Request& request)>;

  explicit FakeAws(Answer answer = [](auto&, auto&) { return ok(json::object()); })
      : answer_(std::move(answer)) {}

  AwsClient& client() { return *client_; }
  int calls(const std::string& operation) {
    const std::scoped_lock lock(mutex_);
    return calls_[operation];
  }
  std::vector<std::string> sent() {
    const std::scoped_lock lock(mutex_);
    return sent_;
  }

 private:
  Response play(const Request& request) {
    const std::string_view target = request.headers.get("X-Amz-Target");
    const std::string operation(target.empty() ? request.method
                                               : target.substr(target.find('.') + 1));
    {
      const std::scoped_lock lock(mutex_);
      ++calls_[operation];
      if (operation == "SendMessageBatch") {
        const json body = json::parse(request.body);
        for (const auto& entry : body.at("Entries")) sent_.push_back(entry.at("MessageBody"));
      }
    }
    return answer_(operation, request);
  }
  std::unique_ptr<AwsClient> make_client() {
    return make_aws_client(clock_, {}, nullptr,
                           testing::environment_of({{"AWS_REGION", "us-east-1"},
                                                    {"AWS_ACCESS_KEY_ID", "id"},
                                                    {"AWS_SECRET_ACCESS_KEY", "secret"},
                                                    {"AWS_ENDPOINT_URL", service_.url()}}))
        .value();
  }

  const Answer answer_;
  std::mutex mutex_;
  std::map<std::string, int> calls_;
  std::vector<std::string> sent_;
  SystemClock clock_;
  testing::FakeService service_{[this](const Request& request) { return play(request); }};
  std::unique_ptr<AwsClient> client_ = make_client();
};

class SqsQueues : public ::testing::Test {
 protected:
  SqsWorkQueue work_queue(FakeAws& aws) {
    return {{aws.client(), aws.client()},
            "http://queue/requests",
            "photos",
            [](auto&) { return fail(ErrorCode::kInternal, "no letter was moved back"); },
            clock_,
            30s};
  }
  SystemClock clock_;
};

bool within(std::chrono::milliseconds time, const std::function<bool()>& happens) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!happens()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

bool is_ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

ImageTask task_with(std::vector<std::string> labels) {
  return {.job_id = "job",
          .spec = std::make_shared<const JobSpec>(JobSpec{.type = JobType::kCustomClassification,
                                                          .model = "m",
                                                          .custom_labels = std::move(labels)}),
          .index = 3,
          .s3_key = "uploads/\uffff\ufffe\U0001F600é.jpg",
          .filename = "\uffff.jpg"};
}

TEST_F(SqsQueues, TasksAreSentInAscii) {
  FakeAws aws;
  const ImageTask task = task_with({"dog", "\uffff"});
  ASSERT_TRUE(work_queue(aws).send({&task, 1}));
  ASSERT_THAT(aws.sent(), SizeIs(1));
  EXPECT_TRUE(is_ascii(aws.sent()[0])) << aws.sent()[0];
  const auto same =
      sqs::read_delivery({.id = {}, .body = aws.sent()[0], .receipt = {}, .sent_at = {}})
          .value()
          .task;
  EXPECT_EQ(same.s3_key, task.s3_key);
  EXPECT_EQ(same.filename, task.filename);
  EXPECT_EQ(json::parse(aws.sent()[0]).at("custom_labels"), json({"dog", "\uffff"}));
}

TEST_F(SqsQueues, LargeLabelListsAreLeftOut) {
  FakeAws aws;
  std::string label;
  for (int i = 0; i < 340; ++i) label += "\U0001F600";  // 4 bytes each, 12 in ASCII
  for (const std::size_t labels : {1, 2, 4}) {
    const ImageTask task = task_with(std::vector(labels, label));
    ASSERT_TRUE(work_queue(aws).send({&task, 1}));
  }
  ASSERT_THAT(aws.sent(), SizeIs(3));
  EXPECT_TRUE(json::parse(aws.sent()[0]).contains("custom_labels"));
  EXPECT_FALSE(json::parse(aws.sent()[1]).contains("custom_labels"));
  EXPECT_FALSE(json::parse(aws.sent()[2]).contains("custom_labels"));
}

TEST_F(SqsQueues, OutcomesAreSentInAsciiAndSplitBySize) {
  FakeAws aws;
  SqsStatusQueue queue({aws.client(), aws.client()}, "http://queue/status", 30s);
  std::string label;
  for (int i = 0; i < 333; ++i) label += "\uffff";
  std::vector<ImageOutcome> outcomes;
  for (int i = 0; i < 64; ++i) {
    outcomes.push_back({.job_id = "job",
                        .index = i,
                        .generation = 0,
                        .result = Predictions(10, {label, 0.5F}),
                        .output_key = {},
                        .processing_time_ms = 1});
  }
  ASSERT_TRUE(queue.report(outcomes));
  std::size_t received = 0;
  for (const auto& body : aws.sent()) {
    EXPECT_TRUE(is_ascii(body));
    EXPECT_LE(body.size(), sqs::Queue::kMaxBytes);
    const auto status =
        sqs::read_status({.id = {}, .body = body, .receipt = {}, .sent_at = {}}).value();
    for (const auto& outcome : status.outcomes)
      EXPECT_EQ(outcome.result, outcomes[received++].result);
  }
  EXPECT_EQ(received, outcomes.size());
}

TEST_F(SqsQueues, DeadLettersAreSentInAscii) {
  FakeAws aws([](const std::string& operation, const Request&) {
    if (operation == "GetQueueAttributes") {
      return ok({{"Attributes",
                  {{"RedrivePolicy", R"({"deadLetterTargetArn":"arn:aws:sqs:r:1:dead"})"}}}});
    }
    if (operation == "GetQueueUrl") return ok({{"QueueUrl", "http://queue/dead"}});
    if (operation != "ReceiveMessage") return ok(json::object());
    const json body = {{"job_id", "job"},
                       {"s3_keys", {"\uffff"}},
                       {"filename", "a"},
                       {"index", 0},
                       {"retry_count", 0}};
    return ok(
        {{"Messages", {{{"MessageId", "1"}, {"ReceiptHandle", "r"}, {"Body", body.dump()}}}}});
  });
  auto queue = work_queue(aws);
  const auto deliveries = queue.receive(1, 0ms, {}).value();
  ASSERT_THAT(deliveries, SizeIs(1));
  ASSERT_TRUE(queue.bury(deliveries[0].receipt, "no \uffff"));
  ASSERT_THAT(aws.sent(), SizeIs(1));
  EXPECT_TRUE(is_ascii(aws.sent()[0])) << aws.sent()[0];
}

// A short poll may ask servers that have none of the few messages of a queue.
TEST_F(SqsQueues, DeadLettersAreFoundByLongPolls) {
  std::atomic<int> left = 3;
  FakeAws aws([&](const std::string& operation, const Request& request) {
    if (operation == "GetQueueAttributes") {
      return ok({{"Attributes",
                  {{"RedrivePolicy", R"({"deadLetterTargetArn":"arn:aws:sqs:r:1:dead"})"}}}});
    }
    if (operation == "GetQueueUrl") return ok({{"QueueUrl", "http://queue/dead"}});
    if (operation != "ReceiveMessage") return ok(json::object());
    const bool asks_all = json::parse(request.body).at("WaitTimeSeconds") > 0;
    if (!asks_all || left == 0) return ok(json::object());
    const std::string id = std::to_string(left--);
    return ok({{"Messages",
                {{{"MessageId", id}, {"ReceiptHandle", id}, {"Body", R"({"job_id":"job"})"}}}}});
  });
  auto queue = work_queue(aws);
  EXPECT_THAT(queue.dead_letters(10).value(), SizeIs(3));
  EXPECT_EQ(aws.calls("ChangeMessageVisibilityBatch"), 1) << "they are given back";
}

// Receives of the message that is given back are not counted against the one that replaces it.
TEST_F(SqsQueues, GivenBackMessagesCarryTheirCounts) {
  FakeAws aws([](const std::string& operation, const Request&) {
    if (operation != "ReceiveMessage") return ok(json::object());
    const json body = {{"job_id", "job"},  {"s3_keys", {"a"}}, {"filename", "a"},    {"index", 0},
                       {"retry_count", 0}, {"losses", 1},      {"of_others", "kept"}};
    return ok({{"Messages",
                {{{"MessageId", "1"},
                  {"ReceiptHandle", "r"},
                  {"Body", body.dump()},
                  {"Attributes", {{"ApproximateReceiveCount", "3"}}}}}}});
  });
  auto queue = work_queue(aws);
  auto deliveries = queue.receive(1, 0ms, {}).value();
  ASSERT_THAT(deliveries, SizeIs(1));
  EXPECT_EQ(deliveries[0].losses, 3);
  EXPECT_EQ(deliveries[0].failures, 0);
  ++deliveries[0].failures;
  ASSERT_TRUE(queue.give_back(deliveries, 1'500ms));
  ASSERT_THAT(aws.sent(), SizeIs(1));
  const json body = json::parse(aws.sent()[0]);
  EXPECT_EQ(body.at("losses"), 3);
  EXPECT_EQ(body.at("failures"), 1);
  EXPECT_EQ(body.at("of_others"), "kept");
  EXPECT_EQ(aws.calls("DeleteMessageBatch"), 1);
  ASSERT_TRUE(queue.give_back(deliveries, 0ms)) << "it is given back already";
  EXPECT_THAT(aws.sent(), SizeIs(1));
}

TEST(SqsMessages, FilenameDefaultsToTheLastPartOfTheKey) {
  const auto filename_of = [](const std::string& key, const std::string& filename) {
    const auto read =
        sqs::read_delivery({.id = {},
                            .body = R"({"job_id":"j","s3_keys":[")" + key +
                                    R"("],"index":0,"retry_count":0)" + filename + "}",
                            .receipt = {},
                            .sent_at = {}});
    return read ? read->task.filename : "refused: " + read.error().message;
  };
  EXPECT_EQ(filename_of("uploads/a.jpg", R"(,"filename":"b.jpg")"), "b.jpg");
  EXPECT_EQ(filename_of("uploads/a.jpg", ""), "a.jpg");
  EXPECT_EQ(filename_of("a.jpg", R"(,"filename":"")"), "a.jpg");
  EXPECT_EQ(filename_of("uploads/", R"(,"filename":"")"), "uploads/");
}

ImageOutcome failure_of(const std::string& job, std::int64_t index, int generation = 0) {
  return {.job_id = job,
          .index = index,
          .generation = generation,
          .result = Error{ErrorCode::kUndecodable, "it is no image"},
          .output_key = {},
          .processing_time_ms = 1};
}

// Accepts outcomes, except those of the job "bad", and none while `away`.
class Counter final : public ResultSink {
 public:
  Result<void> started(std::string_view /*job_id*/) override { return {}; }
  Result<void> ping() override {
    ++looks;
    return away ? fail(ErrorCode::kUnavailable, "away") : Result<void>();
  }
  Result<void> report(std::span<const ImageOutcome> outcomes) override {
    ++reports;
    const bool bad = std::ranges::any_of(outcomes, [](auto& one) { return one.job_id == "bad"; });
    if (away || bad) return fail(ErrorCode::kUnavailable, "not now");
    return {};
  }
  std::atomic<bool> away = false;
  std::atomic<int> reports = 0;
  std::atomic<int> looks = 0;
};

// Counts calls of receive().
class CountedQueue final : public StatusQueue {
 public:
  explicit CountedQueue(StatusQueue& inner) : inner_(inner) {}
  Result<void> started(std::string_view job_id) override { return inner_.started(job_id); }
  Result<void> report(std::span<const ImageOutcome> outcomes) override {
    return inner_.report(outcomes);
  }
  Result<std::vector<StatusMessage>> receive(std::size_t max, std::chrono::milliseconds wait,
                                             std::stop_token stop) override {
    ++receives;
    return inner_.receive(max, wait, stop);
  }
  Result<void> remove(std::span<const std::string> receipts) override {
    return inner_.remove(receipts);
  }
  Result<void> give_back(std::span<const std::string> receipts) override {
    return inner_.give_back(receipts);
  }
  Result<void> ping() override { return inner_.ping(); }
  std::atomic<int> receives = 0;

 private:
  StatusQueue& inner_;
};

TEST(StatusConsumerOnAws, JobThatCannotBeCountedDelaysNoOther) {
  const SystemClock clock;
  testing::MemoryStatusQueue queue(clock);
  Counter counter;
  for (const char* const job : {"a", "bad", "b", "c"})
    ASSERT_TRUE(queue.report(std::vector{failure_of(job, 0)}));
  NoMetrics metrics;
  StatusConsumer consumer(queue, counter, metrics,
                          {.threads = 1, .batch = 10, .wait = 10ms, .after_failure = 10ms});
  consumer.start();
  EXPECT_TRUE(within(30s, [&] { return queue.size() == 1; })) << queue.size();
}

TEST(StatusConsumerOnAws, NothingIsReceivedWhileTheStoreIsUnavailable) {
  const SystemClock clock;
  testing::MemoryStatusQueue inner(clock);
  CountedQueue queue(inner);
  Counter counter;
  counter.away = true;
  for (const char* const job : {"a", "b", "c", "d"})
    ASSERT_TRUE(queue.report(std::vector{failure_of(job, 0)}));
  NoMetrics metrics;
  StatusConsumer consumer(queue, counter, metrics,
                          {.threads = 1, .batch = 2, .wait = 10ms, .after_failure = 1ms});
  consumer.start();
  ASSERT_TRUE(within(30s, [&] { return counter.looks > 4; }));
  EXPECT_EQ(queue.receives, 1);
  counter.away = false;
  EXPECT_TRUE(within(30s, [&] { return inner.size() == 0; })) << "those of the first receive too";
}

// A table with the items of one job of two images. Changes of the job's status fail.
class FakeTable {
 public:
  using Item = dynamo::Item;
  explicit FakeTable(std::vector<Item> items) : items_(std::move(items)) {}

  static NewJob job() {
    NewJob job;
    job.id = "job";
    job.spec = std::make_shared<const JobSpec>(JobSpec{.model = "m", .custom_labels = {}});
    job.s3_keys = job.filenames = {"a.jpg", "b.jpg"};
    job.created_at = SystemClock().now();
    return job;
  }
  Result<std::size_t> record(const ImageOutcome& outcome) {
    return store_.record({&outcome, 1}, clock_.now());
  }
  // Replaces the items.
  void set(std::vector<Item> items) {
    const std::scoped_lock lock(mutex_);
    items_ = std::move(items);
  }
  int writes() { return aws_.calls("TransactWriteItems"); }
  int reads() { return aws_.calls("Query"); }
  void load() { ASSERT_TRUE(store_.get("job")); }

 private:
  std::mutex mutex_;
  std::vector<Item> items_;
  SystemClock clock_;
  FakeAws aws_{[this](const std::string& operation, const Request&) {
    const std::scoped_lock lock(mutex_);
    return ok(operation == "Query" ? json{{"Items", items_}} : json::object());
  }};
  DynamoJobStore store_{aws_.client(), "table", clock_};
};

TEST(DynamoAccounting, JobRemovedMeanwhileIsIgnored) {
  const NewJob job = FakeTable::job();
  FakeTable table(
      {dynamo::counter_item(job, 0, std::nullopt), dynamo::job_item(job, std::nullopt)});
  table.load();
  table.set({});
  const auto counted = table.record(failure_of("job", 0));
  EXPECT_TRUE(counted) << counted.error().message;
}

dynamo::Item counter_with(int failed, int generation) {
  dynamo::Item item = dynamo::counter_item(FakeTable::job(), 0, std::nullopt);
  item["failed"] = dynamo::number(failed);
  item["generation"] = dynamo::number(generation);
  return item;
}

TEST(DynamoAccounting, CountsFromBeforeARetryDoNotEndTheJob) {
  const NewJob job = FakeTable::job();
  dynamo::Item retried = dynamo::job_item(job, std::nullopt);
  retried["generation"] = dynamo::number(1);
  FakeTable table({counter_with(2, 0), retried});
  table.load();
  const int reads = table.reads();
  EXPECT_TRUE(table.record(failure_of(job.id, 0, 0)));
  EXPECT_EQ(table.writes(), 1) << "the outcome, and not the end of the job";
  EXPECT_GT(table.reads() - reads, 1) << "it was looked at again";
  table.set({retried});  // a counter is missing
  EXPECT_TRUE(table.record(failure_of(job.id, 0, 1)));
  EXPECT_EQ(table.writes(), 2);
}

TEST(DynamoLayout, JobIsWholeWithAllCountersOfItsGeneration) {
  const NewJob job = FakeTable::job();
  dynamo::Item item = dynamo::job_item(job, std::nullopt);
  item["counters"] = dynamo::number(2);
  item["generation"] = dynamo::number(1);
  const auto whole = [&](std::vector<dynamo::Item> items) {
    items.push_back(item);
    return dynamo::read_job(items)->whole;
  };
  EXPECT_TRUE(whole({counter_with(1, 1), counter_with(0, 1)}));
  EXPECT_FALSE(whole({counter_with(1, 0), counter_with(0, 1)}));
  EXPECT_FALSE(whole({counter_with(1, 1)}));
  EXPECT_FALSE(whole({}));
}

// Faults that ping() reports at the start, when they occur later.
class FaultsAtRunTime : public ::testing::Test {
 protected:
  static Response fault(int status, const std::string& code) {
    return http::text_response(status, "application/x-amz-json-1.0",
                               json{{"__type", code}, {"message", "because"}}.dump());
  }
  // ping() reports the fault as permanent, other calls as transient.
  static void expect_transient(const Result<void>& ping, const Error& call) {
    ASSERT_FALSE(ping);
    EXPECT_FALSE(ping.error().transient()) << ping.error().message;
    EXPECT_EQ(call.code, ErrorCode::kUnavailable) << call.message;
  }
  SystemClock clock_;
};

TEST_F(FaultsAtRunTime, OfTheTableAreUnavailable) {
  for (const auto& [status, code] : {std::pair{400, "ResourceNotFoundException"},
                                     {400, "ExpiredTokenException"},
                                     {400, "UnrecognizedClientException"},
                                     {400, "AccessDeniedException"}}) {
    FakeAws aws([&](auto&, auto&) { return fault(status, code); });
    DynamoJobStore jobs(aws.client(), "table", clock_);
    const auto ping = jobs.ping();
    const Error get = jobs.get("job").error();
    expect_transient(ping, get);
    expect_transient(ping, jobs.create(FakeTable::job()).error());
    expect_transient(ping, jobs.mark_started("job", clock_.now()).error());
    if (std::string(code) == "ResourceNotFoundException") {
      EXPECT_EQ(get.message, ping.error().message);
    }
  }
}

TEST_F(FaultsAtRunTime, OfQueuesAreUnavailable) {
  for (const char* const code : {"QueueDoesNotExist", "ExpiredToken", "AccessDenied"}) {
    FakeAws aws([&](auto&, auto&) { return fault(400, code); });
    SqsStatusQueue queue({aws.client(), aws.client()}, "http://queue/status", 30s);
    expect_transient(queue.ping(), queue.started("job").error());
    expect_transient(queue.ping(), queue.receive(1, 0ms, {}).error());
  }
}

TEST_F(FaultsAtRunTime, OfBucketsAreUnavailable) {
  for (const auto& [status, code] : {std::pair{404, "NoSuchBucket"},
                                     {403, "AccessDenied"},
                                     {403, "InvalidAccessKeyId"},
                                     {400, "ExpiredToken"}}) {
    FakeAws aws([&](auto& method, auto&) {
      return method == "HEAD" ? http::text_response(status == 404 ? 404 : 403, "text/plain", "")
                              : fault(status, code);
    });
    S3ObjectStore objects(aws.client(), clock_, "in", "out");
    expect_transient(objects.ping(), objects.get(Bucket::kInput, "a.jpg", 100).error());
    expect_transient(objects.ping(), objects.list(Bucket::kInput, "", "", 1).error());
    expect_transient(objects.ping(), objects.copy_to_output("a.jpg", "b.jpg").error());
  }
}

TEST_F(FaultsAtRunTime, MissingImagesAreNotFoundAndConflictsAreTransient) {
  FakeAws aws([&](auto& method, auto&) {
    if (method == "HEAD") return http::text_response(404, "text/plain", "");
    return method == "PUT" ? fault(409, "OperationAborted") : fault(404, "NoSuchKey");
  });
  S3ObjectStore objects(aws.client(), clock_, "in", "out");
  EXPECT_EQ(objects.get(Bucket::kInput, "a.jpg", 100).error(),
            (Error{ErrorCode::kNotFound, "there is no image \"a.jpg\""}));
  EXPECT_EQ(objects.head(Bucket::kInput, "a.jpg").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(objects.copy_to_output("a.jpg", "b.jpg").error().transient());
}

TEST_F(FaultsAtRunTime, MissingCredentialsAreUnavailable) {
  const auto client = make_aws_client(
      clock_, {}, nullptr,
      testing::environment_of({{"AWS_REGION", "us-east-1"}, {"AWS_ACCESS_KEY_ID", "id"}}));
  DynamoJobStore jobs(**client, "table", clock_);
  expect_transient(jobs.ping(), jobs.get("job").error());
  S3ObjectStore objects(**client, clock_, "in", "out");
  expect_transient(objects.ping(),
                   objects.upload_url("a.jpg", "image/jpeg", clock_.now() + 1h, "").error());
}

}  // namespace
}  // namespace classifier::aws
