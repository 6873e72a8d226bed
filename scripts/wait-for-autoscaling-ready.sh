#!/usr/bin/env bash
# Waits until both services are at rest.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

read_timeout 1800 "usage: scripts/wait-for-autoscaling-ready.sh [--timeout SECONDS]
Returns when autoscaling is active and both services have shrunk to their minimum number of tasks, all of them running:
the state for starting a measurement. Fails after 1800 seconds, or --timeout." "$@"
require_credentials
resolve_services

at_rest() {
  local name limits counts least suspended running desired pending _
  for name in "$BACKEND_SERVICE_NAME" "$ML_SERVICE_NAME"; do
    limits=$(scaling_limits "$name") || exit 1
    [ -n "$limits" ] || die "the service $name of cluster $CLUSTER_NAME has no autoscaling"
    read -r least _ suspended <<<"$limits"
    [ "$suspended" != True ] || die "autoscaling of $name is suspended: run scripts/manage-autoscaling.sh resume"
    counts=$(service_counts "$name") || exit 1
    read -r running desired pending <<<"$counts"
    if [ "$running" -ne "$desired" ] || [ "$pending" -ne 0 ] || [ "$desired" -gt "$least" ]; then
      say "$name: $running of $desired tasks run, at rest with $least"
      return 1
    fi
  done
}
wait_for "$timeout" "both services at rest" at_rest
say "ready: both services are at rest"
