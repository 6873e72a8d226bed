#!/usr/bin/env bash
# Builds the program and makes its packages: a .deb for this distribution, and a .tar.gz that runs from any folder.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/package.sh
Installs what building needs, builds the program and its page, and writes into build/packages/:
  classifier_VERSION_amd64.deb                  for the distribution that this runs on: Debian 12 or Ubuntu 24.04
  classifier_VERSION_DISTRIBUTION_amd64.tar.gz  the same, to be unpacked into any folder
Checks the .deb with lintian, if that is installed. docs/packages.md says how to use them, scripts/test-packages.sh
tries them in a clean system.
HELP
  exit 0
fi
[ $# -eq 0 ] || die "it takes no arguments; see --help"

# shellcheck disable=SC2046
apt_install $(build_packages) dpkg-dev file
pip_install models models/requirements.txt
build_dashboard
build release -DBUILD_TESTING=OFF -- classifier

version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
described=$(dpkg-parsechangelog -l packaging/changelog -S Version)
[ "$version" = "$described" ] ||
  die "packaging/changelog begins with version $described, but CMakeLists.txt has $version: describe $version there"

say "making the packages"
# The date of the manual page, so that two packages of one version do not differ by it.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l packaging/changelog -S Timestamp)
export SOURCE_DATE_EPOCH
packages=build/packages
rm -rf "$packages"
# Compressing takes a minute; what it says matters only if it fails.
cpack --config build/release/CPackConfig.cmake -B "$packages" >build/package.log 2>&1 ||
  { cat build/package.log && die "the packages could not be made"; }
rm -rf "$packages/_CPack_Packages"

if command -v lintian >/dev/null; then
  say "lintian"
  lintian --fail-on error "$packages"/*.deb
else
  say "not checked by lintian, which is not installed"
fi
say "ready:"
du --apparent-size -h "$packages"/*
