// The costs of accounting: SQLite in batches, JSON, results, and AWS's signatures.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/aws/client/sigv4.hpp"
#include "adapters/codec/outcome_json.hpp"
#include "contract/embedded_stores.hpp"
#include "services/result_format.hpp"

namespace classifier {
namespace {

using testing::EmbeddedStores;

constexpr std::size_t kBatch = 64;  // the worker's

template <class T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

NewJob new_job(const std::string& id, std::size_t images) {
  NewJob job;
  job.id = id;
  JobSpec spec;
  spec.model = "bench";
  job.spec = std::make_shared<const JobSpec>(std::move(spec));
  for (std::size_t i = 0; i < images; ++i) {
    job.s3_keys.push_back("uploads/photo_20260101-000000_" + std::to_string(10'000'000 + i) +
                          ".jpg");
    job.filenames.push_back("photo_" + std::to_string(i) + ".jpg");
  }
  return job;
}

ImageOutcome outcome(const std::string& job, std::int64_t index) {
  return {.job_id = job,
          .index = index,
          .generation = 0,
          .result = Predictions{{"Egyptian cat", 0.8F},
                                {"tabby", 0.1F},
                                {"tiger cat", 0.05F},
                                {"lynx", 0.03F},
                                {"Persian cat", 0.02F}},
          .output_key = job + "/Egyptian_cat/photo_" + std::to_string(index) + ".jpg",
          .processing_time_ms = 4.2};
}

void count(benchmark::State& state, std::size_t items) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * items));
}

void accept_job(benchmark::State& state) {
  EmbeddedStores stores;
  const auto images = static_cast<std::size_t>(state.range(0));
  std::size_t number = 0;
  for (auto _ : state) value(stores.jobs().create(new_job(std::to_string(++number), images)));
  count(state, images);
}
BENCHMARK(accept_job)->Arg(1)->Arg(1'000)->Arg(100'000)->UseRealTime();

// An image that no job has; `range` is images in each job, of a million rows.
void look_for_an_image(benchmark::State& state) {
  EmbeddedStores stores;
  constexpr std::size_t kImages = 1'000'000;
  const auto images = static_cast<std::size_t>(state.range(0));
  for (std::size_t job = 0; job < kImages / images; ++job)
    value(stores.jobs().create(new_job(std::to_string(job), images)));
  for (auto _ : state) value(stores.jobs().records_of_image("uploads/none.jpg", 100, ""));
}
BENCHMARK(look_for_an_image)->Arg(100)->Arg(10'000)->Arg(1'000'000)->UseRealTime();

void send_receive_remove(benchmark::State& state) {
  EmbeddedStores stores;
  const Job job = value(stores.jobs().create(new_job("job", kBatch)));
  std::vector<ImageTask> tasks;
  for (std::size_t i = 0; i < kBatch; ++i) {
    ImageTask task;
    task.job_id = job.id;
    task.spec = job.spec;
    task.index = static_cast<std::int64_t>(i);
    tasks.push_back(std::move(task));
  }
  for (auto _ : state) {
    value(stores.queue().send(tasks));
    std::vector<std::string> receipts;
    while (receipts.size() < kBatch) {
      for (auto& delivery : value(stores.queue().receive(kBatch, std::chrono::milliseconds(0), {})))
        receipts.push_back(std::move(delivery.receipt));
    }
    value(stores.queue().remove(receipts));
  }
  count(state, kBatch);
}
BENCHMARK(send_receive_remove)->UseRealTime();

// Batches of 1 show the cost of a commit for each image.
void record_outcomes(benchmark::State& state) {
  EmbeddedStores stores;
  constexpr std::size_t kImages = 100'000;
  const auto batch = static_cast<std::size_t>(state.range(0));
  std::size_t jobs = 0;
  std::size_t next = kImages;
  std::string id;
  for (auto _ : state) {
    state.PauseTiming();
    if (next + batch > kImages) {
      id = std::to_string(++jobs);
      value(stores.jobs().create(new_job(id, kImages)));
      next = 0;
    }
    std::vector<ImageOutcome> outcomes;
    for (std::size_t i = 0; i < batch; ++i)
      outcomes.push_back(outcome(id, static_cast<std::int64_t>(next++)));
    state.ResumeTiming();
    value(stores.jobs().record(outcomes, stores.clock().now()));
  }
  count(state, batch);
}
BENCHMARK(record_outcomes)->Arg(1)->Arg(64)->UseRealTime();

void outcome_as_json(benchmark::State& state) {
  const ImageOutcome image = outcome("01a21183-09c5-7310-a703-b43de1debbc3", 7);
  for (auto _ : state) {
    const std::string text = outcome_to_json(image).dump();
    benchmark::DoNotOptimize(value(outcome_from_json(nlohmann::json::parse(text), image.job_id)));
  }
  count(state, 1);
}
BENCHMARK(outcome_as_json);

template <class Make>
void write_result(benchmark::State& state, Make make) {
  Job job;
  job.id = "01a21183-09c5-7310-a703-b43de1debbc3";
  job.spec = new_job("", 0).spec;
  constexpr std::int64_t kImages = 1'000;
  job.counts = {.total = kImages, .classified = kImages};
  job.status = JobStatus::kCompleted;
  const RecordSource records = [&](std::int64_t from, std::size_t limit) {
    std::vector<ImageRecord> page;
    for (std::int64_t i = from; i < kImages && page.size() < limit; ++i)
      page.push_back({.index = i,
                      .s3_key = "uploads/" + std::to_string(i) + ".jpg",
                      .filename = std::to_string(i) + ".jpg",
                      .name = {},
                      .outcome = outcome(job.id, i)});
    return Result<std::vector<ImageRecord>>(std::move(page));
  };
  for (auto _ : state) {
    const auto writer = make(job, records);
    while (const auto piece = value(writer->next())) benchmark::DoNotOptimize(piece->size());
  }
  count(state, kImages);
}

void result_as_json(benchmark::State& state) {
  write_result(state, [](const Job& job, const RecordSource& records) {
    ResultOptions options;
    options.output_bucket = "output";
    return json_result(job, records, options);
  });
}
BENCHMARK(result_as_json);

void result_as_csv(benchmark::State& state) {
  write_result(
      state, [](const Job& job, const RecordSource& records) { return csv_result(job, records); });
}
BENCHMARK(result_as_csv);

void sign_request(benchmark::State& state) {
  const aws::SignableRequest request{.method = "POST",
                                     .host = "sqs.eu-central-1.amazonaws.com",
                                     .path = "/",
                                     .query = {},
                                     .headers = {{"Content-Type", "application/x-amz-json-1.0"},
                                                 {"X-Amz-Target", "AmazonSQS.ReceiveMessage"}}};
  aws::SigningKey key;
  key.credentials.access_key_id = "AKIDEXAMPLE";
  key.credentials.secret_access_key = "an example and no secret";
  key.region = "eu-central-1";
  key.service = "sqs";
  const std::string hash(64, '0');
  for (auto _ : state) benchmark::DoNotOptimize(aws::sign_headers(request, hash, key, TimePoint{}));
  count(state, 1);
}
BENCHMARK(sign_request);

}  // namespace
}  // namespace classifier

BENCHMARK_MAIN();
