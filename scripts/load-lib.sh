# Shared by the scripts of the load tests. Source it after lib.sh, aws-lib.sh and cluster-lib.sh.
# shellcheck shell=bash

LOAD_RESULTS=${LOAD_RESULTS:-load-tests/results}
LOAD_REPORTS=${LOAD_REPORTS:-load-tests/reports}

# load_test MODULE ARGUMENT…: runs a module of load-tests/loadtest.
load_test() {
  local module=$1
  shift
  PYTHONPATH=load-tests:scripts "$PYTHON" -m "loadtest.$module" "$@"
}

install_load_tests() { pip_install load scripts/requirements-aws.txt load-tests/requirements.txt; }

scenarios() { find load-tests/scenarios -name '*.toml' -printf '%f\n' | sed 's/\.toml$//' | sort; }

require_scenario() {
  [ -n "$1" ] || die "name a scenario: $(scenarios | tr '\n' ' ')"
  scenarios | grep -qx -- "$1" || die "there is no scenario \"$1\": $(scenarios | tr '\n' ' ')"
}

# choose_target GIVEN: sets target; if GIVEN is empty, a deployment comes first, then the server of BACKEND_API_URL.
choose_target() {
  target=$1
  if [ -z "$target" ]; then
    resolve CLUSTER_NAME cluster_name optional
    if [ -n "$CLUSTER_NAME" ]; then
      target=aws
    elif [ -n "${BACKEND_API_URL:-}" ]; then
      target=server
    else
      target=local
    fi
  fi
  case $target in
  aws | server | local | emulator) ;;
  *) die "--on is \"$target\", but must be aws, server, local or emulator" ;;
  esac
}

resolve_deployment() {
  require_credentials
  resolve_services
  resolve_queues
  resolve BACKEND_API_URL backend_api_url
  resolve_api_key
}

# The state of autoscaling that a scenario needs: active or suspended.
wanted_autoscaling() { sed -n 's/^autoscaling = "\(.*\)"$/\1/p' "load-tests/scenarios/$1.toml" | head -n 1; }

# The state of the ML service's autoscaling.
autoscaling_state() {
  local limits suspended _
  limits=$(scaling_limits "$ML_SERVICE_NAME")
  [ -n "$limits" ] || die "the service $ML_SERVICE_NAME of cluster $CLUSTER_NAME has no autoscaling"
  read -r _ _ suspended <<<"$limits"
  if [ "$suspended" = True ]; then echo suspended; else echo active; fi
}

# free_ports COUNT: prints the first of COUNT free ports in a row.
free_ports() {
  python3 - "$1" <<'PYTHON'
import random
import socket
import sys

for _ in range(100):
    first = random.randrange(20000, 30000)
    try:
        for port in range(first, first + int(sys.argv[1])):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        continue
    print(first)
    break
else:
    sys.exit("there are no free ports")
PYTHON
}

# The photos to upload if none are given.
own_images() {
  if [ -d images ]; then
    echo images
  else
    export_samples >&2
    echo "$DEPS/samples"
  fi
}

# start_target local|emulator FOLDER: starts a cluster without workers and uploads photos; sets BACKEND_API_URL and keys.
start_target() {
  local port backends=1 i
  if [ "$1" = emulator ]; then
    backends=2
    start_emulator "$(free_ports 1)"
  else
    unset DYNAMODB_TABLE REQUEST_QUEUE_URL STATUS_QUEUE_URL AWS_ENDPOINT_URL
    export DATA_DIR=$CLUSTER_LOGS/data
  fi
  port=$(free_ports $backends)
  # A line for each request would hide the progress of the test.
  export LOG_LEVEL=${LOG_LEVEL:-warn}
  say "starting $backends backend(s)"
  start_backends $backends "$port"
  keys=$CLUSTER_LOGS/s3_keys.json
  BACKEND_API_URL=http://127.0.0.1:$port scripts/pre-upload-images.sh --folder "$2" --count 60 --output "$keys" >&2
  BACKEND_API_URL=http://127.0.0.1:$port
  for ((i = 1; i < backends; i++)); do BACKEND_API_URL+=,http://127.0.0.1:$((port + i)); done
}
