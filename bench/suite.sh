#!/usr/bin/env bash
# Runs the benchmark suite.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../scripts/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: bench/suite.sh [--only PART…] [--rounds N] [--quick] [--photo FILE.jpg] [--docs]
Installs what the comparison needs (including PyTorch, about 6 GB in .deps/baseline), makes the models with random weights,
builds, and measures: this program and the Python stack, steps, API, growth, start. Tables and plots are in build/bench.
  --only PART…  python limits steps batches api images history labels start; none: only the page from the last results
  --rounds N    runs of each measurement [5]
  --quick       small runs, to check that everything works
  --photo FILE  a JPEG, which is resized for the runs [a sample photo]
  --docs        also writes docs/performance.md and its plots
HELP
  exit 0
fi

# shellcheck disable=SC2046
apt_install $(build_packages) libbenchmark-dev libgtest-dev wrk
pip_install models models/requirements.txt
pip_install bench models/requirements.txt models/requirements-int8.txt bench/requirements.txt
pip_install aws scripts/requirements-aws.txt
command -v go >/dev/null || die "the server for comparison with the API needs Go 1.22 or newer"
if [ ! -f "$DEPS/baseline/.made" ]; then
  say "installing the Python stack to compare with (about 6 GB)"
  python3 -m venv "$DEPS/baseline"
  "$DEPS/baseline/bin/pip" install --quiet -r bench/requirements-baseline.txt
  touch "$DEPS/baseline/.made"
fi
build release -DBUILD_BENCHMARKS=ON
build_dashboard
export_models
say "making the models with random weights"
"$PYTHON" bench/random_models.py "$DEPS/bench-models" >/dev/null
photo=()
case " $* " in
*" --photo "* | *" --photo="*) ;;
*)
  (cd models && "../$PYTHON" -m export samples "../$DEPS/samples")
  photo=(--photo "$DEPS/samples/china.jpg")
  ;;
esac
exec "$PYTHON" bench/suite.py "${photo[@]}" "$@"
