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

# shellcheck disable=SC2046
apt_install $(build_packages) $(test_packages)
pip_install models models/requirements.txt
pip_install dev models/requirements.txt models/requirements-int8.txt requirements-dev.txt
pip_install aws scripts/requirements-aws.txt
pip_install load scripts/requirements-aws.txt load-tests/requirements.txt
mkdir -p build && rm -f build/ctest-*.log

# Formatting, linters, types, licences.
check() {
  git ls-files -- '*.cpp' '*.hpp' '*.c' '*.h' | xargs clang-format-19 --dry-run --Werror
  git ls-files -- 'bench/*.sh' 'scripts/*.sh' 'docker/*.sh' 'tests/*.sh' '.ci/run' | xargs shellcheck -x
  git ls-files -- '*.py' | xargs "$VENV/bin/ruff" check --quiet
  git ls-files -- '*.py' | xargs "$VENV/bin/ruff" format --check --quiet
  "$VENV/bin/mypy" models/export models/evaluate_conse.py
  "$VENV/bin/mypy" tests/models
  MYPYPATH=models:tests:bench:scripts "$VENV/bin/mypy" tests/*.py tests/e2e tests/api tests/infra bench scripts/*.py
  MYPYPATH=tests:tests/infra:scripts:load-tests "$VENV/bin/mypy" load-tests/loadtest tests/load
  MYPYPATH=models:tests:tests/soak "$VENV/bin/mypy" tests/soak tests/fuzz
  "$VENV/bin/mypy" docker/sbom.py
  npm_run run --silent check
  "$PYTHON" scripts/check-licences.py
  "$PYTHON" scripts/check-vulnerabilities.py
}

# In parallel with the build, since each of them uses one core at most.
{ aws_test_servers && terraform_checker; } &
servers=$!
build_dashboard
[ -d dashboard/node_modules ] || npm_run ci --silent --no-audit --no-fund
check >build/check.log 2>&1 &
checks=$!
# Each C++ test is built once, with or without sanitizers; those of code that optimisation may change are built with both.
if $quick; then tests=cpp_tests; else tests=optimised_tests; fi
build release -DBUILD_TESTING=ON -DBUILD_BENCHMARKS=ON -- classifier benchmarks "$tests"
export_models
export_samples
wait "$servers"
say "formatting, linters, types, licences and known vulnerabilities"
wait "$checks" || { cat build/check.log && die "a check failed"; }
cat build/check.log
if ! $quick; then
  say "clang-tidy"
  git ls-files -- 'src/*.cpp' | xargs -P "$(nproc)" -n 1 "$VENV/bin/clang-tidy" -p build/release --quiet 2>/dev/null
fi

# run_ctest PRESET [ARGUMENT...]: with the servers that replace AWS; many at once, since those tests mostly wait.
run_ctest() {
  "$PYTHON" tests/aws_servers.py ctest --preset "$1" -j "$((4 * $(nproc)))" "${@:2}" >"build/ctest-$1.log" 2>&1 ||
    { cat "build/ctest-$1.log" && die "C++ tests failed ($1)"; }
}
say "C++ tests"
if $quick; then
  run_ctest release
else
  run_ctest release -L optimised
  say "C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer"
  build asan -- cpp_tests
  run_ctest asan
fi
if $tsan; then
  say "C++ tests with ThreadSanitizer"
  build tsan -- cpp_tests
  run_ctest tsan
fi
say "Python and end-to-end tests"
export CLASSIFIER_BIN=$PWD/build/release/classifier
"$VENV/bin/pytest" -q -n "$(($(nproc) + 1))" tests  # some only wait
say "browser tests"
npm_run run --silent test:browser

grep -E "tests passed|Total Test time" build/ctest-*.log
