#!/usr/bin/env bash
# Starts a whole cluster on this machine: an emulator of AWS, backends and ML services.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/run-local-aws.sh [--backends N] [--ml-services N]
Sets everything up (scripts/setup.sh), starts an emulator of S3, SQS and DynamoDB from a Python package (no container),
creates what is needed (scripts/init-localstack.sh), and starts 2 backends (from PORT, default 8080) and 3 ML services
(from ML_PORT, default 8000) on it. Ctrl-C ends all of them; the emulator forgets everything then. The emulator's port is
EMULATOR_PORT (default 4566).
HELP
  exit 0
fi
backends=2 ml_services=3
while [ $# -gt 0 ]; do
  case $1 in
  --backends) backends=${2:-} ;;
  --ml-services) ml_services=${2:-} ;;
  *) die "unknown option $1; see --help" ;;
  esac
  [[ "${2:-}" =~ ^[0-9]+$ ]] || die "$1 needs a number"
  shift 2
done

scripts/setup.sh
pip_install aws scripts/requirements-aws.txt
port=${EMULATOR_PORT:-4566}
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
curl -s -o /dev/null "$AWS_ENDPOINT_URL" && die "port $port is taken: set EMULATOR_PORT to another one"
logs=$(mktemp -d)
processes=()
# shellcheck disable=SC2317  # called by the trap
stop() {
  trap - EXIT INT TERM
  say "stopping"
  [ ${#processes[@]} -eq 0 ] || kill -TERM "${processes[@]}" 2>/dev/null || true
  wait
}
trap stop EXIT INT TERM

say "starting the emulator at $AWS_ENDPOINT_URL"
"$PYTHON" scripts/emulator.py --port "$port" >"$logs/emulator.log" 2>&1 &
emulator=$!
for _ in $(seq 300); do
  curl -s -o /dev/null "$AWS_ENDPOINT_URL" && break
  kill -0 "$emulator" 2>/dev/null || die "the emulator did not start: $(tail -n 1 "$logs/emulator.log")"
  sleep 0.1
done
# shellcheck disable=SC2046
eval "$(scripts/init-localstack.sh)"

# start_process NAME COMMAND PORT
start_process() {
  PORT=$3 ML_PORT=$3 build/release/classifier "$2" 2> >(sed -u "s/^/[$1] /" >&2) &
  processes+=($!)
}
for ((i = 0; i < backends; i++)); do start_process "backend $i" backend $((${PORT:-8080} + i)); done
for ((i = 0; i < ml_services; i++)); do start_process "ml-service $i" ml-service $((${ML_PORT:-8000} + i)); done
processes+=("$emulator")
for ((i = 0; i < backends; i++)); do
  for _ in $(seq 300); do
    curl -fsS -o /dev/null "http://localhost:$((${PORT:-8080} + i))/ready" 2>/dev/null && break
    sleep 0.1
  done
done
say "the cluster runs: its API and page are at http://localhost:${PORT:-8080} (Ctrl-C ends it)"
wait -n "${processes[@]}" || true
die "one of the processes ended: its last line is above"
