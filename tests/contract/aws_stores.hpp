// The AWS adapters on servers at the addresses in environment variables: TEST_AWS_ENDPOINT (all
// services), TEST_S3_ENDPOINT with TEST_S3_KEY and TEST_S3_SECRET, TEST_DYNAMODB_ENDPOINT.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "adapters/aws/client/aws_client.hpp"
#include "adapters/aws/client/json_request.hpp"
#include "adapters/aws/dynamodb/dynamo_image_names.hpp"
#include "adapters/aws/dynamodb/dynamo_job_store.hpp"
#include "adapters/aws/dynamodb/dynamo_label_sets.hpp"
#include "adapters/aws/dynamodb/dynamo_trash.hpp"
#include "adapters/aws/memory/aws_content_hashes.hpp"
#include "adapters/aws/memory/aws_embeddings.hpp"
#include "adapters/aws/s3/s3_object_store.hpp"
#include "adapters/aws/sqs/sqs_status_queue.hpp"
#include "adapters/aws/sqs/sqs_work_queue.hpp"
#include "contract/stores.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier::testing {

class AwsStores final : public Stores {
 public:
  struct Servers {
    std::string sqs;
    std::string s3;
    std::string dynamodb;
    std::string key = "test";
    std::string secret = "test";
  };

  static Servers emulator() {
    const std::string all = variable("TEST_AWS_ENDPOINT");
    return {.sqs = all, .s3 = all, .dynamodb = all};
  }
  static Servers strict() {
    return {.sqs = variable("TEST_AWS_ENDPOINT"),
            .s3 = variable("TEST_S3_ENDPOINT"),
            .dynamodb = variable("TEST_DYNAMODB_ENDPOINT"),
            .key = variable("TEST_S3_KEY"),
            .secret = variable("TEST_S3_SECRET")};
  }
  // strict(), with a DynamoDB that refuses overlapping writes.
  static Servers with_conflicts() {
    Servers servers = strict();
    servers.dynamodb = variable("TEST_CONFLICTS_ENDPOINT");
    return servers;
  }
  // Why these stores are not available here; empty where they are.
  static std::string missing(const Servers& servers) {
    if (!servers.sqs.empty() && !servers.s3.empty() && !servers.dynamodb.empty()) return {};
    return "the servers do not run: TEST_AWS_ENDPOINT, TEST_S3_ENDPOINT or "
           "TEST_DYNAMODB_ENDPOINT is not set (tests/aws_servers.py starts them)";
  }

  explicit AwsStores(const Servers& servers) : servers_(servers) {
    make_bucket(input_);
    make_bucket(output_);
    dead_ = make_queue("dead-" + name_, {});
    const std::string arn =
        sqs("GetQueueAttributes", {{"QueueUrl", dead_}, {"AttributeNames", {"QueueArn"}}})
            .at("Attributes")
            .at("QueueArn");
    const auto redrive = [&](const char* receives) -> nlohmann::json {
      return {{"RedrivePolicy",
               nlohmann::json{{"deadLetterTargetArn", arn}, {"maxReceiveCount", receives}}.dump()}};
    };
    requests_ = make_queue("requests-" + name_, redrive("10"));
    status_ = make_queue("status-" + name_, redrive("1000"));
    make_table();
    open();
    // Messages have the server's time.
    clock_.advance(real_clock_.now() - clock_.now());
  }

  ImageNames& names() override { return *names_; }
  LabelSets& label_sets() override { return *label_sets_; }
  Trash& trash() override { return *trash_; }
  EmbeddingStore* embeddings() override { return &*embeddings_; }
  ContentHashes* content_hashes() override { return &*hashes_; }
  JobStore& jobs() override { return *jobs_; }
  WorkQueue& queue() override { return *queue_; }
  ObjectStore& objects() override { return *objects_; }
  ManualClock& clock() override { return clock_; }
  StatusQueue& status_queue() { return *status_queue_; }
  aws::AwsClient& client() { return *client_; }
  const std::string& table() const { return name_; }
  const std::string& input_bucket() const { return input_; }

  // `clock` must outlive the client.
  static std::unique_ptr<aws::AwsClient> make_client(const Servers& servers, const Clock& clock) {
    const aws::Environment environment =
        [servers](const std::string& name) -> std::optional<std::string> {
      if (name == "AWS_REGION") return "us-east-1";
      if (name == "AWS_ACCESS_KEY_ID") return servers.key;
      if (name == "AWS_SECRET_ACCESS_KEY") return servers.secret;
      if (name == "AWS_ENDPOINT_URL") return servers.sqs;
      if (name == "AWS_ENDPOINT_URL_S3") return servers.s3;
      if (name == "AWS_ENDPOINT_URL_DYNAMODB") return servers.dynamodb;
      return std::nullopt;
    };
    auto client = aws::make_aws_client(clock, {}, nullptr, environment);
    if (!client) throw std::runtime_error(client.error().message);
    return std::move(*client);
  }

  // Makes a plain HTTP request, a POST if there is a body; returns the answer's body.
  static std::string exchange(const std::string& url, const std::string& body) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    std::string answer;
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    if (!body.empty()) curl_easy_setopt(curl.get(), CURLOPT_COPYPOSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(
        curl.get(), CURLOPT_WRITEFUNCTION,
        +[](char* bytes, std::size_t size, std::size_t count, std::string* to) {
          to->append(bytes, size * count);
          return size * count;
        });
    curl_easy_perform(curl.get());
    return answer;
  }

  // Makes a plain HTTP PUT; returns its status, 0 without an answer.
  static long put(const std::string& url, const std::string& content_type,
                  const std::string& content) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
        curl_slist_append(nullptr, ("Content-Type: " + content_type).c_str()),
        &curl_slist_free_all);
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(content.size()));
    curl_easy_setopt(curl.get(), CURLOPT_COPYPOSTFIELDS, content.c_str());
    curl_easy_setopt(
        curl.get(), CURLOPT_WRITEFUNCTION,
        +[](char*, std::size_t size, std::size_t count, void*) { return size * count; });
    long status = 0;
    if (curl_easy_perform(curl.get()) == CURLE_OK)
      curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  void put_object(const std::string& key, const std::string& content) override {
    s3_put("PutObject", input_, "/" + percent_encode(key, true), content);
  }

  // Moves all dead letters to the request queue, as an operator may.
  void move_letters_back() {
    while (true) {
      const auto answer =
          sqs("ReceiveMessage",
              {{"QueueUrl", dead_}, {"MaxNumberOfMessages", 10}, {"WaitTimeSeconds", 1}});
      if (!answer.contains("Messages") || answer.at("Messages").empty()) return;
      for (const auto& letter : answer.at("Messages")) {
        sqs("SendMessage", {{"QueueUrl", requests_}, {"MessageBody", letter.at("Body")}});
        sqs("DeleteMessage", {{"QueueUrl", dead_}, {"ReceiptHandle", letter.at("ReceiptHandle")}});
      }
    }
  }

  // All items of the table.
  std::vector<nlohmann::json> items() {
    std::vector<nlohmann::json> all;
    nlohmann::json request = {{"TableName", name_}, {"ConsistentRead", true}};
    while (true) {
      const auto page = dynamodb("Scan", request);
      for (const auto& item : page.at("Items")) all.push_back(item);
      if (!page.contains("LastEvaluatedKey")) return all;
      request["ExclusiveStartKey"] = page.at("LastEvaluatedKey");
    }
  }

  // Counts the job as earlier versions did, in the item of its day.
  void count_as_before(const Job& job, JobStatus status) {
    namespace dynamo = aws::dynamo;
    const std::string pk = dynamo::tally_pk(dynamo::shard_of(job.id, dynamo::kTallyShards));
    dynamodb("DeleteItem", {{"TableName", name_},
                            {"Key", dynamo::key(pk, dynamo::tally_sk(job.created_at, job.id))}});
    nlohmann::json update = {{"TableName", name_},
                             {"Key", dynamo::key(pk, dynamo::day_of(job.created_at))}};
    dynamo::Expression().add(dynamo::tally_name(job.spec->type, status), 1).write_to(update);
    dynamodb("UpdateItem", update);
  }

  void reopen() override {
    clock_.advance(aws::DynamoJobStoreOptions().lease * 2);
    open();
  }

  void pass(std::chrono::milliseconds time) override {
    std::this_thread::sleep_for(time);
    clock_.advance(time);
  }
  std::chrono::milliseconds visibility_timeout() const override { return kVisibilityTimeout; }

 private:
  static constexpr std::chrono::seconds kVisibilityTimeout{8};

  static std::string variable(const char* name) {
    const char* const found = std::getenv(name);
    return found == nullptr ? "" : found;
  }

  template <class T>
  static T value(std::expected<T, aws::AwsError> result) {
    if (!result) throw std::runtime_error(aws::to_error(result.error()).message);
    return std::move(*result);
  }

  nlohmann::json json_call(const char* service, const char* target, const char* operation,
                           const nlohmann::json& body) {
    const auto response = value(client_->call(aws::json_request(service, target, operation, body)));
    return response.body.empty() ? nlohmann::json() : nlohmann::json::parse(response.body);
  }
  nlohmann::json dynamodb(const char* operation, const nlohmann::json& body) {
    return json_call("dynamodb", "DynamoDB_20120810", operation, body);
  }
  nlohmann::json sqs(const char* operation, const nlohmann::json& body) {
    return json_call("sqs", "AmazonSQS", operation, body);
  }

  void s3_put(const char* operation, const std::string& bucket, const std::string& path,
              const std::string& content) {
    aws::AwsRequest request;
    request.service = "s3";
    request.operation = operation;
    request.method = "PUT";
    request.path = path;
    request.body = content;
    request.bucket = bucket;
    value(client_->call(std::move(request)));
  }

  void make_bucket(const std::string& bucket) { s3_put("CreateBucket", bucket, "/", ""); }

  std::string make_queue(const std::string& name, const nlohmann::json& attributes) {
    nlohmann::json body = {{"QueueName", name}};
    if (!attributes.empty()) body["Attributes"] = attributes;
    return sqs("CreateQueue", body).at("QueueUrl");
  }

  void make_table() {
    std::ifstream file(SOURCE_DIR "/scripts/dynamodb-table.json");
    auto table = nlohmann::json::parse(file);
    table["TableName"] = name_;
    dynamodb("CreateTable", table);
  }

  void open() {
    queue_.reset();
    status_queue_.reset();
    wait_for_work_ = make_client(servers_, real_clock_);
    wait_for_status_ = make_client(servers_, real_clock_);
    all_objects_ = std::make_unique<aws::S3ObjectStore>(*client_, clock_, input_, output_);
    trash_ = std::make_unique<aws::DynamoTrash>(*client_, name_, *all_objects_, clock_);
    objects_ = std::make_unique<aws::StoreWithoutTrash>(*all_objects_, *trash_);
    jobs_ = std::make_unique<aws::DynamoJobStore>(*client_, name_, clock_);
    embeddings_ = std::make_unique<aws::AwsEmbeddings>(*client_, name_, output_, clock_);
    hashes_ = std::make_unique<aws::AwsContentHashes>(*client_, name_, *all_objects_, clock_);
    names_ = std::make_unique<aws::DynamoImageNames>(*client_, name_);
    label_sets_ = std::make_unique<aws::DynamoLabelSets>(
        *client_, name_, LabelSetLimits{.max_sets = kMaxSets, .max_bytes = kMaxSetBytes});
    queue_ = std::make_unique<aws::SqsWorkQueue>(
        aws::sqs::Clients{*client_, *wait_for_work_}, requests_, input_,
        [this](const std::string& job_id) { return jobs_->get(job_id); }, clock_,
        kVisibilityTimeout);
    status_queue_ = std::make_unique<aws::SqsStatusQueue>(
        aws::sqs::Clients{*client_, *wait_for_status_}, status_, kVisibilityTimeout);
  }

  Servers servers_;
  SystemClock real_clock_;
  ManualClock clock_;
  const std::string name_ = "contract-" + random_hex(12);
  const std::string input_ = "in-" + name_;
  const std::string output_ = "out-" + name_;
  std::string dead_;  // of requests_
  std::string requests_;
  std::string status_;
  std::unique_ptr<aws::AwsClient> client_ = make_client(servers_, real_clock_);
  std::unique_ptr<aws::AwsClient> wait_for_work_;
  std::unique_ptr<aws::AwsClient> wait_for_status_;
  std::unique_ptr<aws::S3ObjectStore> all_objects_;
  std::unique_ptr<aws::DynamoTrash> trash_;
  std::unique_ptr<aws::StoreWithoutTrash> objects_;
  std::unique_ptr<aws::DynamoJobStore> jobs_;
  std::unique_ptr<aws::DynamoImageNames> names_;
  std::unique_ptr<aws::DynamoLabelSets> label_sets_;
  std::unique_ptr<aws::AwsEmbeddings> embeddings_;
  std::unique_ptr<aws::AwsContentHashes> hashes_;
  std::unique_ptr<aws::SqsWorkQueue> queue_;
  std::unique_ptr<aws::SqsStatusQueue> status_queue_;
};

}  // namespace classifier::testing
