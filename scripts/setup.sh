#!/usr/bin/env bash
# Installs what is missing, builds the program and its page, and makes the models. Safe to run again.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/setup.sh
Installs libraries with apt-get (as root or with sudo) and Python packages into .deps/, builds the program into
build/release/ and the page into dashboard/dist/, and makes the models in .deps/models/. What does not depend on each
other runs at the same time; the output of each step is in build/logs/.
HELP
  exit 0
fi
[ $# -eq 0 ] || die "it takes no arguments; see --help"

# What the steps below need before the first of them.
apt_install python3 python3-venv ca-certificates curl wordnet-base
# shellcheck disable=SC2046
install_beside $(build_packages)
start page build_dashboard
pip_install models models/requirements.txt
start models export_models
finish libraries
build release -DBUILD_TESTING=OFF -- classifier
finish page
finish models
say "ready: build/release/classifier --help"
