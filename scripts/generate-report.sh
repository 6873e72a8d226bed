#!/usr/bin/env bash
# Makes the graphs and the report of the load tests.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh
. scripts/load-lib.sh

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/generate-report.sh
Makes load-tests/reports/report.html, one self-contained page, and the graphs beside it as PNG files, from the newest run
of each scenario in load-tests/results/. LOAD_RESULTS and LOAD_REPORTS set other folders.
HELP
  exit 0
fi
[ $# -eq 0 ] || die "it takes no arguments; see --help"
compgen -G "$LOAD_RESULTS/*/*/run.json" >/dev/null ||
  die "there is nothing to report in $LOAD_RESULTS: run scripts/run-load-test.sh first"
install_load_tests
load_test report --results "$LOAD_RESULTS" --reports "$LOAD_REPORTS"
