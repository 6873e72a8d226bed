#!/usr/bin/env bash
# Creates the buckets, queues and the table of the service on an emulator of AWS.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: AWS_ENDPOINT_URL=http://localhost:4566 scripts/init-localstack.sh [NAME]
Creates on an emulator (LocalStack, moto) what the service needs, with names that end in NAME (default: local):
two buckets, the request and the status queue, each with a dead-letter queue, and the job table. What exists already
stays. Prints the variables for starting the service, as lines for a shell:
  eval "$(scripts/init-localstack.sh)" && classifier serve
MAX_RECEIVES (default 10) is how often SQS delivers a request before it becomes a dead letter; results always have 1000,
the maximum of SQS.
Never talks to AWS itself: AWS_ENDPOINT_URL must be set.
HELP
  exit 0
fi
[ $# -le 1 ] || die "it takes one argument at most; see --help"
name=${1:-local}
[[ "$name" =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || die "NAME is \"$name\", but must be lower-case letters, digits and hyphens"
[ -n "${AWS_ENDPOINT_URL:-}" ] || die "set AWS_ENDPOINT_URL to the emulator's address, such as http://localhost:4566"
case $AWS_ENDPOINT_URL in *amazonaws.com*) die "AWS_ENDPOINT_URL is AWS itself: use terraform there" ;; esac

pip_install aws scripts/requirements-aws.txt
export AWS_REGION=${AWS_REGION:-us-east-1} AWS_PAGER=""
export AWS_DEFAULT_REGION=$AWS_REGION
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
# The endpoint is given again, since this command line ignores the variable for SQS.
aws() { "$VENV/bin/aws" --endpoint-url "$AWS_ENDPOINT_URL" --output text "$@"; }

aws sts get-caller-identity >/dev/null 2>&1 || curl -fsS -o /dev/null "$AWS_ENDPOINT_URL" 2>/dev/null ||
  die "nothing answers at $AWS_ENDPOINT_URL: start the emulator first"

# make_bucket NAME
make_bucket() {
  aws s3api head-bucket --bucket "$1" >/dev/null 2>&1 && return 0
  local place=()
  [ "$AWS_REGION" = us-east-1 ] || place=(--create-bucket-configuration "LocationConstraint=$AWS_REGION")
  aws s3api create-bucket --bucket "$1" "${place[@]}" >/dev/null
}

# make_queue NAME MAX_RECEIVES: with its dead-letter queue; prints its URL.
make_queue() {
  local url dead
  url=$(aws sqs get-queue-url --queue-name "$1" --query QueueUrl 2>/dev/null) && echo "$url" && return 0
  dead=$(aws sqs create-queue --queue-name "$1-dlq" --attributes MessageRetentionPeriod=1209600 --query QueueUrl)
  dead=$(aws sqs get-queue-attributes --queue-url "$dead" --attribute-names QueueArn --query Attributes.QueueArn)
  aws sqs create-queue --queue-name "$1" --query QueueUrl --attributes \
    "{\"RedrivePolicy\": \"{\\\"deadLetterTargetArn\\\": \\\"$dead\\\", \\\"maxReceiveCount\\\": \\\"$2\\\"}\", \"MessageRetentionPeriod\": \"1209600\"}"
}

say "creating buckets, queues and the table at $AWS_ENDPOINT_URL"
input=distributed-classifier-input-$name output=distributed-classifier-output-$name
table=classification-jobs-$name
make_bucket "$input"
make_bucket "$output"
# Pages of any origin may upload here; the signed URL is what authorises them.
aws s3api put-bucket-cors --bucket "$input" --cors-configuration \
  '{"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["content-type"], "MaxAgeSeconds": 3600}]}'
requests=$(make_queue "classification-requests-$name" "${MAX_RECEIVES:-10}")
status=$(make_queue "classification-status-$name" 1000)
if ! aws dynamodb describe-table --table-name "$table" >/dev/null 2>&1; then
  aws dynamodb create-table --cli-input-json file://scripts/dynamodb-table.json --table-name "$table" >/dev/null
  aws dynamodb update-time-to-live --table-name "$table" \
    --time-to-live-specification Enabled=true,AttributeName=expires_at >/dev/null
fi

cat <<VARIABLES
export AWS_ENDPOINT_URL=$AWS_ENDPOINT_URL AWS_REGION=$AWS_REGION
export AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
export INPUT_BUCKET=$input OUTPUT_BUCKET=$output DYNAMODB_TABLE=$table
export REQUEST_QUEUE_URL=$requests STATUS_QUEUE_URL=$status
VARIABLES
