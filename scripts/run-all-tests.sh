#!/usr/bin/env bash
# Runs all scenarios of the load tests, one after another, and makes the report.
# shellcheck source-path=SCRIPTDIR
CALLED_FROM=$PWD
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh
. scripts/load-lib.sh

# From the lightest to the heaviest.
ORDER=(sustained_load throughput_scaling autoscaling_response queue_explosion)

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<HELP
usage: scripts/run-all-tests.sh [options of run-load-test.sh]
Runs ${ORDER[*]}, and makes the report (load-tests/reports/report.html). --workers applies to
throughput_scaling only. --only NAME,NAME… skips the others.
On AWS it sets the autoscaling of the ML service as each scenario needs it, waits for empty queues before each, and at the
end, even if it is interrupted, restores autoscaling and the number of ML tasks.
Options, such as --on local, --duration 60 and --users 8, are those of scripts/run-load-test.sh --help.
Exits with 1 if a scenario could not run, and with 2 if an objective was missed.
HELP
  exit 0
fi
on="" workers=() options=()
while [ $# -gt 0 ]; do
  case $1 in
  --no-report) die "$1 is for scripts/run-load-test.sh" ;;
  --on) on=${2:-} ;;
  --only)
    IFS=, read -r -a ORDER <<<"${2:-}"
    for name in "${ORDER[@]}"; do require_scenario "$name"; done
    ;;
  --workers) workers=("$1" "${2:-}") ;;
  --*) options+=("$1" "${2:-}") ;;
  *) die "unknown argument $1; see --help" ;;
  esac
  [ $# -ge 2 ] || die "$1 needs a value; see --help"
  shift 2
done
choose_target "$on"

# The state to restore.
state="" tasks=""
# shellcheck disable=SC2317  # called by the traps
back_to_the_baseline() {
  trap - EXIT INT TERM
  [ -n "$tasks" ] || return 0
  say "restoring the initial state: autoscaling $state, $tasks ML tasks"
  scripts/scale-ml-service.sh "$tasks" || true
  scripts/manage-autoscaling.sh "$([ "$state" = active ] && echo resume || echo suspend)" ml-service || true
}

# prepare SCENARIO: sets the autoscaling that it needs, and waits until nothing is left of the previous one.
prepare() {
  [ "$target" = aws ] || return 0
  scripts/wait-for-queue-empty.sh || return 1
  if [ "$(wanted_autoscaling "$1")" = suspended ]; then
    scripts/manage-autoscaling.sh suspend ml-service
    return
  fi
  local limits least _
  limits=$(scaling_limits "$ML_SERVICE_NAME")
  read -r least _ <<<"$limits"
  scripts/scale-ml-service.sh "$least" && scripts/manage-autoscaling.sh resume ml-service && scripts/wait-for-autoscaling-ready.sh
}

if [ "$target" = aws ]; then
  resolve_deployment
  state=$(autoscaling_state)
  counts=$(service_counts "$ML_SERVICE_NAME")
  read -r _ tasks _ <<<"$counts"
  trap 'back_to_the_baseline; exit 130' INT TERM
  trap back_to_the_baseline EXIT
fi

worst=0 lines=()
for name in "${ORDER[@]}"; do
  say "$name"
  own=("${options[@]}")
  [ "$name" != throughput_scaling ] || own+=("${workers[@]}")
  code=0
  prepare "$name" || code=1
  if [ $code -eq 0 ]; then
    (cd "$CALLED_FROM" && "$OLDPWD/scripts/run-load-test.sh" "$name" --on "$target" --no-report "${own[@]}") || code=$?
  fi
  case $code in
  0) lines+=("passed          $name") ;;
  2)
    lines+=("FAILED          $name: an objective was missed")
    [ $worst -eq 1 ] || worst=2
    ;;
  *)
    lines+=("could not run   $name: the lines above say why")
    worst=1
    ;;
  esac
done
if compgen -G "$LOAD_RESULTS/*/*/run.json" >/dev/null; then scripts/generate-report.sh; fi
printf '%s\n' "${lines[@]}"
exit $worst
