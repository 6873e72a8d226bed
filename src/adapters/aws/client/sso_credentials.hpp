// Credentials of IAM Identity Center (single sign-on), for a user who ran `aws sso login`.
#pragma once

#include <string>

#include "adapters/aws/client/credentials.hpp"
#include "adapters/aws/client/profile_files.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier::aws {

// Whether the profile names a session or a start page of single sign-on.
bool uses_sso(const Profile& profile);

// The role's credentials, with the token that `aws sso login` has stored in ~/.aws/sso/cache. A
// token of an sso-session is renewed there from 15 minutes before it expires, as the AWS tools do:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
// kUnauthorized where settings are missing, or where the user must log in again; kUnavailable where
// the service does not answer.
Result<Credentials> sso_credentials(const Profile& profile, const Environment& environment,
                                    TimePoint now);

}  // namespace classifier::aws
