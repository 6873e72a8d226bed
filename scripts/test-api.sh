#!/usr/bin/env bash
# Checks the API of a running service.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/test-api.sh [URL]
Calls every part of the API, wrong calls too, with one image that it deletes again.
Without a URL: BACKEND_API_URL, the deployment's, or http://localhost:8080. API_KEY is the key; of a deployment it is
found in Secrets Manager. JOB_SECONDS is the longest time of a job (300). Ends with 1 where a check failed.
HELP
  exit 0
fi
[ $# -le 1 ] || die "takes one argument at most; see --help"
url=${1:-${BACKEND_API_URL:-}}
if [ -z "$url" ]; then
  resolve BACKEND_API_URL backend_api_url optional
  url=${BACKEND_API_URL:-http://localhost:8080}
  resolve_api_key
fi
exec python3 scripts/api_check.py api "$url"
