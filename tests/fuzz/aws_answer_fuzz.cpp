// Any bytes as an answer of AWS, or of a server in its place, with the status in the first line;
// and as a file of profiles.
#include <cstdlib>

#include "adapters/aws/client/aws_error.hpp"
#include "adapters/aws/client/credential_endpoints.hpp"
#include "adapters/aws/client/profile_files.hpp"
#include "adapters/aws/client/url.hpp"
#include "adapters/aws/s3/s3_listing.hpp"
#include "fuzz.hpp"

namespace {

using namespace classifier;
using namespace classifier::aws;
using fuzz::demand;

void check_listing(std::string_view xml) {
  const auto listing = read_listing(xml);
  if (!listing) return fuzz::demand_sentence(listing.error());
  demand(!listing->more || !listing->objects.empty(), "a truncated listing has objects");
  std::string again = "<ListBucketResult>";
  for (const auto& object : listing->objects)
    again += "<Contents><Key>" + percent_encode(object.key) + "</Key></Contents>";
  const auto reread = read_listing(again + "</ListBucketResult>");
  demand(reread && reread->objects.size() == listing->objects.size(), "all objects are listed");
  for (std::size_t i = 0; i < reread->objects.size(); ++i)
    demand(reread->objects[i].key == listing->objects[i].key, "keys survive writing and reading");
}

void check_profiles(std::string_view text) {
  const auto sections = parse_profiles(text);
  std::string again;
  bool plain = true;
  for (const auto& [name, values] : sections) {
    again += "[" + name + "]\n";
    for (const auto& [key, value] : values) {
      again.append(key).append("=").append(value).append("\n");
      // Such keys would begin a comment or a section.
      plain =
          plain && !key.empty() && std::string_view("#;[").find(key[0]) == std::string_view::npos;
    }
    plain = plain && name == trim(name);
  }
  if (plain) demand(parse_profiles(again) == sections, "profiles survive writing and reading");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Lines lines(fuzz::text_of(data, size));
  const int status =
      static_cast<int>(std::strtoul(std::string(lines.next()).c_str(), nullptr, 10) % 600);
  const std::string body(lines.rest());
  for (const char* const service : {"s3", "dynamodb"}) {
    const AwsError error = parse_error(service, "Call", status, {}, body);
    demand(!error.code.empty() && !error.message.empty(), "errors have a code and a message");
    fuzz::demand_sentence(to_error(error));
  }
  check_listing(body);
  check_profiles(body);
  const auto credentials = read_credentials("the endpoint", body);
  if (credentials) {
    demand(!credentials->access_key_id.empty() && !credentials->secret_access_key.empty(),
           "credentials are complete");
  } else {
    fuzz::demand_sentence(credentials.error());
  }
  if (const auto url = parse_url(body)) {
    demand(url->scheme == "http" || url->scheme == "https", "URLs are http or https");
    demand(!url->host.empty() && url->host.find('@') == std::string::npos, "URLs have a host");
    demand(parse_url(url->scheme + "://" + url->host_and_port() + url->path).has_value(),
           "URLs survive writing and reading");
  }
  return 0;
}
