# Shared by the scripts that talk to AWS. Source it after lib.sh.
# shellcheck shell=bash

export AWS_PAGER="" AWS_RETRY_MODE=${AWS_RETRY_MODE:-standard}
POLL_SECONDS=${POLL_SECONDS:-10}

# Amazon's command line: the one installed on the machine, or one in .deps.
aws() {
  if [ -z "${AWS_PROGRAM:-}" ]; then
    AWS_PROGRAM=$(type -P aws || true)
    if [ -z "$AWS_PROGRAM" ]; then
      pip_install aws scripts/requirements-aws.txt
      AWS_PROGRAM=$VENV/bin/aws
    fi
  fi
  # Version 1 uses AWS for queues, whatever AWS_ENDPOINT_URL says.
  "$AWS_PROGRAM" ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} --output text "$@"
}

load_outputs() {
  if [ -n "${OUTPUTS:-}" ]; then return 0; fi
  OUTPUTS="{}"
  if type -P terraform >/dev/null; then OUTPUTS=$(terraform -chdir=terraform output -json 2>/dev/null || echo "{}"); fi
}

# The value of an output of the deployment, such as cluster_name or aws_resources.request_queue_url; nothing if there is
# no deployment, or no such output.
output() {
  load_outputs
  python3 -c '
import json, sys
value = {name: output["value"] for name, output in json.loads(sys.argv[1]).items()}
for part in sys.argv[2].split("."):
    value = value.get(part, {})
print(value if isinstance(value, str) else "")' "$OUTPUTS" "$1"
}

# resolve VARIABLE OUTPUT [optional]: sets the variable from the deployment if the environment does not set it.
resolve() {
  if [ -n "${!1:-}" ]; then return 0; fi
  local value
  load_outputs
  value=$(output "$2")
  if [ -z "$value" ] && [ "${3:-}" != optional ]; then
    die "nothing is deployed from this folder (terraform has no output $2): run scripts/deploy.sh, or set $1"
  fi
  export "$1=$value"
}

initialize_terraform() {
  say "terraform init"
  terraform -chdir=terraform init -input=false >/dev/null || die "terraform could not be initialized: the lines above say why"
}

# Sets DEPLOYED_REGION to the region of Terraform's state (empty: nothing is deployed), and AWS_REGION to the same, whatever
# the environment says: in another region Terraform would find none of the resources, and drop them from the state. The
# region is read from the ARNs, since an interrupted creation has no outputs.
keep_region() {
  DEPLOYED_REGION=$(terraform -chdir=terraform state pull | python3 -c '
import re, sys
regions = re.findall(r"\"arn:aws[\w-]*:[\w-]+:([a-z]{2}(?:-[a-z]+)+-[0-9]):", sys.stdin.read())
print(regions[0] if regions else "")')
  if [ -z "$DEPLOYED_REGION" ]; then return 0; fi
  if [ -n "${AWS_REGION:-}" ] && [ "$AWS_REGION" != "$DEPLOYED_REGION" ]; then
    say "the deployment is in $DEPLOYED_REGION: AWS_REGION=$AWS_REGION is ignored"
  fi
  export AWS_REGION=$DEPLOYED_REGION
}

resolve_region() {
  resolve AWS_REGION aws_resources.region optional
  AWS_REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
  [ -n "$AWS_REGION" ] || die "no region: set AWS_REGION, or run 'aws configure'"
  export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION
}

require_credentials() {
  resolve_region
  local error
  error=$(aws sts get-caller-identity 2>&1 >/dev/null) && return 0
  die "no usable AWS credentials: run 'aws configure', or set AWS_PROFILE (AWS says: $(tr -s '\n' ' ' <<<"$error"))"
}

resolve_services() {
  resolve CLUSTER_NAME cluster_name
  resolve BACKEND_SERVICE_NAME backend_service_name
  resolve ML_SERVICE_NAME ml_service_name
}

resolve_queues() {
  resolve REQUEST_QUEUE_URL aws_resources.request_queue_url
  resolve STATUS_QUEUE_URL aws_resources.status_queue_url
}

# Sets API_KEY, unless it is set, to the first key of the deployment's secret.
resolve_api_key() {
  if [ -n "${API_KEY:-}" ]; then return 0; fi
  local secret keys
  secret=$(output aws_resources.api_key_secret)
  [ -n "$secret" ] || return 0
  require_credentials
  keys=$(aws secretsmanager get-secret-value --secret-id "$secret" --query SecretString) ||
    die "the API key could not be read from the secret $secret: set API_KEY"
  export API_KEY=${keys%%,*}
}

# rolled_out SERVICE TASK-DEFINITION: whether all tasks of the service use that definition; dies if ECS rolled it back.
rolled_out() {
  local found definition state running desired
  # shellcheck disable=SC2016  # JMESPath's quotes
  found=$(aws ecs describe-services --cluster "$CLUSTER_NAME" --services "$1" --query \
    'services[].[taskDefinition,deployments[?status==`PRIMARY`]|[0].rolloutState,runningCount,desiredCount]') ||
    die "the services of cluster $CLUSTER_NAME could not be read: the line above says why"
  read -r definition state running desired <<<"$found"
  [ "$definition" = "$2" ] ||
    die "$1: the new version (${2##*/}) did not work, and ECS rolled back to ${definition##*/}: its logs in /ecs/ and the events of the service say why"
  [ "$state" != FAILED ] || die "$1: its tasks do not start: its logs in /ecs/ and the events of the service in ECS say why"
  if [ "$state" = COMPLETED ]; then return 0; fi
  say "$1: $running of $desired tasks run"
  return 1
}

# service_counts SERVICE: prints "running desired pending".
service_counts() {
  local counts
  # shellcheck disable=SC2016  # JMESPath's quotes
  counts=$(aws ecs describe-services --cluster "$CLUSTER_NAME" --services "$1" \
    --query 'services[?status==`ACTIVE`].[runningCount,desiredCount,pendingCount]') ||
    die "the services of cluster $CLUSTER_NAME could not be read: the line above says why"
  [ -n "$counts" ] || die "there is no service $1 in cluster $CLUSTER_NAME"
  tr '\t' ' ' <<<"$counts"
}

# scaling_limits SERVICE: prints "min max suspended", suspended being True or False; nothing if the service has no autoscaling.
scaling_limits() {
  # shellcheck disable=SC2016  # JMESPath's quotes
  aws application-autoscaling describe-scalable-targets --service-namespace ecs \
    --resource-ids "service/$CLUSTER_NAME/$1" --query \
    'ScalableTargets[].[MinCapacity,MaxCapacity,SuspendedState.DynamicScalingOutSuspended || `false`]' | tr '\t' ' '
}

# queue_counts URL: prints "visible in-flight delayed".
queue_counts() {
  local counts
  counts=$(aws sqs get-queue-attributes --queue-url "$1" --attribute-names ApproximateNumberOfMessages \
    ApproximateNumberOfMessagesNotVisible ApproximateNumberOfMessagesDelayed --query \
    'Attributes.[ApproximateNumberOfMessages,ApproximateNumberOfMessagesNotVisible,ApproximateNumberOfMessagesDelayed]') ||
    die "the queue $1 could not be read: the line above says why"
  tr '\t' ' ' <<<"$counts"
}

# wait_for SECONDS WHAT FUNCTION…: calls the function until it succeeds; it may print its progress to stderr.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || die "$what: not within the time allowed (--timeout)"
    sleep "$POLL_SECONDS"
  done
}

# number NAME VALUE LEAST: dies unless the value is a whole number, LEAST or more.
number() {
  if [[ "$2" =~ ^[0-9]{1,9}$ ]] && [ "$2" -ge "$3" ]; then return 0; fi
  die "$1 is \"$2\", but must be a whole number, $3 or more"
}

# confirm QUESTION: asks on the terminal; no answer means no.
confirm() {
  local answer=""
  read -r -p "$1 [y/N] " answer || true
  [[ "$answer" =~ ^[yY](es)?$ ]] || die "stopped: nothing was changed"
}

# scale_service SERVICE-VARIABLE N [--wait]
scale_service() {
  local name=${!1} count=$2
  aws ecs update-service --cluster "$CLUSTER_NAME" --service "$name" --desired-count "$count" --query service.desiredCount >/dev/null ||
    die "$name could not be scaled: the line above says why"
  local limits least most suspended
  limits=$(scaling_limits "$name")
  read -r least most suspended <<<"$limits"
  say "$name: $count tasks wanted"
  if [ -n "$limits" ] && [ "$suspended" != True ]; then
    say "autoscaling may change that ($least to $most tasks): scripts/manage-autoscaling.sh suspend stops it"
  fi
}

has_count() {
  local counts running desired _
  counts=$(service_counts "$1") || exit 1
  read -r running desired _ <<<"$counts"
  say "$1: $running of $desired tasks run"
  [ "$running" -eq "$2" ] && [ "$desired" -eq "$2" ]
}

# The main function of scale-*-service.sh: WHAT VARIABLE ARGUMENT…
scale_main() {
  local what=$1 variable=$2 count="" wait=false timeout=600
  shift 2
  while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
      cat <<HELP
usage: scripts/scale-$what.sh N [--wait] [--timeout SECONDS]
Sets the number of tasks of the $what. With --wait it returns when they run (at most 600 seconds, or --timeout).
Autoscaling may change the number again: see scripts/manage-autoscaling.sh.
HELP
      return 0
      ;;
    --wait) wait=true ;;
    --timeout)
      timeout=${2:-}
      number --timeout "$timeout" 1
      shift
      ;;
    -*) die "unknown option $1; see --help" ;;
    *)
      [ -z "$count" ] || die "it takes one number; see --help"
      count=$1
      ;;
    esac
    shift
  done
  [ -n "$count" ] || die "say how many tasks: scripts/scale-$what.sh N"
  number N "$count" 0
  require_credentials
  resolve_services
  scale_service "$variable" "$count"
  if $wait; then wait_for "$timeout" "$count tasks of ${!variable}" has_count "${!variable}" "$count"; fi
}

# read_timeout DEFAULT HELP [--timeout SECONDS]: sets timeout; prints the help and exits if requested.
read_timeout() {
  timeout=$1
  local help=$2
  shift 2
  while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) echo "$help" && exit 0 ;;
    --timeout)
      timeout=${2:-}
      number --timeout "$timeout" 1
      shift
      ;;
    *) die "unknown argument $1; see --help" ;;
    esac
    shift
  done
}

# check_service CHECK WHAT [URL]: runs a check of api_check.py; WHAT is its description for the help.
check_service() {
  local check=$1 what=$2
  shift 2
  if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
    cat <<HELP
usage: scripts/$(basename "$0") [URL]
$what
Without a URL: BACKEND_API_URL, the deployment's, or http://localhost:8080. API_KEY is the key; for a deployment it is
read from Secrets Manager. JOB_SECONDS is the longest time for a job (300). Exits with 1 if a check failed.
HELP
    exit 0
  fi
  [ $# -le 1 ] || die "it takes one argument at most; see --help"
  local url=${1:-${BACKEND_API_URL:-}}
  if [ -z "$url" ]; then
    resolve BACKEND_API_URL backend_api_url optional
    url=${BACKEND_API_URL:-http://localhost:8080}
    resolve_api_key
  fi
  exec python3 scripts/api_check.py "$check" "$url"
}
