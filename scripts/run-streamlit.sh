#!/usr/bin/env bash
# The former name of scripts/run-dashboard.sh.
exec "$(dirname "$0")/run-dashboard.sh" "$@"
