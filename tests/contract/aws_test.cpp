// Promises of the AWS adapters only, on servers: several backends at once, and the error messages
// for wrong names, keys and clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "adapters/aws/dynamodb/segments.hpp"
#include "contract/aws_stores.hpp"
#include "support/jobs.hpp"
#include "support/manual_clock.hpp"

namespace classifier::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AwsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = AwsStores::missing(AwsStores::strict()); !reason.empty())
      GTEST_SKIP() << reason;
    stores_ = std::make_unique<AwsStores>(AwsStores::strict());
  }
  // A store as another process on the same data would have it.
  aws::DynamoJobStore backend() { return {stores_->client(), stores_->table(), stores_->clock()}; }

  // A job whose images are all in the queue.
  Job send_job(int images) {
    Job job = stores_->jobs().create(new_job(images, stores_->clock().now())).value();
    const auto all = stores_->jobs().unsent(10, 1'000).value();
    for (const auto& unsent : all) {
      EXPECT_TRUE(stores_->queue().send(unsent.tasks));
      EXPECT_TRUE(stores_->jobs().mark_sent(unsent));
    }
    return job;
  }

  std::unique_ptr<AwsStores> stores_;
};

TEST_F(AwsTest, TwoBackendsCountTwoJobsAtOnce) {
  constexpr int kImages = 300;
  auto one = backend();
  auto two = backend();
  const std::array<std::string, 2> jobs{
      one.create(new_job(kImages, stores_->clock().now())).value().id,
      two.create(new_job(kImages, stores_->clock().now())).value().id};
  std::atomic<std::size_t> counted{0};
  {
    std::vector<std::jthread> threads;
    for (const auto backend : {&one, &two, &one, &two}) {
      threads.emplace_back([&, backend, order = threads.size()] {
        // Both report all outcomes, in batches that mix the jobs and overlap.
        for (int begin = 0; begin < kImages; begin += 20) {
          std::vector<ImageOutcome> batch;
          for (int i = 0; i < 30; ++i) {
            const int index = (begin + i + static_cast<int>(order) * 70) % kImages;
            for (const auto& job : jobs) batch.push_back(success(job, index));
          }
          const auto more = backend->record(batch, stores_->clock().now());
          ASSERT_TRUE(more) << more.error().message;
          counted += *more;
        }
      });
    }
  }
  EXPECT_EQ(counted, 2U * kImages);
  for (const auto& id : jobs) {
    const Job job = one.get(id).value();
    EXPECT_EQ(job.status, JobStatus::kCompleted);
    EXPECT_EQ(job.counts, (JobCounts{.total = kImages, .classified = kImages}));
    const auto records = two.records(id, 0, kImages).value();
    ASSERT_THAT(records, SizeIs(kImages));
    for (const auto& record : records) EXPECT_TRUE(record.outcome) << record.index;
  }
}

TEST_F(AwsTest, AnotherBackendTakesOverSendingWhenOneIsGone) {
  auto one = backend();
  auto two = backend();
  const std::string id = one.create(new_job(5, stores_->clock().now())).value().id;
  EXPECT_THAT(one.unsent(10, 2).value(), SizeIs(1));
  EXPECT_THAT(two.unsent(10, 2).value(), IsEmpty());
  stores_->clock().advance(aws::DynamoJobStoreOptions().lease + std::chrono::seconds(1));
  const auto taken = two.unsent(10, 2).value();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].job_id, id);
  EXPECT_THAT(one.unsent(10, 2).value(), IsEmpty());
}

TEST_F(AwsTest, JobsOfManySegmentsComeBackInOrder) {
  constexpr int kImages = 9'000;  // two blocks
  auto store = backend();
  NewJob job = new_job(kImages, stores_->clock().now());
  job.spec = std::make_shared<const JobSpec>(
      JobSpec{.type = JobType::kCustomClassification,
              .model = "m",
              .custom_labels = std::vector<std::string>(700, std::string(990, 'x'))});
  job.filenames[8'500] = "another name.jpg";
  ASSERT_TRUE(store.create(job));
  auto fresh = backend();  // has empty caches
  EXPECT_EQ(*fresh.get(job.id).value().spec, *job.spec);
  for (const auto& [from, limit] : {std::pair{0, kImages}, {8'150, 100}, {8'990, 100}}) {
    const auto records = fresh.records(job.id, from, static_cast<std::size_t>(limit)).value();
    ASSERT_THAT(records, SizeIs(std::min(limit, kImages - from)));
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto index = static_cast<std::size_t>(from) + i;
      ASSERT_EQ(records[i].s3_key, job.s3_keys[index]);
      ASSERT_EQ(records[i].filename, job.filenames[index]);
    }
  }
  std::size_t sent = 0;
  stores_->clock().advance(aws::DynamoJobStoreOptions().lease * 2);
  while (true) {
    const auto unsent = fresh.unsent(1, 1'000).value();
    if (unsent.empty()) break;
    sent += unsent[0].tasks.size();
    ASSERT_TRUE(fresh.mark_sent(unsent[0]));
    stores_->clock().advance(aws::DynamoJobStoreOptions().lease * 2);
  }
  EXPECT_EQ(sent, static_cast<std::size_t>(kImages));
}

TEST_F(AwsTest, JobsThatRunDoNotExpire) {
  constexpr auto kDay = std::chrono::hours(24);
  auto& clock = stores_->clock();
  aws::DynamoJobStore store(stores_->client(), stores_->table(), clock,
                            {.retention = std::chrono::days(1)});
  const auto accept = [&] { return store.create(new_job(40, clock.now())).value(); };
  const Job runs = accept();
  const Job waits = accept();
  const Job ended = accept();
  ASSERT_TRUE(store.mark_started(runs.id, clock.now()));
  ASSERT_TRUE(store.record(std::vector{success(runs.id, 3)}, clock.now()));
  ASSERT_TRUE(store.cancel(ended.id, clock.now()));
  const auto in_seconds = [](TimePoint time) { return to_ms(time) / 1'000; };
  // Of all items that belong to the job.
  const auto first_expiry = [&](const std::string& job) {
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (const auto& item : stores_->items()) {
      const std::string key =
          item.at("pk").at("S").get<std::string>() + item.at("sk").at("S").get<std::string>();
      if (!key.contains(job)) continue;
      first = std::min(first, aws::dynamo::number_of(item, "expires_at"));
    }
    return first;
  };
  clock.advance(std::chrono::hours(10));
  EXPECT_EQ(store.remove_expired(clock.now() - kDay, 10), 0U);
  EXPECT_LE(first_expiry(runs.id), in_seconds(runs.created_at + kDay)) << "it is early for that";
  clock.advance(std::chrono::hours(13));
  EXPECT_EQ(store.remove_expired(clock.now() - kDay, 10), 0U);
  for (const Job& job : {runs, waits}) {
    EXPECT_GE(first_expiry(job.id), in_seconds(clock.now() + kDay)) << to_string(job.status);
  }
  EXPECT_LE(first_expiry(ended.id), in_seconds(ended.created_at + kDay));
  const Job again = store.create(new_job(1, clock.now())).value();
  ASSERT_TRUE(store.cancel(again.id, clock.now()));
  clock.advance(std::chrono::hours(23));
  ASSERT_TRUE(store.retry(again.id, clock.now()));
  EXPECT_GE(first_expiry(again.id), in_seconds(clock.now() + kDay)) << "without another call";
  ASSERT_TRUE(store.cancel(again.id, clock.now()));
  // A day later the jobs that run are listed and counted, and the one that ended is not.
  clock.advance(2 * kDay);
  const auto page = store.list({}, 10, "").value();
  EXPECT_EQ(page.total, 2);
  EXPECT_THAT(page.jobs, SizeIs(2));
  const auto first = store.list({}, 1, "").value();
  ASSERT_TRUE(first.next_token);
  const auto second = store.list({}, 1, *first.next_token);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(second->jobs, SizeIs(1));
  // Its last outcomes do not expire before it.
  ASSERT_TRUE(store.record(std::vector{success(runs.id, 4)}, clock.now()));
  EXPECT_EQ(store.records(runs.id, 3, 2).value()[1].outcome.has_value(), true);
}

TEST_F(AwsTest, TotalsAreRightWhereverJobsAreCounted) {
  auto& clock = stores_->clock();
  auto store = backend();
  const auto total = [&](std::optional<JobStatus> status) {
    return store.list({.status = status, .type = {}}, 1, "").value().total;
  };
  // One in processing that an earlier version accepted, which counted all jobs of a day in one
  // item.
  const Job old = store.create(new_job(1, clock.now())).value();
  ASSERT_TRUE(store.mark_started(old.id, clock.now()));
  stores_->count_as_before(old, JobStatus::kProcessing);
  EXPECT_EQ(total({}), 1);
  EXPECT_EQ(total(JobStatus::kProcessing), 1);
  EXPECT_EQ(total(JobStatus::kQueued), 0);
  // And as many new ones as are counted together at least once.
  constexpr int kJobs = 70;
  std::vector<std::string> ids{old.id};
  for (int i = 0; i < kJobs; ++i) ids.push_back(store.create(new_job(1, clock.now()))->id);
  EXPECT_EQ(total(JobStatus::kQueued), kJobs);
  for (const auto& id : ids)
    ASSERT_EQ(store.record(std::vector{success(id, 0, 0, 0.1F)}, clock.now()), 1U);
  EXPECT_EQ(total({}), kJobs + 1);
  EXPECT_EQ(total(JobStatus::kCompleted), kJobs + 1);
  EXPECT_EQ(total(JobStatus::kQueued), 0);
  EXPECT_EQ(total(JobStatus::kProcessing), 0);
  std::ptrdiff_t single = 0;
  for (const auto& item : stores_->items())
    single += item.at("pk").at("S").get<std::string>().starts_with("T#") &&
              item.at("sk").at("S").get<std::string>().contains('#');
  EXPECT_LT(single, kJobs + 1) << "some were counted together";
  // A job that was counted with others can be retried and ended again.
  const Job failed = store.create(new_job(1, clock.now())).value();
  ASSERT_TRUE(store.cancel(failed.id, clock.now()));
  stores_->count_as_before(failed, JobStatus::kCancelled);
  ASSERT_TRUE(store.retry(failed.id, clock.now()));
  EXPECT_EQ(total(JobStatus::kCancelled), 0);
  EXPECT_EQ(total(JobStatus::kQueued), 1);
  ASSERT_TRUE(store.record(std::vector{success(failed.id, 0, 1)}, clock.now()));
  EXPECT_EQ(total(JobStatus::kCompleted), kJobs + 2);
  EXPECT_EQ(total({}), kJobs + 2);
}

TEST_F(AwsTest, DeadLettersAreListedForEveryReader) {
  constexpr int kLetters = 25;
  send_job(kLetters);
  for (int buried = 0; buried < kLetters;) {
    const auto received = stores_->queue().receive(10, std::chrono::seconds(1), {}).value();
    for (const auto& delivery : received) {
      ASSERT_TRUE(stores_->queue().bury(delivery.receipt, "it kills the worker"));
      ++buried;
    }
  }
  // One after the other, and at once: none hides letters from another.
  EXPECT_THAT(stores_->queue().dead_letters(100).value(), SizeIs(kLetters));
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back(
        [&] { EXPECT_THAT(stores_->queue().dead_letters(100).value(), SizeIs(kLetters)); });
  }
}

TEST_F(AwsTest, DeadLettersThatAreMovedBackAreKept) {
  auto& queue = stores_->queue();
  const Job job = send_job(1);
  const auto delivery = queue.receive(1, std::chrono::seconds(2), {}).value();
  ASSERT_THAT(delivery, SizeIs(1));
  ImageOutcome failed = success(job.id, 0);
  failed.result = Error{ErrorCode::kInternal, "it crashed"};
  ASSERT_TRUE(stores_->jobs().record({&failed, 1}, stores_->clock().now()));
  ASSERT_TRUE(queue.bury(delivery[0].receipt, "it kills the worker"));
  stores_->move_letters_back();
  EXPECT_THAT(queue.receive(10, std::chrono::seconds(2), {}).value(), IsEmpty());
  const auto letters = queue.dead_letters(10).value();
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0].reason, "it kills the worker");
  const auto depth = queue.depth().value();
  EXPECT_EQ(depth.visible + depth.in_flight, 0);
  // After a retry, which runs the image again, the letter is of no more use.
  ASSERT_TRUE(stores_->jobs().retry(job.id, stores_->clock().now()));
  stores_->move_letters_back();
  EXPECT_THAT(queue.receive(10, std::chrono::seconds(2), {}).value(), IsEmpty());
  EXPECT_THAT(queue.dead_letters(10).value(), IsEmpty());
}

TEST_F(AwsTest, StatusMessagesAreReceivedAsSent) {
  StatusQueue& queue = stores_->status_queue();
  ASSERT_TRUE(queue.started("job-1"));
  std::vector<ImageOutcome> outcomes;
  for (int i = 0; i < 100; ++i) outcomes.push_back(success(i % 2 == 0 ? "job-1" : "job-2", i));
  outcomes[3].result = Error{ErrorCode::kUndecodable, "the \"JPEG\" is truncated"};
  outcomes[3].output_key.clear();
  outcomes[4].warning = "the file ends early: the last 5 % of the picture is missing";
  ASSERT_TRUE(queue.report(outcomes));
  std::map<std::int64_t, ImageOutcome> received;
  std::size_t starts = 0;
  std::vector<std::string> receipts;
  for (int i = 0; i < 10 && received.size() < outcomes.size(); ++i) {
    auto messages = queue.receive(10, std::chrono::seconds(1), {}).value();
    for (auto& message : messages) {
      starts += message.outcomes.empty() ? 1 : 0;
      receipts.push_back(message.receipt);
      for (auto& outcome : message.outcomes) received[outcome.index] = std::move(outcome);
    }
  }
  EXPECT_EQ(starts, 1U);
  ASSERT_THAT(received, SizeIs(100));
  for (const auto& outcome : outcomes) {
    const ImageOutcome& same = received.at(outcome.index);
    EXPECT_EQ(same.job_id, outcome.job_id);
    EXPECT_EQ(same.result, outcome.result);
    EXPECT_EQ(same.output_key, outcome.output_key);
    EXPECT_EQ(same.warning, outcome.warning);
  }
  ASSERT_TRUE(queue.remove(receipts));
  EXPECT_THAT(queue.receive(10, std::chrono::milliseconds(0), {}).value(), IsEmpty());
}

TEST_F(AwsTest, MessagesNameWhatIsMissing) {
  const SystemClock clock;
  auto& client = stores_->client();
  const auto table = aws::DynamoJobStore(client, "no-such-table", clock).ping();
  EXPECT_THAT(table.error().message,
              AllOf(HasSubstr("no-such-table"), HasSubstr("DYNAMODB_TABLE")));
  EXPECT_EQ(table.error().code, ErrorCode::kNotFound) << "it stops the start";
  const auto job = aws::DynamoJobStore(client, "no-such-table", clock).get("job");
  EXPECT_EQ(job.error(), (Error{ErrorCode::kUnavailable, table.error().message}))
      << "there may be such a job";
  const auto bucket =
      aws::S3ObjectStore(client, clock, "no-such-bucket", "no-such-bucket-either").ping();
  EXPECT_THAT(bucket.error().message,
              AllOf(HasSubstr("no-such-bucket"), HasSubstr("INPUT_BUCKET")));
  aws::SqsStatusQueue queue({client, client}, "http://127.0.0.1:1/123456789012/no-such-queue",
                            std::chrono::seconds(30));
  EXPECT_THAT(queue.ping().error().message,
              AllOf(HasSubstr("no-such-queue"), HasSubstr("STATUS_QUEUE_URL")));
}

TEST_F(AwsTest, WrongSecretIsReported) {
  AwsStores::Servers servers = AwsStores::strict();
  servers.secret = "wrong";
  const SystemClock clock;
  const auto client = AwsStores::make_client(servers, clock);
  aws::S3ObjectStore objects(*client, clock, stores_->input_bucket(), "b");
  EXPECT_FALSE(objects.ping().error().transient()) << "it stops the start";
  const auto answer = objects.list(Bucket::kInput, "", "", 1);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable) << "nobody who asks can help it";
  EXPECT_THAT(answer.error().message,
              AllOf(HasSubstr("SignatureDoesNotMatch"), HasSubstr("AWS_SECRET_ACCESS_KEY")));
}

TEST_F(AwsTest, ClockTenMinutesOffIsCorrected) {
  for (const auto off : {std::chrono::minutes(-20), std::chrono::minutes(20)}) {
    const SkewedClock clock(off);
    const auto client = AwsStores::make_client(AwsStores::strict(), clock);
    aws::S3ObjectStore objects(*client, clock, stores_->input_bucket(), "b");
    const auto answer = objects.list(Bucket::kInput, "", "", 1);
    EXPECT_TRUE(answer) << answer.error().message;
  }
}

TEST_F(AwsTest, PresignedUploadAcceptsOnlyItsContentType) {
  stores_->put_object("uploads/there.jpg", "x");
  const auto url = stores_->objects().upload_url(
      "uploads/ü 1.jpg", "image/jpeg", stores_->clock().now() + std::chrono::hours(1), "");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(AwsStores::put(url->url, "image/png", "bytes"), 403);
  EXPECT_EQ(AwsStores::put(url->url, "image/jpeg", "bytes"), 200);
  EXPECT_EQ(stores_->objects().head(Bucket::kInput, "uploads/ü 1.jpg").value().size, 5U);
  // As the client wrote it, since that is what it sends.
  const std::string type = "Image/JPEG; charset=x";
  const auto written = stores_->objects().upload_url(
      "uploads/2.jpg", type, stores_->clock().now() + std::chrono::hours(1), "");
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(AwsStores::put(written->url, "image/jpeg", "bytes"), 403);
  EXPECT_EQ(AwsStores::put(written->url, type, "bytes"), 200);
}

// What workers report in the simulation below.
struct Report {
  std::string job;
  int index = -1;  // -1: the job was started
  std::chrono::steady_clock::time_point due;
};

class Reports {
 public:
  void put(Report report) {
    const std::scoped_lock lock(mutex_);
    reports_.push_back(std::move(report));
  }
  std::optional<Report> take() {
    const std::scoped_lock lock(mutex_);
    if (reports_.empty() || reports_.front().due > std::chrono::steady_clock::now())
      return std::nullopt;
    Report first = std::move(reports_.front());
    reports_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::deque<Report> reports_;
};

int setting(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// Many backends accept, send, start and finish small jobs. The variables make it longer and slower:
// docs/aws.md has the results of such runs.
TEST(AwsConflicts, SmallJobsDoNotConflict) {
  using std::chrono::milliseconds;
  const auto servers = AwsStores::with_conflicts();
  if (const std::string reason = AwsStores::missing(servers); !reason.empty())
    GTEST_SKIP() << reason;
  const int jobs = setting("SMALL_JOBS", 64);
  const int images = setting("SMALL_JOB_IMAGES", 3);
  const int backends = setting("SMALL_JOBS_BACKENDS", 8);
  const milliseconds between(setting("SMALL_JOBS_EVERY_MS", 0));
  const milliseconds transaction(setting("TRANSACTION_MS", 20));
  AwsStores stores(servers);
  AwsStores::exchange(servers.dynamodb + "/seconds",
                      std::to_string(std::chrono::duration<double>(transaction).count()));
  Reports reports;
  std::atomic<int> accepted{0};
  std::atomic<int> done{0};  // images
  std::atomic<int> again{0};
  const auto begin = std::chrono::steady_clock::now();
  const auto accept = [&](aws::DynamoJobStore& store) {
    for (int n = accepted++; n < jobs; n = accepted++) {
      std::this_thread::sleep_until(begin + n * between);
      const NewJob job = new_job(images, stores.clock().now());
      while (!store.create(job)) ++again;
    }
  };
  const auto dispatch = [&](aws::DynamoJobStore& store) {
    while (done < jobs * images) {
      const auto unsent = store.unsent(16, 1'000);
      if (!unsent) ++again;
      if (!unsent || unsent->empty()) {
        std::this_thread::sleep_for(transaction);
        continue;
      }
      for (const auto& sent : *unsent) {
        // Each image is done by another worker. Two transactions' time is less than a message of
        // each queue takes.
        const auto now = std::chrono::steady_clock::now();
        for (const auto& task : sent.tasks)
          reports.put({.job = task.job_id, .index = -1, .due = now + 2 * transaction});
        for (const auto& task : sent.tasks) {
          reports.put({.job = task.job_id,
                       .index = static_cast<int>(task.index),
                       .due = now + 2 * transaction});
        }
        if (!store.mark_sent(sent)) ++again;
      }
    }
  };
  const auto consume = [&](aws::DynamoJobStore& store) {
    while (done < jobs * images) {
      const auto report = reports.take();
      if (!report) {
        std::this_thread::sleep_for(milliseconds(5));
      } else if (report->index < 0) {
        if (!store.mark_started(report->job, stores.clock().now())) ++again;
      } else {
        const ImageOutcome outcome = success(report->job, report->index);
        while (!store.record({&outcome, 1}, stores.clock().now())) ++again;
        ++done;
      }
    }
  };
  {
    std::vector<std::unique_ptr<aws::DynamoJobStore>> each;
    std::vector<std::jthread> threads;
    for (int i = 0; i < backends; ++i) {
      each.push_back(
          std::make_unique<aws::DynamoJobStore>(stores.client(), stores.table(), stores.clock()));
      aws::DynamoJobStore& store = *each.back();
      threads.emplace_back(accept, std::ref(store));
      threads.emplace_back(dispatch, std::ref(store));
      threads.emplace_back(consume, std::ref(store));
      threads.emplace_back(consume, std::ref(store));
    }
    threads.clear();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto told = nlohmann::json::parse(AwsStores::exchange(servers.dynamodb + "/conflicts", ""));
  std::cout << jobs << " jobs in " << took.count() << " s, " << again
            << " calls failed: " << told.dump() << std::endl;
  EXPECT_EQ(stores.jobs().list({.status = JobStatus::kCompleted, .type = {}}, 10, "")->total, jobs);
  for (const auto& [kind, count] : told.at("conflicts").items()) {
    // A job's own items may be changed by two backends at once, but no item of several jobs.
    EXPECT_FALSE(kind.starts_with("T#")) << kind << ": " << count;
  }
}

// Few are in their items; many are in an object, which a lifecycle rule may remove too early.
TEST_F(AwsTest, WhatWasSeenIsSeenAgainWhereItsObjectIsGone) {
  aws::dynamo::Table table(stores_->client(), stores_->table());
  const auto item_of = [&](const std::string& sha256) {
    return table.query({"CONTENT#" + sha256, "SEEN#", "SEEN#~"}).value().at(0);
  };
  const auto images_of = [](const std::string& name, std::size_t count) {
    std::vector<Remembered> images(count);
    for (std::size_t i = 0; i < count; ++i) {
      images[i].sha256 = sha256_hex(name + std::to_string(i));
      images[i].seen.vector.assign(i, 0.5F);  // also of no length
      images[i].seen.warning = std::string(i, '\0');
    }
    return images;
  };
  EmbeddingStore& store = *stores_->embeddings();
  const auto few = images_of("few", aws::AwsEmbeddings::kFewestInShard - 1);
  const auto many = images_of("many", aws::AwsEmbeddings::kFewestInShard);
  ASSERT_TRUE(store.put("model", few));
  ASSERT_TRUE(store.put("model", many));
  const auto expires =
      std::chrono::floor<std::chrono::seconds>(stores_->clock().now()) + std::chrono::days(90);
  for (const auto& [sha256, seen] : few) {
    EXPECT_FALSE(aws::dynamo::has(item_of(sha256), "shard"));
    EXPECT_EQ(store.get("model", {&sha256, 1}).value().front(), seen);
    EXPECT_EQ(aws::dynamo::number_of(item_of(sha256), "expires_at"),
              expires.time_since_epoch().count());
  }
  std::vector<std::string> contents;
  std::set<std::string> shards;
  for (const auto& [sha256, seen] : many) {
    contents.push_back(sha256);
    EXPECT_FALSE(aws::dynamo::has(item_of(sha256), "seen"));
    shards.insert(aws::dynamo::text_of(item_of(sha256), "shard"));
    EXPECT_EQ(aws::dynamo::number_of(item_of(sha256), "expires_at"),
              expires.time_since_epoch().count());
  }
  ASSERT_THAT(shards, SizeIs(1));
  ASSERT_TRUE(stores_->objects().remove(Bucket::kOutput, *shards.begin()));
  EXPECT_THAT(store.get("model", contents).value(), Each(std::nullopt));
  EXPECT_THAT(store.has("model", contents).value(), Each(false));
  ASSERT_TRUE(store.put("model", many));
  const auto again = store.get("model", contents).value();
  for (std::size_t i = 0; i < many.size(); ++i) EXPECT_EQ(again[i], many[i].seen) << i;
}

TEST(SegmentsTest, EveryImageHasADistinctPosition) {
  for (const std::int64_t total : {1, 511, 512, 513, 8'191, 8'192, 8'193, 20'000}) {
    const aws::Segments segments(total);
    std::set<std::pair<std::int64_t, std::int64_t>> places;
    std::map<std::int64_t, std::int64_t> next;
    for (std::int64_t i = 0; i < total; ++i) {
      const std::int64_t segment = segments.segment_of(i);
      EXPECT_EQ(segments.position_of(i), next[segment]++) << i << " of " << total;
      EXPECT_TRUE(places.emplace(segment, segments.position_of(i)).second);
    }
    for (const auto& [segment, images] : next) EXPECT_LE(images, aws::Segments::kStripeImages);
  }
}

}  // namespace
}  // namespace classifier::testing
