#!/usr/bin/env bash
# Empties the job table.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

yes=false
for argument in "$@"; do
  case $argument in
  -h | --help)
    cat <<'HELP'
usage: scripts/clean-dynamodb.sh [--yes]
Deletes every job and result from the job table (DYNAMODB_TABLE, or the deployment's) after asking; --yes does not ask.
Images stay. Running jobs are lost: wait for them first (scripts/wait-for-queue-empty.sh).
HELP
    exit 0
    ;;
  --yes) yes=true ;;
  *) die "unknown argument $argument; see --help" ;;
  esac
done
require_credentials
resolve DYNAMODB_TABLE aws_resources.dynamodb_table
endpoint=${AWS_ENDPOINT_URL_DYNAMODB:-${AWS_ENDPOINT_URL:-}}
place="in AWS, region $AWS_REGION"
[ -z "$endpoint" ] || place="at $endpoint"
$yes || confirm "Delete all jobs and results in the table $DYNAMODB_TABLE ($place)?"
if ! python3 -c 'import boto3' 2>/dev/null; then
  pip_install aws scripts/requirements-aws.txt
else
  PYTHON=python3
fi
"$PYTHON" scripts/empty-dynamodb.py "$DYNAMODB_TABLE"
