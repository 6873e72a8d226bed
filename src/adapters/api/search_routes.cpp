// Search by text and by image, duplicates, and the index that they need.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "adapters/api/catalogue_lists.hpp"
#include "adapters/api/page_token.hpp"
#include "adapters/api/routes.hpp"
#include "domain/text.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr long long kUsualLimit = 50;
constexpr long long kMaxGroups = 500;
constexpr float kUsualSimilarity = 0.95F;
// A request holds a thread.
constexpr std::chrono::seconds kPatience{8};
constexpr const char* kNoSearch =
    "this service does not remember what it saw, so it cannot search: it needs stores with a "
    "catalogue, REMEMBER=on, and the models in the same process";

http::Response no_search() { return http::error_response(422, kNoSearch); }

double four_digits(float value) { return std::round(static_cast<double>(value) * 1e4) / 1e4; }

json index_json(const IndexState& index) {
  return {{"model", index.model},
          {"indexed", index.indexed},
          {"total", index.total},
          {"pending", index.pending},
          {"busy", index.busy}};
}

http::Response answer(const Result<Found>& found) {
  if (!found) return http::error_response(found.error());
  json results = json::array();
  for (const auto& image : found->images) {
    results.push_back({{"key", image.entry.key},
                       {"name", image.entry.name},
                       {"score", four_digits(image.similarity)}});
  }
  json body = index_json(found->index);
  body["results"] = std::move(results);
  if (found->threshold) {
    body["threshold"] = four_digits(*found->threshold);
    body["fits"] = std::ranges::count_if(found->images, [&](const FoundImage& image) {
      return image.similarity >= *found->threshold;
    });
  }
  http::Response response = http::json_response(200, body);
  response.headers.add("Cache-Control", "private, no-cache");
  return response;
}

struct Wanted {
  ImageFilter filter;
  std::size_t limit = 0;
};

Result<Wanted> read_wanted(const http::Request& request) {
  Wanted wanted;
  const auto limit = http::whole_number(
      request, "limit", 1, static_cast<long long>(SearchService::kMaxLimit), kUsualLimit);
  if (!limit) return std::unexpected(limit.error());
  wanted.limit = static_cast<std::size_t>(*limit);
  auto filter = read_search_filter(request);
  if (!filter) return std::unexpected(filter.error());
  wanted.filter = std::move(*filter);
  return wanted;
}

http::Response get_search(const BackendApi& api, const http::Request& request) {
  if (api.search == nullptr) return no_search();
  const auto wanted = read_wanted(request);
  if (!wanted) return http::error_response(wanted.error());
  return answer(
      api.search->by_text(request.query_value("q").value_or(""), wanted->filter, wanted->limit));
}

http::Response get_similar(const BackendApi& api, const http::Request& request) {
  if (api.search == nullptr) return no_search();
  const auto wanted = read_wanted(request);
  if (!wanted) return http::error_response(wanted.error());
  const std::string key(request.query_value("key").value_or(""));
  if (key.empty()) {
    return http::error_response(
        400, "key is missing: name a stored image, or POST the bytes of another one");
  }
  return answer(api.search->like_stored(key, wanted->filter, wanted->limit));
}

http::Response post_similar(const BackendApi& api, const http::Request& request) {
  if (api.search == nullptr) return no_search();
  const auto wanted = read_wanted(request);
  if (!wanted) return http::error_response(wanted.error());
  if (request.body.empty())
    return http::error_response(400, "the body is empty: send the bytes of an image");
  return answer(api.search->like_given(std::as_bytes(std::span(request.body)), wanted->filter,
                                       wanted->limit));
}

json group_json(const DuplicateGroup& group) {
  json images = json::array();
  for (const auto& image : group.images) {
    json one = {{"key", image.entry.key},
                {"name", image.entry.name},
                {"size", image.entry.size},
                {"similarity", four_digits(image.similarity)}};
    if (image.entry.facts.width > 0) {
      one["width"] = image.entry.facts.width;
      one["height"] = image.entry.facts.height;
    }
    images.push_back(std::move(one));
  }
  return {{"kind", group.identical ? "identical" : "similar"},
          {"reason", group.reason},
          {"images", std::move(images)}};
}

Result<float> read_similarity(const http::Request& request) {
  const auto text = request.query_value("min_similarity");
  if (!text) return kUsualSimilarity;
  float value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc() && end == text->data() + text->size() &&
      value >= DuplicatesService::kLeast && value <= 1)
    return value;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("min_similarity must be a number from {} to 1, not {}",
                          short_number(DuplicatesService::kLeast), http::excerpt(*text)));
}

http::Response get_duplicates(const BackendApi& api, const http::Request& request) {
  if (api.duplicates == nullptr) return no_search();
  const auto limit = http::whole_number(request, "limit", 1, kMaxGroups, 100);
  if (!limit) return http::error_response(limit.error());
  const auto similarity = read_similarity(request);
  if (!similarity) return http::error_response(similarity.error());
  const auto position = position_of("duplicates", request.query_value("next_token").value_or(""));
  if (!position) return http::error_response(position.error());
  const auto offset = position->empty() ? 0 : parse_integer(*position).value_or(-1);
  if (offset < 0) return http::error_response(400, "next_token is not one that this list returned");
  const auto page = api.duplicates->find(*similarity, static_cast<std::size_t>(offset),
                                         static_cast<std::size_t>(*limit), kPatience);
  if (!page) return http::error_response(page.error());
  json body = {{"groups", json::array()}, {"total", page->total}};
  for (const auto& group : page->groups) body["groups"].push_back(group_json(group));
  if (page->next > 0) body["next_token"] = page_token("duplicates", std::to_string(page->next));
  http::Response response = http::json_response(200, body);
  response.headers.add("Cache-Control", "private, no-cache");
  return response;
}

http::Response get_index(const BackendApi& api) {
  if (api.indexer == nullptr) return no_search();
  const auto state = api.indexer->state();
  return state ? http::json_response(200, index_json(*state)) : http::error_response(state.error());
}

http::Response post_index(const BackendApi& api) {
  if (api.indexer == nullptr) return no_search();
  if (auto wanted = api.indexer->index_all(); !wanted) return http::error_response(wanted.error());
  const auto state = api.indexer->state();
  return state ? http::json_response(202, index_json(*state)) : http::error_response(state.error());
}

}  // namespace

void add_search_routes(http::Router& router, const SharedApi& api) {
  http::RouteOptions reads;
  reads.role = Role::kRead;  // the image is looked at, and not kept
  reads.run = http::RunOn::kLongThread;
  reads.max_body = api->max_upload_bytes;
  http::RouteOptions waits;
  waits.run = http::RunOn::kLongThread;
  router.add("GET", "/search", {},
             [api](const http::Request& request) { return get_search(*api, request); });
  router.add("GET", "/similar", {},
             [api](const http::Request& request) { return get_similar(*api, request); });
  router.add("POST", "/similar", reads,
             [api](const http::Request& request) { return post_similar(*api, request); });
  router.add("GET", "/duplicates", waits,
             [api](const http::Request& request) { return get_duplicates(*api, request); });
  router.add("GET", "/index", {}, [api](const http::Request&) { return get_index(*api); });
  router.add("POST", "/index", waits, [api](const http::Request&) { return post_index(*api); });
}

}  // namespace classifier::api
