# Shared by the scripts that start the parts of a cluster on this machine. Source it after lib.sh.
# shellcheck shell=bash

CLUSTER_PROCESSES=()
CLUSTER_LOGS=$(mktemp -d)
export CLUSTER_LOGS

# Stops everything that was started here.
stop_cluster() {
  trap - EXIT INT TERM
  if [ ${#CLUSTER_PROCESSES[@]} -gt 0 ] && kill -TERM "${CLUSTER_PROCESSES[@]}" 2>/dev/null; then
    say "stopping"
  fi
  wait
  rm -rf "$CLUSTER_LOGS"
}

# start_emulator PORT: starts an emulator of AWS with everything that the service needs; sets the variables of the service,
# and EMULATOR, its process.
start_emulator() {
  pip_install aws scripts/requirements-aws.txt
  export AWS_ENDPOINT_URL=http://127.0.0.1:$1
  curl -s -o /dev/null "$AWS_ENDPOINT_URL" && die "port $1 is taken: set EMULATOR_PORT to another one"
  say "starting the emulator at $AWS_ENDPOINT_URL"
  "$PYTHON" scripts/emulator.py --port "$1" >"$CLUSTER_LOGS/emulator.log" 2>&1 &
  EMULATOR=$!
  CLUSTER_PROCESSES+=("$EMULATOR")
  for _ in $(seq 300); do
    curl -s -o /dev/null "$AWS_ENDPOINT_URL" && break
    kill -0 "$EMULATOR" 2>/dev/null || die "the emulator did not start: $(tail -n 1 "$CLUSTER_LOGS/emulator.log")"
    sleep 0.1
  done
  # shellcheck disable=SC2046
  eval "$(scripts/init-localstack.sh)"
}

# start_process NAME COMMAND PORT: prefixes its output with its name.
start_process() {
  PORT=$3 ML_PORT=$3 build/release/classifier "$2" 2> >(sed -u "s/^/[$1] /" >&2) &
  CLUSTER_PROCESSES+=($!)
}

# start_backends COUNT PORT: starts them from that port on, and waits until they are ready.
start_backends() {
  local i
  for ((i = 0; i < $1; i++)); do start_process "backend $i" backend $(($2 + i)); done
  for ((i = 0; i < $1; i++)); do
    for _ in $(seq 300); do
      curl -fsS -o /dev/null "http://localhost:$(($2 + i))/ready" 2>/dev/null && continue 2
      sleep 0.1
    done
    die "the backend at port $(($2 + i)) is not ready: its last line is above"
  done
}
