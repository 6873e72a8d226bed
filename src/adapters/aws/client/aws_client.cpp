#include "adapters/aws/client/aws_client.hpp"

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>

#include "adapters/aws/client/call_batch.hpp"
#include "adapters/aws/client/signing_clock.hpp"
#include "adapters/aws/client/transport.hpp"
#include "domain/text.hpp"

namespace classifier::aws {

class AwsClient::Impl {
 public:
  Impl(std::shared_ptr<CredentialsSource> credentials, Endpoints endpoints, const Clock& clock,
       AwsClientOptions options, CallObserver* observer)
      : credentials_(std::move(credentials)),
        endpoints_(std::move(endpoints)),
        options_(std::move(options)),
        clock_(clock),
        budgets_(options_.retry_budgets ? options_.retry_budgets
                                        : std::make_shared<RetryBudgets>(options_.retry_budget)),
        transport_({options_.max_connections, options_.connect_timeout, options_.ca_bundle}),
        context_{credentials_, endpoints_, options_,   observer,
                 clock_,       *budgets_,  transport_, stop_.get_token()} {}

  std::vector<AwsResult> run(std::vector<AwsRequest> requests) {
    return CallBatch(context_, std::move(requests)).run();
  }
  std::expected<PresignedUrl, AwsError> presign(const PresignRequest& request);
  void stop() {
    stop_.request_stop();
    transport_.stop();
  }
  const std::string& region() const { return endpoints_.region(); }

 private:
  const std::shared_ptr<CredentialsSource> credentials_;
  const Endpoints endpoints_;
  const AwsClientOptions options_;
  SigningClock clock_;
  const std::shared_ptr<RetryBudgets> budgets_;
  std::stop_source stop_;
  Transport transport_;
  const CallContext context_;
};

std::expected<PresignedUrl, AwsError> AwsClient::Impl::presign(const PresignRequest& request) {
  const auto failure = [](Error why) {
    AwsError error;
    error.service = "s3";
    error.operation = "presigning";
    error.code = kNoCredentialsCode;
    error.message = std::move(why.message);
    error.kind = why.code;
    return std::unexpected(std::move(error));
  };
  auto credentials = credentials_->get();
  if (!credentials) return failure(std::move(credentials.error()));
  const TimePoint now = clock_.now();
  PresignedUrl presigned{.url = {}, .validity = request.validity};
  // AWS refuses the URL once the credentials have expired.
  if (credentials->expires_at) {
    presigned.validity =
        std::min(presigned.validity,
                 std::chrono::floor<std::chrono::seconds>(*credentials->expires_at - now));
  }
  if (presigned.validity < std::chrono::seconds(1)) {
    return failure({ErrorCode::kUnavailable,
                    "the credentials have expired, and there are no new ones yet: try again"});
  }
  const Target target =
      endpoints_.resolve("s3", request.bucket, "/" + percent_encode(request.key, true));
  SignableRequest signable{request.method, target.host, target.path, {}, {}};
  if (!request.content_type.empty())
    signable.headers.emplace_back("content-type", request.content_type);
  const SigningKey key{std::move(*credentials), endpoints_.region(), "s3"};
  presigned.url = target.url() + "?" + presign_query(signable, key, now, presigned.validity);
  return presigned;
}

AwsClient::AwsClient(std::shared_ptr<CredentialsSource> credentials, Endpoints endpoints,
                     const Clock& clock, AwsClientOptions options, CallObserver* observer)
    : impl_(std::make_unique<Impl>(std::move(credentials), std::move(endpoints), clock,
                                   std::move(options), observer)) {}

AwsClient::~AwsClient() = default;

AwsResult AwsClient::call(AwsRequest request) {
  std::vector<AwsRequest> one;
  one.push_back(std::move(request));
  return std::move(impl_->run(std::move(one)).front());
}

std::vector<AwsResult> AwsClient::call_all(std::vector<AwsRequest> requests) {
  return impl_->run(std::move(requests));
}

std::expected<PresignedUrl, AwsError> AwsClient::presign(const PresignRequest& request) {
  return impl_->presign(request);
}

void AwsClient::stop() { impl_->stop(); }

const std::string& AwsClient::region() const { return impl_->region(); }

Result<std::unique_ptr<AwsClient>> make_aws_client(const Clock& clock, AwsClientOptions options,
                                                   CallObserver* observer,
                                                   const Environment& environment) {
  auto region = find_region(environment);
  if (!region) return std::unexpected(region.error());
  auto endpoints = Endpoints::from_environment(std::move(*region), environment);
  if (!endpoints) return std::unexpected(endpoints.error());
  if (options.ca_bundle.empty()) options.ca_bundle = environment("AWS_CA_BUNDLE").value_or("");
  CredentialsOptions where;
  where.environment = environment;
  return std::make_unique<AwsClient>(make_default_credentials(clock, std::move(where)),
                                     std::move(*endpoints), clock, std::move(options), observer);
}

}  // namespace classifier::aws
