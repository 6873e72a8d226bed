// The signature covers what is sent, and does not depend on order or white space. Lines, decoded:
// host, path, value of a header, then alternately names and values of the query.
#include "adapters/aws/client/sigv4.hpp"
#include "fuzz.hpp"

namespace {

using namespace classifier;
using namespace classifier::aws;
using fuzz::demand;

const TimePoint kNow{std::chrono::seconds{1'800'000'000}};

Pairs parsed(std::string_view query) {
  Pairs pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    demand(equals != std::string_view::npos, "every parameter has a value");
    pairs.emplace_back(percent_decode(pair.substr(0, equals)).value(),
                       percent_decode(pair.substr(equals + 1)).value());
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return pairs;
}

Pairs sorted(Pairs pairs) {
  std::ranges::sort(pairs);
  return pairs;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Lines lines(fuzz::text_of(data, size));
  SignableRequest request;
  request.method = "GET";
  request.host = lines.next_decoded();
  request.path = "/" + lines.next_decoded();
  const std::string value = lines.next_decoded();
  request.headers = {{"X-Header", value}};
  while (!lines.done()) {
    std::string name = lines.next_decoded();
    request.query.emplace_back(std::move(name), lines.next_decoded());
  }

  const std::string query = canonical_query(request.query);
  demand(sorted(parsed(query)) == sorted(request.query), "the query has all parameters");
  demand(canonical_query(parsed(query)) == query, "the canonical query is stable");

  SigningKey key{.credentials = {.access_key_id = "AKID",
                                 .secret_access_key = "secret",
                                 .session_token = "token",
                                 .expires_at = std::nullopt},
                 .region = "eu-central-1",
                 .service = "s3"};
  for (const char* const service : {"s3", "sqs"}) {
    key.service = service;
    const Pairs headers = sign_headers(request, sha256_hex("body"), key, kNow);
    SignableRequest other = request;
    std::ranges::reverse(other.query);
    demand(sign_headers(other, sha256_hex("body"), key, kNow) == headers,
           "the order of a query does not matter");
    other.headers = {{"x-header", "  " + value + " "}};
    demand(sign_headers(other, sha256_hex("body"), key, kNow) == headers,
           "blanks around a value do not matter");
    other = request;
    other.query.emplace_back("one", "more");
    demand(sign_headers(other, sha256_hex("body"), key, kNow) != headers, "the query is signed");
    other = request;
    other.method = "PUT";
    demand(sign_headers(other, sha256_hex("body"), key, kNow) != headers, "the method is signed");
  }
  key.service = "s3";
  const std::string url_query = presign_query(request, key, kNow, std::chrono::seconds{60});
  Pairs sent = parsed(url_query);
  demand(!sent.empty() && sent.back().first == "X-Amz-Signature" && sent.back().second.size() == 64,
         "the signature comes last");
  sent.pop_back();
  demand(url_query.starts_with(canonical_query(sent) + "&"), "the signed query is the sent one");
  for (const auto& pair : request.query)
    demand(std::ranges::find(sent, pair) != sent.end(), "a signed URL has all parameters");
  return 0;
}
