#!/usr/bin/env bash
# Sets the number of backend tasks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

scale_main backend-service BACKEND_SERVICE_NAME "$@"
