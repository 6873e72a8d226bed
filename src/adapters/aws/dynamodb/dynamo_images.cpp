#include "adapters/aws/dynamodb/dynamo_images.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "adapters/aws/dynamodb/segments.hpp"

namespace classifier::aws::dynamo {
namespace {

// The segments with the images [from, to), ascending.
std::vector<std::int64_t> segments_between(const Segments& segments, std::int64_t from,
                                           std::int64_t to) {
  std::vector<std::int64_t> found;
  for (std::int64_t begin = from; begin < to;) {
    const std::int64_t block = begin / Segments::kBlock;
    const std::int64_t end = std::min(to, (block + 1) * Segments::kBlock);
    const std::int64_t some = std::min(end - begin, segments.stripes(block));
    for (std::int64_t i = 0; i < some; ++i) found.push_back(segments.segment_of(begin + i));
    begin = end;
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

Result<std::vector<ImageRecord>> Images::read(const Job& job, std::int64_t from, std::int64_t to,
                                              bool with_outcomes) {
  to = std::min(to, job.counts.total);
  std::vector<ImageRecord> records;
  if (from < 0 || from >= to) return records;
  const Segments layout(job.counts.total);
  const auto wanted = segments_between(layout, from, to);
  const auto found = names(job.id, wanted);
  if (!found) return std::unexpected(found.error());
  records.reserve(static_cast<std::size_t>(to - from));
  for (std::int64_t index = from; index < to; ++index) {
    const auto segment = std::ranges::lower_bound(wanted, layout.segment_of(index));
    const Names& list = *(*found)[static_cast<std::size_t>(segment - wanted.begin())];
    const auto position = static_cast<std::size_t>(layout.position_of(index));
    if (position >= list.size()) {
      return fail(
          ErrorCode::kInternal,
          fmt::format("job {} has no key for image {}: its items are damaged", job.id, index));
    }
    records.push_back({.index = index,
                       .s3_key = list[position].key,
                       .filename = list[position].filename,
                       .name = {},
                       .outcome = {}});
  }
  if (with_outcomes) {
    if (auto added = add_outcomes(job, wanted, records); !added)
      return std::unexpected(added.error());
  }
  return records;
}

Result<std::vector<std::shared_ptr<const Images::Names>>> Images::names(
    const std::string& job_id, const std::vector<std::int64_t>& segments) {
  std::vector<std::shared_ptr<const Names>> found(segments.size());
  std::vector<std::size_t> missing;
  std::vector<Query> queries;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::string pk = segment_pk(job_id, segments[i]);
    found[i] = segments_.find(pk);
    if (found[i]) continue;
    missing.push_back(i);
    queries.emplace_back(std::move(pk), kFirstKeys, kLastKeys);
  }
  auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t n = 0; n < missing.size(); ++n)
    found[missing[n]] = segments_.insert(queries[n].pk, read_image_names((*answers)[n]));
  return found;
}

Result<void> Images::add_outcomes(const Job& job, const std::vector<std::int64_t>& segments,
                                  std::vector<ImageRecord>& records) {
  std::vector<Query> queries;
  queries.reserve(segments.size());
  for (const std::int64_t segment : segments) {
    queries.emplace_back(segment_pk(job.id, segment), image_sk(records.front().index),
                         image_sk(records.back().index));
  }
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  for (const auto& items : *answers) {
    for (const auto& item : items) {
      auto outcome = read_outcome(item, job.id, job.retry_count);
      if (!outcome) continue;
      const std::int64_t place = outcome->index - records.front().index;
      if (place < 0 || std::cmp_greater_equal(place, records.size())) continue;
      records[static_cast<std::size_t>(place)].outcome = std::move(*outcome);
    }
  }
  return {};
}

}  // namespace classifier::aws::dynamo
