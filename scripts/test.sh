#!/usr/bin/env bash
# Runs every check: formatting, linters, types, unit, contract and end-to-end tests.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: scripts/test.sh [--tsan] [--quick]
Installs what the tests need, builds once, and runs everything; the summaries of the runners come last.
  --quick  skips clang-tidy, and runs the C++ tests without sanitizers
  --tsan   also builds and runs the C++ tests with ThreadSanitizer
HELP
  exit 0
fi
quick=false tsan=false
for argument in "$@"; do
  case $argument in
  --quick) quick=true ;;
  --tsan) tsan=true ;;
  *) die "unknown option $argument; see --help" ;;
  esac
done

# Formatting, linters, types, licences and known vulnerabilities.
check() {
  git ls-files -- '*.cpp' '*.hpp' '*.c' '*.h' | xargs clang-format-19 --dry-run --Werror
  git ls-files -- 'bench/*.sh' 'scripts/*.sh' 'docker/*.sh' 'tests/*.sh' '.ci/run' | xargs shellcheck -x
  git ls-files -- '*.py' | xargs "$VENV/bin/ruff" check --quiet
  git ls-files -- '*.py' | xargs "$VENV/bin/ruff" format --check --quiet
  "$VENV/bin/mypy" models/export models/evaluate_conse.py models/evaluate_labels.py
  "$VENV/bin/mypy" tests/models
  MYPYPATH=models:tests:bench:scripts "$VENV/bin/mypy" tests/*.py tests/e2e tests/api tests/infra tests/packages bench scripts/*.py
  MYPYPATH=tests:tests/infra:scripts:load-tests "$VENV/bin/mypy" load-tests/loadtest tests/load
  MYPYPATH=models:tests:tests/soak "$VENV/bin/mypy" tests/soak tests/fuzz
  MYPYPATH=tests:tests/conformance "$VENV/bin/mypy" tests/conformance
  "$VENV/bin/mypy" docker/sbom.py
  npm_run run --silent check
  "$PYTHON" scripts/check-licences.py
  "$PYTHON" scripts/check-vulnerabilities.py
}

install_test_tools() {
  pip_install dev models/requirements.txt models/requirements-int8.txt requirements-dev.txt
  pip_install aws scripts/requirements-aws.txt
  pip_install load scripts/requirements-aws.txt load-tests/requirements.txt
  aws_test_servers
  terraform_checker
}

# clang-tidy reads each file by itself, as the preset `tidy` describes them.
analyse() {
  cmake --preset tidy >/dev/null
  git ls-files -- 'src/*.cpp' | xargs -P "$(nproc)" -n 1 "$VENV/bin/clang-tidy" -p build/tidy --quiet
}

build_sanitized() {
  local sanitizer
  for sanitizer in "$@"; do build "$sanitizer" -- cpp_tests; done
}

# run_ctest PRESET [ARGUMENT...]: with the servers that replace AWS; many at once, since those tests mostly wait.
run_ctest() {
  "$PYTHON" tests/aws_servers.py ctest --preset "$1" -j "$((4 * $(nproc)))" "${@:2}" >"build/ctest-$1.log" 2>&1 ||
    { cat "build/ctest-$1.log" && die "C++ tests failed ($1)"; }
}

# What compiles and analyses takes the time that the tests, which often wait, leave to it.
low_priority() { renice -n 15 "$BASHPID" >/dev/null && "$@"; }

mkdir -p build && rm -f build/ctest-*.log
apt_install python3 python3-venv ca-certificates curl wordnet-base
# shellcheck disable=SC2046
install_beside $(build_packages) $(test_packages)
start page build_dashboard
pip_install models models/requirements.txt
start models export_models
start test-tools install_test_tools
finish libraries
# Each C++ test is built once, with or without sanitizers; those of code that optimisation may change are built with both.
if $quick; then tests=cpp_tests; else tests=optimised_tests; fi
build release -DBUILD_TESTING=ON -DBUILD_BENCHMARKS=ON -- classifier benchmarks "$tests"
finish page
finish models
finish test-tools

npm_packages
start checks low_priority check
sanitizers=()
if ! $quick; then
  sanitizers+=(asan)
  start clang-tidy low_priority analyse
fi
if $tsan; then sanitizers+=(tsan); fi
start sanitizers low_priority build_sanitized "${sanitizers[@]}"

say "C++ tests"
if $quick; then run_ctest release; else run_ctest release -L optimised; fi
say "Python and end-to-end tests; meanwhile the checks, and the C++ tests with sanitizers are built"
export CLASSIFIER_BIN=$PWD/build/release/classifier
"$VENV/bin/pytest" -q -n "$(($(nproc) + 1))" tests # some tests only wait
say "browser tests"
npm_run run --silent test:browser
say "formatting, linters, types, licences and known vulnerabilities"
finish checks
cat build/logs/checks.log
if ! $quick; then
  say "clang-tidy"
  finish clang-tidy
fi
finish sanitizers
for sanitizer in "${sanitizers[@]}"; do
  say "C++ tests with sanitizers ($sanitizer)"
  run_ctest "$sanitizer"
done

grep -E "tests passed|Total Test time" build/ctest-*.log
