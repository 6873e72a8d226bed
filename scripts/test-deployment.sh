#!/usr/bin/env bash
# Runs jobs of both types on a running service.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

check_service deployment "Uploads three images, runs a job of each type on them, checks the results, and deletes the images." "$@"
