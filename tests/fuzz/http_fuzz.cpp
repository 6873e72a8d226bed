// Any bytes as a request on a connection, parsed as the server does and answered by the API on real
// stores. Only the connection itself is missing.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "adapters/api/backend_api.hpp"
#include "adapters/http/access.hpp"
#include "adapters/http/request_head.hpp"
#include "adapters/http/server.hpp"
#include "adapters/http/wire.hpp"
#include "contract/embedded_stores.hpp"
#include "fuzz.hpp"
#include "services/job_service.hpp"
#include "support/labelling_classifier.hpp"

namespace classifier::http {
namespace {

using fuzz::demand;
namespace asio = boost::asio;
namespace beast_http = boost::beast::http;

constexpr std::uint64_t kMaxUpload = 1'000;

// The API with its stores. Replaced after kRequests requests, because jobs accumulate in it.
class Service {
 public:
  static constexpr int kRequests = 20'000;

  Service() {
    api::add_backend_routes(router_, {.job_service = job_service_,
                                      .jobs = stores_.jobs(),
                                      .images = images_,
                                      .details = details_,
                                      .objects = stores_.objects(),
                                      .queue = stores_.queue(),
                                      .classifier = classifier_,
                                      .clock = stores_.clock(),
                                      .label_advisor = &label_advisor_,
                                      .uploads = &stores_.files(),
                                      .max_upload_bytes = kMaxUpload,
                                      .public_base_url = {},
                                      .version = "1.2.3",
                                      .stores_answer = [this] { return stores_.jobs().ping(); },
                                      .metrics_text = [] { return std::string("up 1\n"); }});
    stores_.put_object("uploads/cat.jpg", "cat");
  }
  const Router& router() const { return router_; }
  const Access& access() const { return access_; }
  bool is_old() { return ++requests_ > kRequests; }

 private:
  testing::EmbeddedStores stores_;
  testing::LabellingClassifier classifier_;
  LabelAdvisor label_advisor_{nullptr};
  NoMetrics metrics_;
  JobService job_service_{
      stores_.jobs(), stores_.queue(), classifier_, stores_.clock(), metrics_, {}, [] {}};
  MemoryBudget thumbnail_memory_{1'000'000};
  ImageService images_{stores_.objects(), stores_.clock(),
                       [](std::span<const std::byte>, int) -> Result<std::string> {
                         return std::string("thumbnail");
                       },
                       kMaxUpload, thumbnail_memory_};
  ImageDetailsService details_{stores_.objects(), [](auto) { return ImageFacts{}; },
                               thumbnail_memory_};
  Router router_;
  Access access_{{.keys = nullptr,
                  .allowed_origins = {"https://page.example"},
                  .trusted_proxies = {*IpNetwork::parse("127.0.0.0/8")}}};
  int requests_ = 0;
};

// The body; nullopt where it is incomplete or larger than `max`.
std::optional<std::string> read_body(RequestParser& parser, std::string_view rest,
                                     std::uint64_t max) {
  std::string body;
  std::array<char, 512> piece;
  parser.eager(true);
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    boost::system::error_code error;
    const std::size_t used = parser.put(asio::buffer(rest), error);
    const std::size_t got = piece.size() - parser.get().body().size;
    body.append(piece.data(), got);
    rest.remove_prefix(used);
    if (error && error != beast_http::error::need_buffer) return std::nullopt;
    if (body.size() > max || (used == 0 && got == 0 && !parser.is_done())) return std::nullopt;
  }
  return body;
}

Response upload(const Route& route, const Request& request, std::string_view body) {
  auto sink = route.uploads(request);
  if (!sink) return error_response(sink.error());
  if (auto written = (*sink)->write(std::as_bytes(std::span(body))); !written)
    return error_response(written.error());
  return (*sink)->finish();
}

Response respond(Service& service, RequestParser& parser, Request& request, std::string_view rest) {
  const RequestHead head = read_head(parser.get(), ServerLimits{}.url_bytes, request);
  service.access().identify(request, "127.0.0.1", false);
  demand(parse_ip(request.peer).has_value(), "requests have the client's address");
  demand(!request.id.empty() && !has_control_character(request.id), "requests have ids");
  if (head.refusal) return error_response(head.refusal->status, head.refusal->message);
  if (head.asks_server) {
    Response response;
    response.status = 204;
    return response;
  }
  demand(request.path.starts_with('/'), "paths begin with a slash");
  RouteMatch match = service.router().match(request.method, request.path);
  switch (match.outcome) {
    case RouteMatch::Outcome::kOtherMethod:
      return Access::is_preflight(request) ? service.access().preflight(request, match.allowed)
                                           : error_response(405, match.allowed);
    case RouteMatch::Outcome::kUnknownPath:
      return error_response(404, "there is nothing at " + excerpt(request.path));
    case RouteMatch::Outcome::kBadPath:
      return error_response(400, "the URL's path is not UTF-8, or has a zero byte");
    case RouteMatch::Outcome::kFound:
      break;
  }
  request.params = std::move(match.params);
  for (const auto& [name, value] : request.params)
    demand(is_utf8(value) && value.find('\0') == std::string::npos,
           "parameters are UTF-8 without NUL");
  auto body = read_body(parser, rest, match.route->options.max_body);
  if (!body) return error_response(400, "the body is not complete");
  if (match.route->uploads) {
    const Response response = upload(*match.route, request, *body);
    demand(response.status == 200 || response.status == 403 || response.status == 400,
           "uploads have status 200, 400 or 403");
    return error_response(response.status, "uploaded or refused");
  }
  request.body = std::move(*body);
  return match.route->handler(request);
}

// The whole body; empty for a stream of events, which does not end.
std::string body_of(Response& response) {
  if (auto* text = std::get_if<std::string>(&response.body)) return *text;
  if (auto* stream = std::get_if<StreamBody>(&response.body)) {
    std::string body;
    if (stream->generator == nullptr) return body;  // the answer to HEAD
    while (true) {
      auto piece = stream->generator->next();
      demand(piece.has_value(), "answers are complete");
      if (!*piece) return body;
      body += **piece;
    }
  }
  if (auto* events = std::get_if<EventBody>(&response.body)) (void)events->source->poll();
  return {};
}

// Parses the head as a client does: no value may have added a field.
void check_head(const Response& response) {
  demand(response.status != 500 && reason_of(response.status) != "Status",
         "the status is a known one, and not 500");
  Framing framing;
  framing.length = 0;
  const std::string head = head_of(response, framing);
  beast_http::response_parser<beast_http::string_body> parser;
  parser.skip(true);
  boost::system::error_code error;
  parser.put(asio::buffer(head), error);
  demand(!error && parser.is_header_done(), "a client can read the head");
  const auto fields = std::ranges::distance(response.headers.begin(), response.headers.end());
  demand(std::distance(parser.get().begin(), parser.get().end()) == fields + 2,
         "no value adds a field");
  demand(parser.get()["X-Content-Type-Options"] == "nosniff" &&
             !parser.get()["Content-Security-Policy"].empty(),
         "every answer has the security headers");
}

void serve(std::string_view bytes) {
  static auto service = std::make_unique<Service>();
  if (service->is_old()) service = std::make_unique<Service>();
  RequestParser parser;
  parser.header_limit(static_cast<std::uint32_t>(ServerLimits{}.header_bytes));
  parser.body_limit(boost::none);
  boost::system::error_code error;
  const std::size_t used = parser.put(asio::buffer(bytes), error);
  if (error || !parser.is_header_done() || has_folded_line(bytes.substr(0, used))) return;
  Request request;
  Response response = respond(*service, parser, request, bytes.substr(used));
  const std::string body = body_of(response);
  service->access().add_headers(request, response, false);
  check_head(response);
  if (response.headers.get("Content-Type") == "application/json") {
    const auto document = nlohmann::json::parse(body, nullptr, false);
    demand(document.is_object(), "answers with a JSON type are JSON objects");
    demand(response.status < 400 || document["error"].is_string(), "errors have a message");
  }
}

}  // namespace
}  // namespace classifier::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  classifier::http::serve(classifier::fuzz::text_of(data, size));
  return 0;
}
