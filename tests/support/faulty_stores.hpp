// A decorator for each port: forwards all calls to the real adapter, except those that `Faults`
// makes fail. Operations are named "<port>.<method>".
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "ports/classifier.hpp"
#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/status_queue.hpp"
#include "ports/work_queue.hpp"
#include "support/faults.hpp"

namespace classifier::testing {

class FaultyObjectStore final : public ObjectStore {
 public:
  FaultyObjectStore(ObjectStore& inner, Faults& faults) : inner_(inner), faults_(faults) {}

  std::string bucket_name(Bucket bucket) const override { return inner_.bucket_name(bucket); }
  Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                     std::uint64_t max_bytes) override {
    return faults_.run("ObjectStore.get", [&] { return inner_.get(bucket, key, max_bytes); });
  }
  Result<StoredObject> get_version(Bucket bucket, std::string_view key,
                                   std::uint64_t max_bytes) override {
    return faults_.run("ObjectStore.get",
                       [&] { return inner_.get_version(bucket, key, max_bytes); });
  }
  Result<std::unique_ptr<ObjectReader>> open(Bucket bucket, std::string_view key) override {
    return faults_.run("ObjectStore.open", [&] { return inner_.open(bucket, key); });
  }
  Result<ObjectInfo> head(Bucket bucket, std::string_view key) override {
    return faults_.run("ObjectStore.head", [&] { return inner_.head(bucket, key); });
  }
  Result<ObjectPage> list(Bucket bucket, std::string_view prefix, std::string_view start_after,
                          std::size_t limit) override {
    return faults_.run("ObjectStore.list",
                       [&] { return inner_.list(bucket, prefix, start_after, limit); });
  }
  Result<void> remove(Bucket bucket, std::string_view key) override {
    return faults_.run("ObjectStore.remove", [&] { return inner_.remove(bucket, key); });
  }
  Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) override {
    return faults_.run("ObjectStore.copy_to_output",
                       [&] { return inner_.copy_to_output(input_key, output_key); });
  }
  Result<void> remove_copies(std::span<const std::string> output_keys) override {
    return faults_.run("ObjectStore.remove_copies",
                       [&] { return inner_.remove_copies(output_keys); });
  }
  Result<UploadUrl> upload_url(std::string_view key, std::string_view content_type,
                               TimePoint expires_at, std::string_view base_url) override {
    return faults_.run("ObjectStore.upload_url",
                       [&] { return inner_.upload_url(key, content_type, expires_at, base_url); });
  }
  Result<void> ping() override {
    return faults_.run("ObjectStore.ping", [&] { return inner_.ping(); });
  }

 private:
  ObjectStore& inner_;
  Faults& faults_;
};

class FaultyJobStore final : public JobStore {
 public:
  FaultyJobStore(JobStore& inner, Faults& faults) : inner_(inner), faults_(faults) {}

  Result<Job> create(const NewJob& job) override {
    return faults_.run("JobStore.create", [&] { return inner_.create(job); });
  }
  Result<Job> get(std::string_view job_id) override {
    return faults_.run("JobStore.get", [&] { return inner_.get(job_id); });
  }
  Result<JobPage> list(const JobFilter& filter, std::size_t limit,
                       std::string_view token) override {
    return faults_.run("JobStore.list", [&] { return inner_.list(filter, limit, token); });
  }
  Result<std::vector<UnsentTasks>> unsent(std::size_t max_jobs, std::size_t limit) override {
    return faults_.run("JobStore.unsent", [&] { return inner_.unsent(max_jobs, limit); });
  }
  Result<void> mark_sent(const UnsentTasks& sent) override {
    return faults_.run("JobStore.mark_sent", [&] { return inner_.mark_sent(sent); });
  }
  Result<void> mark_started(std::string_view job_id, TimePoint now) override {
    return faults_.run("JobStore.mark_started", [&] { return inner_.mark_started(job_id, now); });
  }
  Result<std::size_t> record(std::span<const ImageOutcome> outcomes, TimePoint now) override {
    return faults_.run("JobStore.record", [&] { return inner_.record(outcomes, now); });
  }
  Result<Job> cancel(std::string_view job_id, TimePoint now) override {
    return faults_.run("JobStore.cancel", [&] { return inner_.cancel(job_id, now); });
  }
  Result<Job> retry(std::string_view job_id, TimePoint now) override {
    return faults_.run("JobStore.retry", [&] { return inner_.retry(job_id, now); });
  }
  Result<Job> rename(std::string_view job_id, std::string_view name) override {
    return faults_.run("JobStore.rename", [&] { return inner_.rename(job_id, name); });
  }
  Result<void> remove(std::string_view job_id, TimePoint now) override {
    return faults_.run("JobStore.remove", [&] { return inner_.remove(job_id, now); });
  }
  Result<std::vector<RemovedJob>> removed(TimePoint removed_before, std::size_t limit) override {
    return faults_.run("JobStore.removed", [&] { return inner_.removed(removed_before, limit); });
  }
  Result<void> purge(const RemovedJob& job) override {
    return faults_.run("JobStore.purge", [&] { return inner_.purge(job); });
  }
  Result<void> forget(const RemovedJob& job) override {
    return faults_.run("JobStore.forget", [&] { return inner_.forget(job); });
  }
  Result<std::vector<ImageRecord>> records(std::string_view job_id, std::int64_t from,
                                           std::size_t limit) override {
    return faults_.run("JobStore.records", [&] { return inner_.records(job_id, from, limit); });
  }
  Result<JobRecordPage> records_of_image(std::string_view s3_key, std::size_t limit,
                                         std::string_view token) override {
    return faults_.run("JobStore.records_of_image",
                       [&] { return inner_.records_of_image(s3_key, limit, token); });
  }
  Result<std::size_t> remove_expired(TimePoint created_before, std::size_t limit) override {
    return faults_.run("JobStore.remove_expired",
                       [&] { return inner_.remove_expired(created_before, limit); });
  }
  Result<void> ping() override {
    return faults_.run("JobStore.ping", [&] { return inner_.ping(); });
  }

 private:
  JobStore& inner_;
  Faults& faults_;
};

class FaultyWorkQueue : public WorkQueue {
 public:
  FaultyWorkQueue(WorkQueue& inner, Faults& faults) : inner_(inner), faults_(faults) {}

  Result<void> send(std::span<const ImageTask> tasks) override {
    return faults_.run("WorkQueue.send", [&] { return inner_.send(tasks); });
  }
  Result<std::vector<Delivery>> receive(std::size_t max, std::chrono::milliseconds wait,
                                        std::stop_token stop) override {
    return faults_.run("WorkQueue.receive", [&] { return inner_.receive(max, wait, stop); });
  }
  Result<void> extend(std::span<const std::string> receipts) override {
    return faults_.run("WorkQueue.extend", [&] { return inner_.extend(receipts); });
  }
  Result<void> remove(std::span<const std::string> receipts) override {
    return faults_.run("WorkQueue.remove", [&] { return inner_.remove(receipts); });
  }
  Result<void> give_back(std::span<const Delivery> deliveries,
                         std::chrono::milliseconds delay) override {
    return faults_.run("WorkQueue.give_back", [&] { return inner_.give_back(deliveries, delay); });
  }
  Result<void> bury(const std::string& receipt, std::string_view reason) override {
    return faults_.run("WorkQueue.bury", [&] { return inner_.bury(receipt, reason); });
  }
  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) override {
    return faults_.run("WorkQueue.dead_letters", [&] { return inner_.dead_letters(limit); });
  }
  Result<void> drop_job(std::string_view job_id, int generation) override {
    return faults_.run("WorkQueue.drop_job", [&] { return inner_.drop_job(job_id, generation); });
  }
  Result<QueueDepth> depth() override {
    return faults_.run("WorkQueue.depth", [&] { return inner_.depth(); });
  }
  Result<void> ping() override {
    return faults_.run("WorkQueue.ping", [&] { return inner_.ping(); });
  }

 private:
  WorkQueue& inner_;
  Faults& faults_;
};

class FaultyStatusQueue final : public StatusQueue {
 public:
  FaultyStatusQueue(StatusQueue& inner, Faults& faults) : inner_(inner), faults_(faults) {}

  Result<void> started(std::string_view job_id) override {
    return faults_.run("StatusQueue.started", [&] { return inner_.started(job_id); });
  }
  Result<void> report(std::span<const ImageOutcome> outcomes) override {
    return faults_.run("StatusQueue.report", [&] { return inner_.report(outcomes); });
  }
  Result<std::vector<StatusMessage>> receive(std::size_t max, std::chrono::milliseconds wait,
                                             std::stop_token stop) override {
    return faults_.run("StatusQueue.receive", [&] { return inner_.receive(max, wait, stop); });
  }
  Result<void> remove(std::span<const std::string> receipts) override {
    return faults_.run("StatusQueue.remove", [&] { return inner_.remove(receipts); });
  }
  Result<void> give_back(std::span<const std::string> receipts) override {
    return faults_.run("StatusQueue.give_back", [&] { return inner_.give_back(receipts); });
  }
  Result<void> ping() override {
    return faults_.run("StatusQueue.ping", [&] { return inner_.ping(); });
  }

 private:
  StatusQueue& inner_;
  Faults& faults_;
};

class FaultyClassifier final : public Classifier {
 public:
  FaultyClassifier(Classifier& inner, Faults& faults) : inner_(inner), faults_(faults) {}

  std::vector<ModelInfo> models() const override { return inner_.models(); }
  Result<std::string> resolve(JobType type, std::string_view wanted) const override {
    return faults_.run("Classifier.resolve", [&] { return inner_.resolve(type, wanted); });
  }
  Result<std::vector<LabelGroup>> label_groups(std::string_view model) const override {
    return faults_.run("Classifier.label_groups", [&] { return inner_.label_groups(model); });
  }
  Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec,
                       const std::stop_token& stop) override {
    return faults_.run("Classifier.warm_up", [&] { return inner_.warm_up(spec, stop); });
  }
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    return faults_.run("Classifier.prepare", [&] { return inner_.prepare(bytes, spec); });
  }
  Result<std::vector<SeenImage>> see(std::span<const PreparedImage> images,
                                     const JobSpec& spec) override {
    return faults_.run("Classifier.see", [&] { return inner_.see(images, spec); });
  }
  Result<Predictions> rank(const SeenImage& image,
                           const std::shared_ptr<const JobSpec>& spec) override {
    return faults_.run("Classifier.rank", [&] { return inner_.rank(image, spec); });
  }
  Result<std::string> fingerprint(const std::string& model) override {
    return faults_.run("Classifier.fingerprint", [&] { return inner_.fingerprint(model); });
  }
  std::size_t preferred_batch(const JobSpec& spec) override { return inner_.preferred_batch(spec); }

 private:
  Classifier& inner_;
  Faults& faults_;
};

}  // namespace classifier::testing
