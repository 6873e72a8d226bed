#include "adapters/api/catalogue_lists.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "adapters/api/page_token.hpp"
#include "domain/text.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr long long kMaxFolders = 10'000;
constexpr long long kMaxBatches = 1'000;
constexpr std::size_t kMaxWords = 1'000;  // bytes of a search
constexpr const char* kTime = "a date such as 2024-07-01, or a time such as 2024-07-01T12:00:00Z";

struct OrderName {
  std::string_view name;
  ImageOrder order;
};
constexpr std::array<OrderName, 6> kOrders{{{"key", ImageOrder::kKey},
                                            {"newest", ImageOrder::kNewest},
                                            {"oldest", ImageOrder::kOldest},
                                            {"name", ImageOrder::kName},
                                            {"taken", ImageOrder::kTaken},
                                            {"size", ImageOrder::kSize}}};

Result<ImageOrder> read_order(std::string_view name, ImageOrder fallback) {
  if (name.empty()) return fallback;
  const auto* const found = std::ranges::find(kOrders, name, &OrderName::name);
  if (found != kOrders.end()) return found->order;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("order must be newest, oldest, name, taken, size or key, not {}",
                          http::excerpt(name)));
}

// A date is its first moment, or with `end` its last one.
Result<std::optional<TimePoint>> read_time(std::string_view field, std::string_view text,
                                           bool end) {
  if (text.empty()) return std::nullopt;
  const bool date = text.size() == 10;
  auto time = parse_rfc3339(std::string(text) + (date ? "T00:00:00Z" : ""));
  if (!time) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} must be {}, not {}", field, kTime, http::excerpt(text)));
  }
  if (date && end) *time += std::chrono::days{1} - std::chrono::milliseconds{1};
  return time;
}

// `text_of(name)` gives the text of a condition, empty where it is not given.
template <class TextOf>
Result<ImageFilter> read_filter(std::string_view of, TextOf text_of) {
  ImageFilter filter;
  const std::string taken_from = text_of("taken_from");
  const std::string taken_to = text_of("taken_to");
  const auto from = read_time(fmt::format("{}taken_from", of), taken_from, false);
  if (!from) return std::unexpected(from.error());
  const auto to = read_time(fmt::format("{}taken_to", of), taken_to, true);
  if (!to) return std::unexpected(to.error());
  filter.taken_from = *from;
  filter.taken_to = *to;
  const std::string taken = text_of("taken");
  filter.undated = taken == "none";
  if (!taken.empty() && (!filter.undated || *from || *to)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{0}taken can only be none, without {0}taken_from and {0}taken_to: "
                            "the images that have no date",
                            of));
  }
  filter.prefix = text_of("prefix");
  filter.batch = text_of("batch");
  filter.words = text_of("q");
  if (filter.words.size() > kMaxWords) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}q has {} bytes; at most {} are allowed",
                                                         of, filter.words.size(), kMaxWords));
  }
  std::string folder = text_of("folder");
  const bool given = !folder.empty();
  while (folder.ends_with('/')) folder.pop_back();
  if (given && folder.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}folder names no folder: GET /folders lists them", of));
  }
  filter.folder = std::move(folder);
  return filter;
}

json image_json(const CatalogueEntry& entry) {
  json image = {{"key", entry.key},
                {"name", entry.name},
                {"size", entry.size},
                {"last_modified", to_rfc3339(entry.last_modified)},
                {"uploaded_at", to_rfc3339(entry.uploaded_at)}};
  if (!entry.facts.content_type.empty()) image["content_type"] = entry.facts.content_type;
  if (entry.facts.width > 0) {
    image["width"] = entry.facts.width;
    image["height"] = entry.facts.height;
  }
  if (entry.facts.taken_at) image["taken_at"] = to_rfc3339(*entry.facts.taken_at);
  if (!entry.batch.empty()) image["batch"] = entry.batch;
  if (!entry.sha256.empty()) image["sha256"] = entry.sha256;
  return image;
}

constexpr std::array<std::string_view, 11> kFields{
    "key",   "name",   "size",     "last_modified", "uploaded_at", "content_type",
    "width", "height", "taken_at", "batch",         "sha256"};

// The fields that are asked for; empty: all of them.
Result<std::set<std::string, std::less<>>> read_fields(std::string_view text) {
  std::set<std::string, std::less<>> fields;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view field = text.substr(0, comma);
    if (std::ranges::find(kFields, field) == kFields.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("fields has {}; there are {}", http::excerpt(field),
                              fmt::join(kFields, ", ")));
    }
    fields.emplace(field);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return fields;
}

std::string query_text(const http::Request& request, std::string_view name) {
  return std::string(request.query_value(name).value_or(""));
}

// Of the list that this request asks for, in this version.
std::string list_etag(const http::Request& request, std::string_view version) {
  std::string query;
  for (const auto& [name, value] : request.query)
    query.append(name).append("=").append(value).append("\n");
  return fmt::format("\"{}-{}\"", version, sha256_hex(query).substr(0, 12));
}

// Where a page of batches ended: "1700000000000/name", the name encoded; nullopt for "".
Result<std::optional<BatchCount>> read_batch_position(std::string_view position) {
  if (position.empty()) return std::nullopt;
  const std::size_t slash = std::min(position.find('/'), position.size() - 1);
  const auto time = parse_integer(position.substr(0, slash));
  auto name = percent_decode(position.substr(slash + 1));
  if (!time || !name)
    return fail(ErrorCode::kInvalidArgument, "next_token is not one that this list returned");
  return BatchCount{.batch = std::move(*name),
                    .images = 0,
                    .first_uploaded = {},
                    .last_uploaded = from_ms(*time)};
}

}  // namespace

bool asks_catalogue(const http::Request& request) {
  constexpr std::array<std::string_view, 10> kParameters{
      "order",      "q",        "folder", "batch", "taken",
      "taken_from", "taken_to", "offset", "since", "fields"};
  return std::ranges::any_of(
      kParameters, [&](std::string_view name) { return request.query_value(name).has_value(); });
}

Result<ImageFilter> read_search_filter(const http::Request& request) {
  return read_filter("", [&](std::string_view name) {
    return name == "q" ? std::string() : query_text(request, name);
  });
}

http::Response list_images(const BackendApi& api, const http::Request& request) {
  if (api.catalogue == nullptr) return http::error_response(422, kNoCatalogue);
  const auto limit = http::whole_number(request, "limit", 0, kMaxPage, kMaxPage);
  if (!limit) return http::error_response(limit.error());
  const auto offset =
      http::whole_number(request, "offset", 0, std::numeric_limits<std::int32_t>::max(), 0);
  if (!offset) return http::error_response(offset.error());
  if (request.query_value("next_token")) {
    return http::error_response(400,
                                "next_token belongs to the list by key: give offset in its place");
  }
  const auto order = read_order(query_text(request, "order"), ImageOrder::kNewest);
  if (!order) return http::error_response(order.error());
  const auto filter =
      read_filter("", [&](std::string_view name) { return query_text(request, name); });
  if (!filter) return http::error_response(filter.error());
  const auto fields = read_fields(query_text(request, "fields"));
  if (!fields) return http::error_response(fields.error());
  const auto page = api.catalogue->list(*filter, *order, *offset, static_cast<std::size_t>(*limit));
  if (!page) return http::error_response(page.error());
  json body = {{"images", json::array()}, {"total", page->total}, {"version", page->version}};
  const bool complete = api.catalogue->complete();
  if (!complete) body["complete"] = false;
  if (query_text(request, "since") == page->version && complete) {
    body["unchanged"] = true;
    return http::json_response(200, body);
  }
  const std::string etag = list_etag(request, page->version);
  if (complete && http::matches_etag(request.headers.get("If-None-Match"), etag)) {
    return http::not_modified(etag);
  }
  body["offset"] = *offset;
  for (const auto& entry : page->entries) {
    json image = image_json(entry);
    if (!fields->empty()) {
      for (auto field = image.begin(); field != image.end();)
        field = fields->contains(field.key()) ? std::next(field) : image.erase(field);
    }
    body["images"].push_back(std::move(image));
  }
  http::Response response = http::json_response(200, body);
  if (complete) response.headers.add("ETag", etag);
  response.headers.add("Cache-Control", http::kAskAgain);
  return response;
}

http::Response list_folders(const BackendApi& api, const http::Request& request) {
  if (api.catalogue == nullptr) return http::error_response(422, kNoCatalogue);
  const auto limit = http::whole_number(request, "limit", 1, kMaxFolders, kMaxFolders);
  if (!limit) return http::error_response(limit.error());
  const auto token = request.query_value("next_token");
  // The folder "" is a position too, so positions begin with a slash.
  const auto after = position_of("folders", token.value_or(""));
  if (!after) return http::error_response(after.error());
  // In ASCII, since a folder's name need not be UTF-8.
  const auto last = percent_decode(*after);
  if (!last) return http::error_response(400, "next_token is not one that this list returned");
  const auto version = api.catalogue->version();
  if (!version) return http::error_response(version.error());
  const auto count = static_cast<std::size_t>(*limit);
  auto folders = api.catalogue->folders(
      last->empty() ? std::nullopt : std::optional(last->substr(1)), count + 1);
  if (!folders) return http::error_response(folders.error());
  json body = {{"folders", json::array()}, {"version", *version}};
  if (folders->size() > count) {
    folders->resize(count);
    body["next_token"] = page_token("folders", "/" + percent_encode(folders->back().folder));
  }
  for (const auto& each : *folders)
    body["folders"].push_back({{"folder", each.folder}, {"images", each.images}});
  return http::json_response(200, body);
}

http::Response list_batches(const BackendApi& api, const http::Request& request) {
  if (api.catalogue == nullptr) return http::error_response(422, kNoCatalogue);
  const auto limit = http::whole_number(request, "limit", 1, kMaxBatches, kMaxBatches);
  if (!limit) return http::error_response(limit.error());
  const auto position = position_of("batches", request.query_value("next_token").value_or(""));
  if (!position) return http::error_response(position.error());
  const auto after = read_batch_position(*position);
  if (!after) return http::error_response(after.error());
  const auto version = api.catalogue->version();
  if (!version) return http::error_response(version.error());
  const auto count = static_cast<std::size_t>(*limit);
  auto batches = api.catalogue->batches(*after, count + 1);
  if (!batches) return http::error_response(batches.error());
  json body = {{"batches", json::array()}, {"version", *version}};
  if (batches->size() > count) {
    batches->resize(count);
    const BatchCount& last = batches->back();
    body["next_token"] = page_token(
        "batches", fmt::format("{}/{}", to_ms(last.last_uploaded), percent_encode(last.batch)));
  }
  for (const auto& each : *batches) {
    body["batches"].push_back({{"batch", each.batch},
                               {"images", each.images},
                               {"first_uploaded_at", to_rfc3339(each.first_uploaded)},
                               {"last_uploaded_at", to_rfc3339(each.last_uploaded)}});
  }
  return http::json_response(200, body);
}

http::Response list_dates(const BackendApi& api) {
  if (api.catalogue == nullptr) return http::error_response(422, kNoCatalogue);
  const auto version = api.catalogue->version();
  if (!version) return http::error_response(version.error());
  const auto months = api.catalogue->months();
  if (!months) return http::error_response(months.error());
  json body = {{"months", json::array()}, {"undated", 0}, {"version", *version}};
  for (const auto& each : *months) {
    if (each.month.empty()) {
      body["undated"] = each.images;
    } else {
      body["months"].push_back({{"month", each.month}, {"images", each.images}});
    }
  }
  return http::json_response(200, body);
}

Result<std::optional<ImageRule>> read_image_rule(const http::JsonBody& body) {
  const auto names = body.fields_of("images");
  if (!names) return std::unexpected(names.error());
  if (!*names) return std::nullopt;
  constexpr std::array<std::string_view, 9> kConditions{
      "all", "prefix", "folder", "q", "batch", "taken", "taken_from", "taken_to", "order"};
  // A condition that is not understood would select more than was meant.
  for (const auto& name : **names) {
    if (std::ranges::find(kConditions, name) == kConditions.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("images has {}; there are {}", http::excerpt(name),
                              fmt::join(kConditions, ", ")));
    }
  }
  std::optional<Error> error;
  bool any = false;
  const auto text_of = [&](std::string_view name) {
    auto text = body.text(fmt::format("images.{}", name), "");
    if (!text) {
      if (!error) error = text.error();
      return std::string();
    }
    any = any || !text->empty();
    return std::move(*text);
  };
  ImageRule rule;
  auto filter = read_filter("images.", text_of);
  if (error) return std::unexpected(*error);
  if (!filter) return std::unexpected(filter.error());
  rule.filter = std::move(*filter);
  const auto all = body.boolean("images.all", false);
  if (!all) return std::unexpected(all.error());
  if (any == *all) {
    return fail(ErrorCode::kInvalidArgument,
                any ? "images has all and another condition: leave one out"
                    : "images selects nothing: give {\"all\": true}, or prefix, folder, q, batch, "
                      "taken, taken_from or taken_to");
  }
  const auto order_name = body.text("images.order", "");
  if (!order_name) return std::unexpected(order_name.error());
  const auto order = read_order(*order_name, ImageOrder::kKey);
  if (!order) return std::unexpected(order.error());
  rule.order = *order;
  return rule;
}

}  // namespace classifier::api
