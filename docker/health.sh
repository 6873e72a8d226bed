#!/usr/bin/env bash
# Checks that the service in this container is alive. Whether it is ready is only printed: when AWS does not answer for
# some minutes, replacing tasks does not help. The readiness check also keeps the queues in use, because SQS reports counts
# every minute only for those. The image has no curl.
set -euo pipefail

case ${1:-} in
'' | -h | --help)
  echo "usage: classifier-health PORT
Exits with 0 if the service at PORT of this machine answers GET /health with 200; prints whether it is ready."
  [ $# -gt 0 ] || exit 1
  exit 0
  ;;
esac
port=$1

# status PATH: prints the status of the answer; nothing if there is none within three seconds.
status() {
  local code=""
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
  read -r -t 3 _ code _ <&3 || true
  exec 3>&-
  echo "$code"
}

alive=$(status /health)
if [ "$alive" != 200 ]; then
  echo "not alive: GET /health at port $port answered ${alive:-nothing}"
  exit 1
fi
ready=$(status /ready || true)
[ "$ready" = 200 ] && echo "alive and ready" || echo "alive, but not ready: GET /ready answered ${ready:-nothing}"
