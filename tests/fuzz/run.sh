#!/usr/bin/env bash
# Fuzzes each target for some minutes of processor time, and prints a row of a table for each.
set -euo pipefail

cd "$(dirname "$0")/../.."
if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: tests/fuzz/run.sh [MINUTES] [TARGET…]
Needs cmake --preset fuzz && cmake --build --preset fuzz, and for the target checkpoint
.deps/venv/bin/pip install -r tests/fuzz/requirements.txt. Runs one target after the other, on one core; by default
all of them, for 10 minutes each. New inputs are kept in build/fuzz/corpus, from which the next run continues;
failing inputs are in build/fuzz/findings. Exits with 1 if there are any.
HELP
  exit 0
fi
minutes=${1:-10}
shift || true
programs=build/fuzz/tests/fuzz
if [ $# -eq 0 ]; then
  set -- checkpoint
  for program in "$programs"/*_fuzz; do
    name=${program##*/}
    set -- "$@" "${name%_fuzz}"
  done
fi
"$programs/make_seeds" build/fuzz/seeds

dictionary_of() {
  case $1 in
  http) echo -dict=tests/fuzz/dictionaries/http.dict ;;
  json_body | key_file | queue | dynamo | model) echo -dict=tests/fuzz/dictionaries/json.dict ;;
  esac
}

# fuzz TARGET: runs in pieces, since libFuzzer measures wall-clock time, not processor time.
fuzz() {
  local target=$1 seeds=tests/fuzz/seeds/$1 corpus=build/fuzz/corpus/$1 findings=build/fuzz/findings/$1
  local log=build/fuzz/$1.log used=0 executions=0 edges=- found status=0 piece
  [ -d "$seeds" ] || seeds=build/fuzz/seeds/$target
  local program=("$programs/${target}_fuzz")
  [ "$target" != checkpoint ] || program=(.deps/venv/bin/python tests/fuzz/checkpoint_fuzz.py)
  mkdir -p "$corpus" "$findings"
  local wanted
  wanted=$(awk "BEGIN { print int($minutes * 60) }")
  while [ "$used" -lt "$wanted" ] && [ "$status" -eq 0 ]; do
    TIMEFORMAT='%U %S'
    # shellcheck disable=SC2046
    piece=$({ time "${program[@]}" $(dictionary_of "$target") -max_total_time=$((wanted - used)) \
      -max_len=4096 -rss_limit_mb=2048 -timeout=25 -report_slow_units=25 -print_final_stats=1 -verbosity=1 \
      -artifact_prefix="$findings/" "$corpus" "$seeds" >"$log" 2>&1; } 2>&1) || status=$?
    used=$((used + $(echo "$piece" | awk 'END { print int($1 + $2) + 1 }')))
    executions=$((executions + $(awk '/stat::number_of_executed_units/ { n = $2 } END { print n + 0 }' "$log")))
    edges=$(awk '{ for (i = 1; i < NF; i++) if ($i == "cov:") n = $(i + 1) } END { print n + 0 }' "$log")
  done
  found=$(find "$findings" -type f | wc -l)
  printf '| %s | %s | %s | %s | %s |\n' "$target" "$(awk "BEGIN { printf \"%.1f\", $used / 60 }")" "$executions" \
    "$edges" "$found"
  [ "$found" -eq 0 ]
}

echo '| target | minutes | executions | coverage edges | findings |'
echo '| --- | ---: | ---: | ---: | ---: |'
failed=false
for target; do
  fuzz "$target" || failed=true
done
! $failed
