#!/usr/bin/env bash
# Checks the API of a running service.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

check_service api "Calls every part of the API, including invalid calls, with one image that it deletes again." "$@"
