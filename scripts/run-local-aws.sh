#!/usr/bin/env bash
# Starts a whole cluster on this machine: an emulator of AWS, backends and ML services.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/run-local-aws.sh [--backends N] [--ml-services N]
Sets everything up (scripts/setup.sh), starts an emulator of S3, SQS and DynamoDB from a Python package (no container),
creates what is needed (scripts/init-localstack.sh), and starts 2 backends (from PORT, default 8080) and 3 ML services
(from ML_PORT, default 8000) on it. Ctrl-C stops all of them; the emulator keeps nothing. The emulator's port is
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
. scripts/cluster-lib.sh
trap stop_cluster EXIT INT TERM
start_emulator "${EMULATOR_PORT:-4566}"
for ((i = 0; i < ml_services; i++)); do start_process "ml-service $i" ml-service $((${ML_PORT:-8000} + i)); done
start_backends "$backends" "${PORT:-8080}"
say "the cluster runs: its API and page are at http://localhost:${PORT:-8080} (Ctrl-C stops it)"
wait -n "${CLUSTER_PROCESSES[@]}" || true
die "one of the processes ended: its last line is above"
