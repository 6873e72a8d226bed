#!/usr/bin/env bash
# Uploads images for load tests; see scripts/pre-upload-images.py --help.
# shellcheck source-path=SCRIPTDIR
CALLED_FROM=$PWD
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

if [ "${1:-}" != -h ] && [ "${1:-}" != --help ] && [ -z "${BACKEND_API_URL:-}" ]; then
  resolve BACKEND_API_URL backend_api_url optional
  resolve_api_key
fi
script=$PWD/scripts/pre-upload-images.py
cd "$CALLED_FROM"
exec python3 "$script" "$@"
