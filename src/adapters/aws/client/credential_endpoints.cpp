#include "adapters/aws/client/credential_endpoints.hpp"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "adapters/aws/client/credential_request.hpp"
#include "adapters/aws/client/url.hpp"
#include "adapters/codec/json_text.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier::aws {
namespace {

CredentialAnswer ask_at(const char* method, const std::string& url, const std::string& header) {
  CredentialRequest request;
  request.method = method;
  request.url = url;
  if (!header.empty()) request.headers.push_back(header);
  return ask(request);
}

// 127.0.0.0/8, but not a name such as 127.0.0.1.example.org.
bool is_loopback_address(const std::string& host) {
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

bool may_give_credentials(const Url& url) {
  // https, loopback, ECS and EKS: nobody else can read the credentials.
  return url.scheme == "https" || url.host == "localhost" || is_loopback_address(url.host) ||
         url.host == "[::1]" || url.host == "169.254.170.2" || url.host == "169.254.170.23" ||
         url.host == "[fd00:ec2::23]";
}

Result<std::string> container_url(const CredentialsOptions& options, const std::string& relative,
                                  const std::string& full) {
  if (!relative.empty()) {
    if (relative.starts_with('/')) return options.container_endpoint + relative;
    return fail(
        ErrorCode::kUnauthorized,
        fmt::format("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is \"{}\", but must begin with a "
                    "slash",
                    relative));
  }
  const auto url = parse_url(full);
  if (url && may_give_credentials(*url)) return full;
  return fail(ErrorCode::kUnauthorized,
              fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI is \"{}\", but must be an https "
                          "address, or http to this machine, 169.254.170.2 or 169.254.170.23",
                          full));
}

// The header with the endpoint's token; empty without one. Reads the file each time, because the
// token is renewed while the program runs.
Result<std::string> container_authorization(const Environment& environment) {
  std::string token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  const std::string path = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").value_or("");
  if (!path.empty()) {
    const auto content = read_file(path);
    if (!content) {
      return fail(ErrorCode::kUnauthorized,
                  "cannot read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE " + path);
    }
    token = trim(*content);
  }
  if (has_control_character(token)) {
    return fail(ErrorCode::kUnauthorized,
                "the container's authorization token must be a single line");
  }
  return token.empty() ? token : "Authorization: " + token;
}

}  // namespace

Result<Credentials> read_credentials(const std::string& from, std::string_view body,
                                     const char* token_field) {
  const auto document = parse_json(body);
  const auto text = [&](const char* name) {
    return document ? text_field(*document, name) : std::string();
  };
  Credentials result{.access_key_id = text("AccessKeyId"),
                     .secret_access_key = text("SecretAccessKey"),
                     .session_token = text(token_field),
                     .expires_at = parse_rfc3339(text("Expiration"))};
  if (result.access_key_id.empty() || result.secret_access_key.empty()) {
    const std::string reason = text("Message").empty() ? text("Code") : text("Message");
    return fail(ErrorCode::kUnavailable, fmt::format("{} returned no credentials{}{}", from,
                                                     reason.empty() ? "" : ": ", one_line(reason)));
  }
  return result;
}

Result<std::optional<Credentials>> container_credentials(const CredentialsOptions& options) {
  const auto relative = options.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").value_or("");
  const auto full = options.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
  if (relative.empty() && full.empty()) return std::nullopt;
  const auto url = container_url(options, relative, full);
  if (!url) return std::unexpected(url.error());
  const auto authorization = container_authorization(options.environment);
  if (!authorization) return std::unexpected(authorization.error());
  const CredentialAnswer answer = ask_at("GET", *url, *authorization);
  const std::string from = "the container credentials endpoint " + *url;
  if (answer.status != 200) return failure(from, answer);
  return read_credentials(from, answer.body);
}

Result<std::optional<Credentials>> instance_credentials(const CredentialsOptions& options,
                                                        std::string& why_not) {
  if (to_lower(options.environment("AWS_EC2_METADATA_DISABLED").value_or("")) == "true") {
    why_not = "is disabled by AWS_EC2_METADATA_DISABLED";
    return std::nullopt;
  }
  std::string base = options.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("");
  if (base.empty()) base = options.metadata_endpoint;
  while (base.ends_with('/')) base.pop_back();
  const CredentialAnswer token =
      ask_at("PUT", base + "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600");
  if (token.status != 200) {
    why_not = token.status == 0 ? "does not answer at " + base
                                : fmt::format("answers with status {}", token.status);
    return std::nullopt;
  }
  const std::string from = "the instance metadata at " + base;
  const std::string header = "X-aws-ec2-metadata-token: " + trim(token.body);
  const std::string path = base + "/latest/meta-data/iam/security-credentials/";
  const CredentialAnswer role = ask_at("GET", path, header);
  if (role.status == 404) {
    why_not = "has no role for this instance";
    return std::nullopt;
  }
  if (role.status != 200) return failure(from, role);
  const std::string name = trim(role.body.substr(0, role.body.find('\n')));
  const CredentialAnswer answer = ask_at("GET", path + name, header);
  if (answer.status != 200) return failure(from, answer);
  return read_credentials(from, answer.body);
}

}  // namespace classifier::aws
