#include "apps/stores.hpp"

#include <optional>
#include <utility>

#include "adapters/aws/dynamo_job_store.hpp"
#include "adapters/aws/s3_object_store.hpp"
#include "adapters/aws/sqs_status_queue.hpp"
#include "adapters/aws/sqs_work_queue.hpp"
#include "adapters/embedded/process_lock.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "adapters/embedded/sqlite_job_store.hpp"
#include "adapters/embedded/sqlite_work_queue.hpp"

namespace classifier {
namespace {

class EmbeddedStores final : public Stores {
 public:
  static Result<std::unique_ptr<Stores>> open(const Config& config, const Clock& clock) {
    auto stores = std::make_unique<EmbeddedStores>();
    auto process = ProcessLock::acquire(config.data_dir / "processes");
    if (!process) return std::unexpected(process.error());
    stores->process_ = std::make_unique<ProcessLock>(std::move(*process));
    auto database = SqliteDatabase::open(config.data_dir / "jobs.sqlite");
    if (!database) return std::unexpected(database.error());
    stores->database_ = std::move(*database);
    auto urls = UploadUrls::open(config.data_dir / "upload-secret");
    if (!urls) return std::unexpected(urls.error());
    auto objects = FileObjectStore::open(config.data_dir / "objects", config.input_bucket,
                                         config.output_bucket, std::move(*urls));
    if (!objects) return std::unexpected(objects.error());
    stores->objects_ = std::move(*objects);
    stores->jobs_ = std::make_unique<SqliteJobStore>(*stores->database_, stores->specs_);
    stores->queue_ = std::make_unique<SqliteWorkQueue>(
        *stores->database_, stores->specs_, clock, *stores->process_, config.visibility_timeout);
    return stores;
  }

  JobStore& jobs() override { return *jobs_; }
  WorkQueue& queue() override { return *queue_; }
  ObjectStore& objects() override { return *objects_; }
  FileObjectStore* uploads() override { return objects_.get(); }

 private:
  SpecCache specs_;
  std::unique_ptr<ProcessLock> process_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<FileObjectStore> objects_;
  std::unique_ptr<SqliteJobStore> jobs_;
  std::unique_ptr<SqliteWorkQueue> queue_;
};

// Variables of the configuration, which may have come as flags, before those of the environment.
aws::Environment environment_of(const Config& config) {
  return [region = config.aws_region, endpoint = config.aws_endpoint_url,
          process = aws::process_environment()](
             const std::string& variable) -> std::optional<std::string> {
    if (variable == "AWS_REGION" && !region.empty()) return region;
    if (variable == "AWS_ENDPOINT_URL" && !endpoint.empty()) return endpoint;
    return process(variable);
  };
}

class AwsStores final : public Stores {
 public:
  static Result<std::unique_ptr<Stores>> open(const Config& config, const Clock& clock,
                                              aws::AwsObserver& observer) {
    const auto environment = environment_of(config);
    aws::AwsClientOptions options;
    options.max_response_bytes = std::max(options.max_response_bytes, config.max_image_bytes);
    auto client = aws::make_aws_client(clock, options, &observer, environment);
    if (!client) return std::unexpected(client.error());
    // Waiting for messages has clients of its own, so that it can be ended alone.
    auto work = aws::make_aws_client(clock, options, &observer, environment);
    if (!work) return std::unexpected(work.error());
    auto status = aws::make_aws_client(clock, options, &observer, environment);
    if (!status) return std::unexpected(status.error());
    return std::make_unique<AwsStores>(
        config, clock, Clients{std::move(*client), std::move(*work), std::move(*status)});
  }

  struct Clients {
    std::unique_ptr<aws::AwsClient> calls;
    std::unique_ptr<aws::AwsClient> wait_for_work;
    std::unique_ptr<aws::AwsClient> wait_for_status;
  };

  AwsStores(const Config& config, const Clock& clock, Clients clients)
      : clients_(std::move(clients)),
        objects_(*clients_.calls, clock, config.input_bucket, config.output_bucket),
        jobs_(*clients_.calls, config.dynamodb_table, clock,
              {.retention = std::chrono::days(config.job_retention_days)}),
        queue_(
            {*clients_.calls, *clients_.wait_for_work}, config.request_queue_url,
            config.input_bucket, [this](const std::string& job_id) { return jobs_.spec(job_id); },
            clock, config.visibility_timeout),
        status_queue_({*clients_.calls, *clients_.wait_for_status}, config.status_queue_url,
                      config.visibility_timeout) {}

  JobStore& jobs() override { return jobs_; }
  WorkQueue& queue() override { return queue_; }
  ObjectStore& objects() override { return objects_; }
  StatusQueue* status_queue() override { return &status_queue_; }

 private:
  Clients clients_;
  aws::S3ObjectStore objects_;
  aws::DynamoJobStore jobs_;
  aws::SqsWorkQueue queue_;
  aws::SqsStatusQueue status_queue_;
};

}  // namespace

Result<std::unique_ptr<Stores>> open_stores(const Config& config, const Clock& clock,
                                            aws::AwsObserver& observer) {
  return on_aws(config) ? AwsStores::open(config, clock, observer)
                        : EmbeddedStores::open(config, clock);
}

Result<void> stores_answer(Stores& stores) {
  if (auto answer = stores.jobs().ping(); !answer) return answer;
  if (auto answer = stores.objects().ping(); !answer) return answer;
  if (auto answer = stores.queue().ping(); !answer) return answer;
  return stores.status_queue() == nullptr ? Result<void>() : stores.status_queue()->ping();
}

}  // namespace classifier
