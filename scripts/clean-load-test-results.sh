#!/usr/bin/env bash
# Deletes the raw data and reports of the load tests.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh
. scripts/load-lib.sh

yes=false
case ${1:-} in
-h | --help)
  cat <<'HELP'
usage: scripts/clean-load-test-results.sh [--yes]
Deletes the contents of load-tests/results/ and load-tests/reports/, after asking; --yes does not ask. LOAD_RESULTS and
LOAD_REPORTS set other folders.
HELP
  exit 0
  ;;
--yes) yes=true ;;
"") ;;
*) die "unknown argument $1; see --help" ;;
esac
[ $# -le 1 ] || die "it takes one argument at most; see --help"

runs=0
if [ -d "$LOAD_RESULTS" ]; then runs=$(find "$LOAD_RESULTS" -mindepth 2 -maxdepth 2 -type d | wc -l); fi
if [ "$runs" -eq 0 ] && [ ! -d "$LOAD_REPORTS" ]; then
  echo "there is nothing to delete"
  exit 0
fi
$yes || confirm "Delete the raw data of $runs runs in $LOAD_RESULTS, and the reports in $LOAD_REPORTS?"
# Only what load tests write: the folders may be set to others that hold more.
for scenario in $(scenarios); do rm -rf "${LOAD_RESULTS:?}/$scenario" "${LOAD_REPORTS:?}/$scenario"; done
rm -f "$LOAD_REPORTS/report.html"
rmdir "$LOAD_RESULTS" "$LOAD_REPORTS" 2>/dev/null || true
echo "$runs runs deleted"
