// Named label sets: list, get, put, delete.
#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "adapters/api/routes.hpp"
#include "adapters/http/json_body.hpp"
#include "domain/text.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

json set_json(LabelSet set) {
  return {{"name", std::move(set.name)},
          {"labels", std::move(set.labels)},
          {"updated_at", to_rfc3339(set.updated_at)},
          {"version", std::move(set.version)}};
}

http::Response set_answer(int status, LabelSet set) {
  const std::string etag = "\"" + set.version + "\"";
  http::Response response = http::json_response(status, set_json(std::move(set)));
  response.headers.add("ETag", etag);
  return response;
}

// What If-Match or If-None-Match asks for; nullopt where it does not hold, whatever is done.
Result<std::optional<ExpectedSet>> read_expected(const BackendApi& api,
                                                 const http::Request& request) {
  using State = ExpectedSet::State;
  const auto none = request.headers.find("If-None-Match");
  if (none && trim(*none) != "*") {
    return fail(ErrorCode::kInvalidArgument,
                "If-None-Match must be * here, for a set that must be new; a version belongs in "
                "If-Match");
  }
  if (none) return ExpectedSet{.state = State::kNone};
  const auto wanted = request.headers.find("If-Match");
  if (!wanted) return ExpectedSet{};
  // Of one version the store decides, in the same step as the change.
  std::string version = trim(*wanted);
  if (version.size() > 2 && version.find(',') == std::string::npos && version.starts_with('"') &&
      version.ends_with('"')) {
    version = version.substr(1, version.size() - 2);
    if (version.ends_with(http::kGzipTag)) version.resize(version.size() - http::kGzipTag.size());
    return ExpectedSet{.state = State::kVersion, .version = std::move(version)};
  }
  const auto present = api.label_sets->get(request.param("name"));
  if (!present && present.error().code != ErrorCode::kNotFound)
    return std::unexpected(present.error());
  if (!present || !http::matches_etag(*wanted, "\"" + present->version + "\"")) return std::nullopt;
  return ExpectedSet{.state = State::kVersion, .version = present->version};
}

http::Response not_expected(const http::Request& request) {
  const std::string name = http::excerpt(request.param("name"));
  return http::error_response(
      412, request.headers.has("If-None-Match")
               ? fmt::format("there is a label set \"{}\" already: load it, or choose another name",
                             name)
               : fmt::format("somebody else has changed or removed the label set \"{}\" since you "
                             "loaded it: load it again",
                             name));
}

http::Response get_sets(const BackendApi& api) {
  auto sets = api.label_sets->list();
  if (!sets) return http::error_response(sets.error());
  json list = json::array();
  for (auto& set : *sets) list.push_back(set_json(std::move(set)));
  return http::json_response(200, {{"label_sets", std::move(list)}});
}

http::Response get_set(const BackendApi& api, const http::Request& request) {
  auto set = api.label_sets->get(request.param("name"));
  return set ? set_answer(200, std::move(*set)) : http::error_response(set.error());
}

http::Response put_set(const BackendApi& api, const http::Request& request) {
  auto body = http::JsonBody::read(request);
  if (!body) return http::error_response(body.error());
  auto labels = body->texts("labels");
  if (!labels) return http::error_response(labels.error());
  const auto expected = read_expected(api, request);
  if (!expected) return http::error_response(expected.error());
  if (!*expected) return not_expected(request);
  auto stored = api.label_sets->put(request.param("name"), std::move(*labels), **expected);
  if (!stored) return http::error_response(stored.error());
  if (!*stored) return not_expected(request);
  return set_answer((*stored)->is_new ? 201 : 200, std::move((*stored)->set));
}

http::Response delete_set(const BackendApi& api, const http::Request& request) {
  const auto expected = read_expected(api, request);
  if (!expected) return http::error_response(expected.error());
  if (!*expected) return not_expected(request);
  const auto removed = api.label_sets->remove(request.param("name"), **expected);
  const bool gone = !removed && removed.error().code == ErrorCode::kNotFound;
  if ((removed && !*removed) || (gone && request.headers.has("If-Match")))
    return not_expected(request);
  if (!removed) return http::error_response(removed.error());
  return http::json_response(
      200, {{"success", true},
            {"message", fmt::format("deleted the label set {}", request.param("name"))}});
}

}  // namespace

void add_label_set_routes(http::Router& router, const SharedApi& api) {
  router.add("GET", "/label-sets", {}, [api](const http::Request&) { return get_sets(*api); });
  router.add("GET", "/label-sets/{name+}", {},
             [api](const http::Request& request) { return get_set(*api, request); });
  router.add("PUT", "/label-sets/{name+}", {},
             [api](const http::Request& request) { return put_set(*api, request); });
  router.add("DELETE", "/label-sets/{name+}", {},
             [api](const http::Request& request) { return delete_set(*api, request); });
}

}  // namespace classifier::api
