#!/usr/bin/env bash
# Checks the health of the service: API, tasks, queues.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/health-check.sh [URL]
Checks the API (/health and /ready) and, for a deployment on AWS, whether as many tasks run as are desired and whether
the dead-letter queues are empty. Without a URL: BACKEND_API_URL, the deployment's, or http://localhost:8080.
Exits with 1 if something is wrong.
HELP
  exit 0
fi
[ $# -le 1 ] || die "it takes one argument at most; see --help"
BACKEND_API_URL=${1:-${BACKEND_API_URL:-$(output backend_api_url)}}
BACKEND_API_URL=${BACKEND_API_URL:-http://localhost:8080}

wrong=0
line() { printf '%-8s %s\n' "$1" "$2"; }
for path in health ready; do
  if answer=$(curl -fsS --max-time 10 "$BACKEND_API_URL/$path" 2>&1); then
    line ok "$BACKEND_API_URL/$path"
  else
    line WRONG "$BACKEND_API_URL/$path: $answer"
    wrong=1
  fi
done

resolve CLUSTER_NAME cluster_name optional
if [ -n "$CLUSTER_NAME" ]; then
  require_credentials
  resolve_services
  for name in "$BACKEND_SERVICE_NAME" "$ML_SERVICE_NAME"; do
    counts=$(service_counts "$name")
    read -r running desired _ <<<"$counts"
    if [ "$running" -ge "$desired" ]; then
      line ok "$name: $running of $desired tasks run"
    else
      line WRONG "$name: only $running of $desired tasks run"
      wrong=1
    fi
  done
  for kind in request status; do
    url=$(output "aws_resources.${kind}_dead_letter_queue")
    [ -n "$url" ] || continue
    counts=$(queue_counts "$url")
    read -r visible _ <<<"$counts"
    if [ "$visible" -eq 0 ]; then
      line ok "${url##*/} is empty"
    else
      line WRONG "${url##*/} has $visible messages that could not be processed: GET /queue/dead-letters shows those of images"
      wrong=1
    fi
  done
fi
exit $wrong
