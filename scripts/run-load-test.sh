#!/usr/bin/env bash
# Runs one scenario of the load tests, and makes the report.
# shellcheck source-path=SCRIPTDIR
CALLED_FROM=$PWD
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh
. scripts/load-lib.sh

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<HELP
usage: scripts/run-load-test.sh NAME [options]
Runs a scenario: $(scenarios | paste -sd ' '), and makes the report (load-tests/reports/report.html).
  --on aws        the deployment; the default if there is one
  --on server     the service at BACKEND_API_URL (default http://localhost:8080) as it is; API_KEY is its key
  --on local      a backend and ML services, started here for the test, on files and SQLite; the default otherwise
  --on emulator   2 backends and ML services, started here, on an emulator of AWS
  --duration S    seconds of load (of each step, if there are several)
  --users N       clients at once
  --rate R        jobs a second, or a multiple of the service's capacity, such as 2x
  --workers N,N…  initial workers; several are the steps of throughput_scaling
  --most-workers N  maximum of workers for the scaler on this machine (default 4)
  --time-scale F  how much faster the minutes of autoscaling pass on this machine (default 60)
  --keys FILE     output of scripts/pre-upload-images.sh (default s3_keys.json); made for local and emulator
  --images FOLDER photos to upload for local and emulator (default: images, if it exists, or a few samples)
  --seed N        repeats the jobs of a run with this seed
  --no-report     only raw data, in load-tests/results/
What each scenario does, and its objectives, are in load-tests/scenarios/ and docs/load-tests.md.
Exits with 1 if the test could not run, and with 2 if an objective was missed.
HELP
  exit 0
fi
name=${1:-}
require_scenario "$name"
shift
on="" keys="" images="" report=true options=()
while [ $# -gt 0 ]; do
  case $1 in
  --on) on=${2:-} ;;
  --keys) keys=${2:-} ;;
  --images) images=${2:-} ;;
  --duration | --users | --workers | --rate | --most-workers | --time-scale | --seed)
    [ $# -ge 2 ] || die "$1 needs a value; see --help"
    options+=("$1" "$2")
    ;;
  --no-report)
    report=false
    shift
    continue
    ;;
  *) die "unknown option $1; see --help" ;;
  esac
  [ $# -ge 2 ] || die "$1 needs a value; see --help"
  shift 2
done
choose_target "$on"
# File names are relative to the caller's folder.
in_callers_folder() { (cd "$CALLED_FROM" && realpath -m -- "$1"); }

. scripts/cluster-lib.sh
trap stop_cluster EXIT
trap 'stop_cluster; exit 130' INT TERM
case $target in
aws)
  resolve_deployment
  wanted=$(wanted_autoscaling "$name") state=$(autoscaling_state)
  action=$([ "$wanted" = active ] && echo resume || echo suspend)
  [ "$state" = "$wanted" ] ||
    die "$name needs autoscaling that is $wanted, and it is $state: run scripts/manage-autoscaling.sh $action, or scripts/run-all-tests.sh, which does that"
  ;;
server) BACKEND_API_URL=${BACKEND_API_URL:-http://localhost:8080} ;;
esac

case $target in
aws | server)
  keys=$(in_callers_folder "${keys:-s3_keys.json}")
  [ -f "$keys" ] || die "there is no $keys: upload images with scripts/pre-upload-images.sh, or name the file with --keys"
  curl -s -o /dev/null --max-time 10 "$BACKEND_API_URL/health" ||
    die "$BACKEND_API_URL does not answer: start the service (scripts/run.sh), or use --on local, which starts one for the test"
  install_load_tests
  ;;
*)
  [ -z "$images" ] || images=$(in_callers_folder "$images")
  [ -z "$images" ] || [ -d "$images" ] || die "there is no folder $images"
  [ -x build/release/classifier ] || scripts/setup.sh
  install_load_tests
  unset API_KEY API_KEYS
  start_target "$target" "${images:-$(own_images)}"
  ;;
esac

# In the background, so that a signal is handled at once; not in a function, whose process would be a shell.
code=0
PYTHONPATH=load-tests:scripts "$PYTHON" -m loadtest.run "$name" --on "$target" --url "$BACKEND_API_URL" --keys "$keys" --results "$LOAD_RESULTS" \
  "${options[@]}" &
CLUSTER_PROCESSES+=($!)
wait $! || code=$?
if $report && { [ $code -eq 0 ] || [ $code -eq 2 ]; }; then
  load_test report --results "$LOAD_RESULTS" --reports "$LOAD_REPORTS"
fi
exit $code
