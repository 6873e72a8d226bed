// Results of jobs, as JSON and CSV.
#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "adapters/api/routes.hpp"

namespace classifier::api {
namespace {

constexpr long long kMaxResultPage = 100'000;
constexpr long long kMaxFrom = 1'000'000;

class ResultPieces final : public http::BodyGenerator {
 public:
  explicit ResultPieces(std::unique_ptr<ResultWriter> writer) : writer_(std::move(writer)) {}
  Result<std::optional<std::string>> next() override { return writer_->next(); }
  std::uint64_t memory() const override { return kResultMemory; }

 private:
  std::unique_ptr<ResultWriter> writer_;
};

// Stores with a catalogue keep the names with the job; others give those that are there now.
Result<void> add_names(ImageNames& names, std::vector<ImageRecord>& records) {
  std::vector<std::string> keys;
  keys.reserve(records.size());
  for (const auto& record : records) keys.push_back(record.s3_key);
  auto found = names.names(keys);
  if (!found) return std::unexpected(found.error());
  for (std::size_t i = 0; i < records.size(); ++i) records[i].name = std::move((*found)[i]);
  return {};
}

RecordSource records_of(const BackendApi& api, const Job& job) {
  return [&api, id = job.id](std::int64_t from, std::size_t limit) {
    auto records = api.jobs.records(id, from, limit);
    if (!records || api.catalogue != nullptr || api.names == nullptr) return records;
    if (auto added = add_names(*api.names, *records); !added)
      return Result<std::vector<ImageRecord>>(std::unexpected(added.error()));
    return records;
  };
}

http::Response not_ready(const Job& job) {
  http::Response response =
      http::json_response(202, {{"job_id", job.id},
                                {"status", to_string(job.status)},
                                {"message", fmt::format("{} of {} images are done: ask again soon",
                                                        job.counts.done(), job.counts.total)}});
  response.headers.add("Retry-After", "1");
  return response;
}

Result<bool> read_partial(const http::Request& request) {
  const std::string_view value = request.query_value("partial").value_or("false");
  if (value == "true" || value == "false") return value == "true";
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("partial must be true or false, not {}", http::excerpt(value)));
}

Result<CsvFor> read_excel(const http::Request& request) {
  const std::string_view value = request.query_value("excel").value_or("0");
  if (value == "1" || value == "true") return CsvFor::kExcel;
  if (value == "0" || value == "false") return CsvFor::kAnyProgram;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("excel must be 1 or 0, not {}", http::excerpt(value)));
}

http::Response get_result(const BackendApi& api, const http::Request& request) {
  const auto job = api.jobs.get(request.param("id"));
  if (!job) return http::error_response(job.error());
  const auto limit = http::whole_number(request, "limit", 1, kMaxResultPage, 0);
  if (!limit) return http::error_response(limit.error());
  const auto first = http::whole_number(request, "from", 0, kMaxFrom, 0);
  if (!first) return http::error_response(first.error());
  const auto from = http::whole_number(request, "next_token", 0, job->counts.total, *first);
  if (!from) {
    return http::error_response(400,
                                "next_token is not one that GET /result returned for this job");
  }
  const auto partial = read_partial(request);
  if (!partial) return http::error_response(partial.error());
  if (!is_final(job->status) && !*partial) return not_ready(*job);
  ResultOptions options;
  options.output_bucket = api.objects.bucket_name(Bucket::kOutput);
  options.from = *from;
  options.partial = *partial;
  options.temporary_folder = api.temporary_folder;
  if (*limit > 0) options.limit = *limit;
  return stream_result(json_result(*job, records_of(api, *job), std::move(options)),
                       "application/json");
}

http::Response get_csv(const BackendApi& api, const http::Request& request) {
  const auto job = api.jobs.get(request.param("id"));
  if (!job) return http::error_response(job.error());
  const auto reader = read_excel(request);
  if (!reader) return http::error_response(reader.error());
  if (!is_final(job->status)) return not_ready(*job);
  http::Response response =
      stream_result(csv_result(*job, records_of(api, *job), *reader), "text/csv; charset=utf-8");
  response.headers.add("Content-Disposition", "attachment; filename=\"" + job->id + ".csv\"");
  return response;
}

}  // namespace

http::Response stream_result(std::unique_ptr<ResultWriter> writer, std::string_view content_type) {
  http::Response response;
  response.headers.add("Content-Type", content_type);
  response.body = http::StreamBody{std::make_unique<ResultPieces>(std::move(writer)), std::nullopt};
  return response;
}

void add_result_routes(http::Router& router, const SharedApi& api) {
  router.add("GET", "/result/{id}.csv", {},
             [api](const http::Request& request) { return get_csv(*api, request); });
  router.add("GET", "/result/{id}", {},
             [api](const http::Request& request) { return get_result(*api, request); });
}

}  // namespace classifier::api
