#!/usr/bin/env bash
# Estimates when the request queue will be empty.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

seconds=30
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help)
    cat <<'HELP'
usage: scripts/estimate-queue-clear-time.sh [--seconds N]
Reads the length of the request queue twice, N seconds apart (default 30), and prints how fast it shrinks, how many ML
tasks run, and when it will be empty at that rate.
HELP
    exit 0
    ;;
  --seconds)
    seconds=${2:-}
    number --seconds "$seconds" 1
    shift
    ;;
  *) die "unknown argument $1; see --help" ;;
  esac
  shift
done
require_credentials
resolve_queues
resolve_services

left() {
  local counts visible in_flight delayed
  counts=$(queue_counts "$REQUEST_QUEUE_URL") || exit 1
  read -r visible in_flight delayed <<<"$counts"
  echo $((visible + in_flight + delayed))
}
before=$(left)
if [ "$before" -eq 0 ]; then
  echo "the queue is empty"
  exit 0
fi
say "$before images left; checking again in $seconds seconds"
sleep "$seconds"
after=$(left)
counts=$(service_counts "$ML_SERVICE_NAME")
read -r running _ <<<"$counts"
python3 - "$before" "$after" "$seconds" "$running" <<'PYTHON'
import datetime
import sys

before, after, seconds, running = map(int, sys.argv[1:])
tasks = f"{running} ML task" + ("" if running == 1 else "s")
if after == 0:
    print("the queue is empty")
elif after >= before:
    print(f"{after} images left, {tasks}: the queue does not shrink, so there is no end to estimate")
else:
    rate = (before - after) / seconds
    left = datetime.timedelta(seconds=round(after / rate))
    end = datetime.datetime.now() + left
    print(f"{after} images left, {tasks}, {rate:.1f} images/s: empty in {left} (at {end:%Y-%m-%d %H:%M})")
PYTHON
