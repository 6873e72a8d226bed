#!/usr/bin/env bash
# Installs what is missing, builds the program and its page, and makes the models. Safe to run again.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/setup.sh
Installs libraries with apt-get (as root or with sudo) and Python packages into .deps/, builds the program into
build/release/ and the page into dashboard/dist/, and makes the models in .deps/models/.
HELP
  exit 0
fi
[ $# -eq 0 ] || die "it takes no arguments; see --help"

# shellcheck disable=SC2046
apt_install $(build_packages)
pip_install models models/requirements.txt
build_dashboard
build release -DBUILD_TESTING=OFF -- classifier
export_models
say "ready: build/release/classifier --help"
