#!/usr/bin/env bash
# Serves the dashboard on this machine, for any backend.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/run-dashboard.sh [URL]
Builds the page and serves it at http://localhost:8501 (DASHBOARD_PORT; if that is taken, the next free port) for the
backend at URL. Without a URL: BACKEND_API_URL, the deployment's, or http://localhost:8080. Ctrl-C stops it.
HELP
  exit 0
fi
[ $# -le 1 ] || die "it takes one argument at most; see --help"
url=${1:-${BACKEND_API_URL:-$(output backend_api_url)}}
build_dashboard
exec python3 scripts/dashboard.py "${url:-http://localhost:8080}"
