#!/usr/bin/env bash
# Sets everything up, starts the service, and classifies photos with both job types.
# shellcheck source-path=SCRIPTDIR
CALLED_FROM=$PWD
. "$(dirname "$0")/lib.sh"

once=false folder=""
for argument in "$@"; do
  case $argument in
  -h | --help)
    cat <<'HELP'
usage: scripts/run.sh [--once] [FOLDER]
Sets everything up (scripts/setup.sh), starts the service, uploads the photos of FOLDER (or a few sample photos),
classifies them into ImageNet's classes and into categories, and prints the results and the page's address. Files of
FOLDER that are no photos are passed over and counted, as by `classifier upload`. The
service runs until Ctrl-C; with --once it stops after the results.
LABELS sets the categories; PORT, DATA_DIR and the other variables of docs/configuration.md apply too.
START_SECONDS (60) is how long the service may take to become ready.
HELP
    exit 0
    ;;
  --once) once=true ;;
  -*) die "unknown option $argument; see --help" ;;
  *) folder=$(cd "$CALLED_FROM" && realpath -- "$argument") ;;
  esac
done
if [ -n "$folder" ] && [ ! -d "$folder" ]; then die "there is no folder $folder"; fi

scripts/setup.sh
classifier=build/release/classifier
folder=${folder:-$DEPS/samples}
export PORT=${PORT:-8080}
export BACKEND_API_URL=http://localhost:$PORT

if [ "$PORT" = 0 ]; then die "PORT must be a port, not 0: the photos are uploaded there"; fi
# Another program there would be mistaken for the service.
if (exec 3<>"/dev/tcp/localhost/$PORT") 2>/dev/null; then
  die "another program listens on port $PORT: stop it, or choose another port with PORT="
fi

say "starting the service"
LOG_LEVEL=${LOG_LEVEL:-warn} "$classifier" serve &
server=$!
trap 'kill -TERM "$server" 2>/dev/null || true; wait "$server" || true' EXIT
ready=false
for _ in $(seq "$((10 * ${START_SECONDS:-60}))"); do
  if curl -fsS --max-time 5 "$BACKEND_API_URL/ready" >/dev/null 2>&1; then ready=true; fi
  kill -0 "$server" 2>/dev/null || die "the service did not start: its last line above says why"
  if $ready; then break; fi
  sleep 0.1
done
$ready || die "the service was not ready within ${START_SECONDS:-60} seconds"

# go_on CODE WHAT: continues after a command that exited with CODE, unless it failed completely.
go_on() {
  [ "$1" -le 1 ] || exit "$1"
  say "$2"
}

keys=$(mktemp)
"$classifier" upload "$folder" --keys-out "$keys" || go_on $? "some photos were rejected: continuing with the others"
grep -q '"' "$keys" || die "none of the photos in $folder could be uploaded"
labels=${LABELS:-cat,dog,bird,flower,food,person,vehicle,building,beach}
for categories in "" "$labels"; do
  if [ -z "$categories" ]; then
    say "ImageNet's 1,000 classes"
    arguments=()
  else
    say "your categories: $categories"
    arguments=(--labels "$categories")
  fi
  job=$("$classifier" submit --keys-file "$keys" --threshold 0.3 "${arguments[@]}")
  "$classifier" watch "$job" >/dev/null || go_on $? "some images failed"
  "$classifier" result "$job" || go_on $? "some images have no result"
done
rm -f "$keys"
$once && exit 0
say "the service runs: its page is at $BACKEND_API_URL (Ctrl-C stops it)"
wait "$server"
