#!/usr/bin/env bash
# Starts the emulator for the other containers, and creates the buckets, queues and the table in it.
# shellcheck source-path=SCRIPTDIR/../scripts source=lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  echo "usage: docker/emulator.sh
Serves an emulator of AWS at port 4566 of every address, inside a container; /tmp/ready appears when everything is created."
  exit 0
fi
# It listens on localhost only, which is right everywhere but in a container.
"$PYTHON" scripts/emulator.py --port 4566 &
socat "TCP-LISTEN:4566,fork,reuseaddr,bind=$(hostname -i)" TCP:127.0.0.1:4566 &
for _ in $(seq 300); do
  curl -s -o /dev/null http://127.0.0.1:4566 && break
  sleep 0.1
done
AWS_ENDPOINT_URL=http://127.0.0.1:4566 scripts/init-localstack.sh local
touch /tmp/ready
wait
