#!/usr/bin/env bash
# Sets the number of ML tasks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

scale_main ml-service ML_SERVICE_NAME "$@"
