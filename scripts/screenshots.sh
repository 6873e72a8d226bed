#!/usr/bin/env bash
# Updates the screenshots of the dashboard in docs/images, with the real program and the sample photos.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/screenshots.sh [FOLDER]
Takes a screenshot of every page of the dashboard, on a desktop in light and dark, and on a phone, into FOLDER, or
docs/images. MORE_LOOKS=1 adds a dark phone, a tablet and a large screen, for work on the design.
HELP
  exit 0
fi
[ $# -le 1 ] || die "it takes one folder at most; see --help"
out=$(realpath -m -- "${1:-docs/images}")

scripts/setup.sh
# shellcheck disable=SC2046
apt_install $(test_packages)
export_samples
SCREENSHOTS=$out CLASSIFIER_BIN=$PWD/build/release/classifier npm_run run --silent screenshots
