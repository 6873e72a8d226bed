#!/usr/bin/env bash
# Waits until no image is queued or in progress.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

read_timeout 3600 "usage: scripts/wait-for-queue-empty.sh [--timeout SECONDS]
Returns when the request and the status queue are empty, with nothing in flight, twice in a row, since SQS only estimates.
Fails after 3600 seconds, or --timeout." "$@"
require_credentials
resolve_queues

empty_times=0
both_empty() {
  local url counts visible in_flight delayed left=0
  for url in "$REQUEST_QUEUE_URL" "$STATUS_QUEUE_URL"; do
    counts=$(queue_counts "$url") || exit 1
    read -r visible in_flight delayed <<<"$counts"
    if [ $((visible + in_flight + delayed)) -gt 0 ]; then
      say "${url##*/}: $visible wait, $in_flight in flight, $delayed delayed"
      left=1
    fi
  done
  empty_times=$((left == 0 ? empty_times + 1 : 0))
  [ $empty_times -ge 2 ]
}
wait_for "$timeout" "empty queues" both_empty
say "the queues are empty"
