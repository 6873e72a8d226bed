#!/usr/bin/env bash
# One whole round through a running service.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

check_service deployment "Uploads three images, runs a job of each type on them, checks the results, and deletes the images." "$@"
