// Stores on AWS: S3, SQS and DynamoDB.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapters/aws/client/aws_client.hpp"
#include "adapters/aws/dynamodb/dynamo_image_names.hpp"
#include "adapters/aws/dynamodb/dynamo_job_store.hpp"
#include "adapters/aws/dynamodb/dynamo_label_sets.hpp"
#include "adapters/aws/dynamodb/dynamo_trash.hpp"
#include "adapters/aws/memory/aws_content_hashes.hpp"
#include "adapters/aws/memory/aws_embeddings.hpp"
#include "adapters/aws/s3/s3_object_store.hpp"
#include "adapters/aws/sqs/sqs_status_queue.hpp"
#include "adapters/aws/sqs/sqs_work_queue.hpp"
#include "apps/stores.hpp"
#include "services/worker.hpp"

namespace classifier {
namespace {

// The maximum of SQS, for few requests while the queue is empty.
constexpr std::chrono::seconds kLongPoll{20};
// Outcomes within this time share a message and a transaction.
constexpr std::chrono::milliseconds kReportLinger{200};
// What models saw within this time shares objects of S3, whose PUT is the dearest of all calls.
constexpr std::chrono::seconds kGatherTime{10};

// The configuration, which may come from flags, overrides the environment.
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
                                              CallObserver& observer) {
    const auto environment = environment_of(config);
    aws::AwsClientOptions options;
    options.max_response_bytes = std::max(options.max_response_bytes, config.max_image_bytes);
    options.retry_budgets = std::make_shared<aws::RetryBudgets>(options.retry_budget);
    auto client = aws::make_aws_client(clock, options, &observer, environment);
    if (!client) return std::unexpected(client.error());
    // Receiving messages uses separate clients, so that it can be stopped on its own.
    auto work = aws::make_aws_client(clock, options, &observer, environment);
    if (!work) return std::unexpected(work.error());
    auto status = aws::make_aws_client(clock, options, &observer, environment);
    if (!status) return std::unexpected(status.error());
    std::unique_ptr<Stores> stores = std::make_unique<AwsStores>(
        config, clock, Clients{std::move(*client), std::move(*work), std::move(*status)});
    // Reports wrong names and missing credentials at the start.
    if (auto answer = stores_answer(*stores); !answer) {
      if (!answer.error().transient()) return std::unexpected(answer.error());
      spdlog::warn("AWS does not respond at the moment: {}", answer.error().message);
    }
    return stores;
  }

  struct Clients {
    std::unique_ptr<aws::AwsClient> calls;
    std::unique_ptr<aws::AwsClient> wait_for_work;
    std::unique_ptr<aws::AwsClient> wait_for_status;
  };

  AwsStores(const Config& config, const Clock& clock, Clients clients)
      : transfer_threads_(config.transfer_threads),
        clients_(std::move(clients)),
        all_objects_(*clients_.calls, clock, config.input_bucket, config.output_bucket),
        trash_(*clients_.calls, config.dynamodb_table, all_objects_, clock),
        objects_(all_objects_, trash_),
        jobs_(*clients_.calls, config.dynamodb_table, clock,
              {.retention = std::chrono::days(config.job_retention_days)}),
        names_(*clients_.calls, config.dynamodb_table),
        label_sets_(*clients_.calls, config.dynamodb_table),
        queue_(
            {*clients_.calls, *clients_.wait_for_work}, config.request_queue_url,
            config.input_bucket, [this](const std::string& job_id) { return jobs_.get(job_id); },
            clock, config.visibility_timeout),
        status_queue_({*clients_.calls, *clients_.wait_for_status}, config.status_queue_url,
                      config.visibility_timeout) {
    if (config.remember != "on") return;
    embeddings_.emplace(*clients_.calls, config.dynamodb_table, config.output_bucket, clock);
    hashes_.emplace(*clients_.calls, config.dynamodb_table, all_objects_, clock);
  }

  JobStore& jobs() override { return jobs_; }
  WorkQueue& queue() override { return queue_; }
  ObjectStore& objects() override { return objects_; }
  ImageNames& image_names() override { return names_; }
  LabelSets& label_sets() override { return label_sets_; }
  Trash& trash() override { return trash_; }
  StatusQueue* status_queue() override { return &status_queue_; }
  EmbeddingStore* embeddings() override { return embeddings_ ? &*embeddings_ : nullptr; }
  ContentHashes* content_hashes() override { return hashes_ ? &*hashes_ : nullptr; }
  std::chrono::milliseconds gather_time() const override { return kGatherTime; }

  // Transfers wait for the network: many images at once, few requests.
  void adapt(WorkerOptions& options) const override {
    const std::size_t workers = options.pipeline.classify_threads;
    options.pipeline.fetch_threads = transfer_threads_;
    options.pipeline.queue_capacity = 2 * transfer_threads_;
    options.copy_threads = transfer_threads_;
    options.max_in_hand = std::max<std::size_t>(256, 64 * workers);
    options.receive_wait = kLongPoll;
    options.report_linger = kReportLinger;
  }
  void stop_calls() override {
    for (const auto& client : {&clients_.calls, &clients_.wait_for_work, &clients_.wait_for_status})
      (*client)->stop();
  }
  bool reads_jobs_at_once() const override { return false; }

 private:
  std::size_t transfer_threads_;
  Clients clients_;
  aws::S3ObjectStore all_objects_;
  aws::DynamoTrash trash_;
  aws::StoreWithoutTrash objects_;
  aws::DynamoJobStore jobs_;
  aws::DynamoImageNames names_;
  aws::DynamoLabelSets label_sets_;
  aws::SqsWorkQueue queue_;
  aws::SqsStatusQueue status_queue_;
  // Without a value: nothing is remembered.
  std::optional<aws::AwsEmbeddings> embeddings_;
  std::optional<aws::AwsContentHashes> hashes_;
};

}  // namespace

Result<std::unique_ptr<Stores>> open_aws_stores(const Config& config, const Clock& clock,
                                                CallObserver& observer) {
  return AwsStores::open(config, clock, observer);
}

}  // namespace classifier
