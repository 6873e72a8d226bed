#include "adapters/aws/client/sigv4.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>

#include "domain/text.hpp"

namespace classifier::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// "20150830T123600Z"
std::string amz_date(TimePoint now) {
  std::string text = to_compact(now);
  text[8] = 'T';
  return text + "Z";
}

std::string scope_of(const SigningKey& key, std::string_view date) {
  return fmt::format("{}/{}/{}/aws4_request", date.substr(0, 8), key.region, key.service);
}

// Without empty parts, "." and "..", as all services except S3 sign it.
std::string normalize(std::string_view path) {
  std::vector<std::string_view> parts;
  std::string_view last;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    last = path.substr(begin, end - begin);
    if (last == ".." && !parts.empty()) parts.pop_back();
    if (!last.empty() && last != "." && last != "..") parts.push_back(last);
    begin = end + 1;
  }
  std::string result;
  for (const std::string_view part : parts) result.append("/").append(part);
  if (result.empty() || last.empty() || last == "." || last == "..") result += '/';
  return result;
}

std::string canonical_path(std::string_view path, const SigningKey& key) {
  if (key.service == "s3") return std::string(path.empty() ? "/" : path);
  return percent_encode(normalize(path), true);
}

// Without white space at the ends, and with runs of spaces reduced to one.
std::string canonical_value(std::string_view value) {
  std::string result;
  for (const char c : trim(value)) {
    if (c != ' ' || !result.ends_with(' ')) result += c;
  }
  return result;
}

struct CanonicalHeaders {
  std::string lines;  // "host:…\n" for each field
  std::string names;  // "host;x-amz-date"
};

CanonicalHeaders canonical_headers(const SignableRequest& request, const Pairs& added) {
  std::map<std::string, std::string> sorted{{"host", canonical_value(request.host)}};
  for (const Pairs* headers : {&request.headers, &added}) {
    for (const auto& [name, value] : *headers) {
      const auto [at, is_new] = sorted.try_emplace(to_lower(name), canonical_value(value));
      if (!is_new) at->second.append(",").append(canonical_value(value));
    }
  }
  CanonicalHeaders result;
  for (const auto& [name, value] : sorted) {
    result.lines.append(name).append(":").append(value).append("\n");
    result.names.append(result.names.empty() ? "" : ";").append(name);
  }
  return result;
}

std::string sign(std::string_view canonical_request, const SigningKey& key, std::string_view date) {
  std::string text(kAlgorithm);
  text.append("\n").append(date).append("\n").append(scope_of(key, date));
  text.append("\n").append(sha256_hex(canonical_request));
  std::string derived = hmac_sha256("AWS4" + key.credentials.secret_access_key, date.substr(0, 8));
  for (const std::string_view part : {std::string_view(key.region), std::string_view(key.service),
                                      std::string_view("aws4_request"), std::string_view(text)})
    derived = hmac_sha256(derived, part);
  return to_hex(derived);
}

std::string canonical_request(const SignableRequest& request, const SigningKey& key,
                              const std::string& query, const CanonicalHeaders& headers,
                              std::string_view payload_hash) {
  std::string text = request.method;
  text.append("\n").append(canonical_path(request.path, key)).append("\n").append(query);
  text.append("\n").append(headers.lines).append("\n").append(headers.names);
  return text.append("\n").append(payload_hash);
}

}  // namespace

std::string canonical_query(const Pairs& query) {
  Pairs encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query)
    encoded.emplace_back(percent_encode(name), percent_encode(value));
  std::ranges::sort(encoded);
  std::string result;
  for (const auto& [name, value] : encoded)
    result.append(result.empty() ? "" : "&").append(name).append("=").append(value);
  return result;
}

Pairs sign_headers(const SignableRequest& request, std::string_view payload_hash,
                   const SigningKey& key, TimePoint now) {
  const std::string date = amz_date(now);
  Pairs added{{"X-Amz-Date", date}};
  if (key.service == "s3") added.emplace_back("x-amz-content-sha256", payload_hash);
  if (!key.credentials.session_token.empty())
    added.emplace_back("X-Amz-Security-Token", key.credentials.session_token);
  const CanonicalHeaders headers = canonical_headers(request, added);
  const std::string signature =
      sign(canonical_request(request, key, canonical_query(request.query), headers, payload_hash),
           key, date);
  std::string authorization(kAlgorithm);
  authorization.append(" Credential=").append(key.credentials.access_key_id);
  authorization.append("/").append(scope_of(key, date));
  authorization.append(", SignedHeaders=").append(headers.names);
  authorization.append(", Signature=").append(signature);
  added.emplace_back("Authorization", std::move(authorization));
  return added;
}

std::string presign_query(const SignableRequest& request, const SigningKey& key, TimePoint now,
                          std::chrono::seconds validity) {
  const std::string date = amz_date(now);
  const CanonicalHeaders headers = canonical_headers(request, {});
  Pairs query = request.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", key.credentials.access_key_id + "/" + scope_of(key, date));
  query.emplace_back("X-Amz-Date", date);
  query.emplace_back("X-Amz-Expires", std::to_string(validity.count()));
  query.emplace_back("X-Amz-SignedHeaders", headers.names);
  if (!key.credentials.session_token.empty())
    query.emplace_back("X-Amz-Security-Token", key.credentials.session_token);
  const std::string encoded = canonical_query(query);
  // The body is not known yet. S3 does not require its hash.
  const std::string payload =
      key.service == "s3" ? std::string(kUnsignedPayload) : sha256_hex(std::string_view());
  const std::string signature =
      sign(canonical_request(request, key, encoded, headers, payload), key, date);
  return encoded + "&X-Amz-Signature=" + signature;
}

}  // namespace classifier::aws
