#!/usr/bin/env bash
# Creates or updates everything on AWS, and waits until it works.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

yes=false plan_only=false timeout=900 variables=() allowed=()
help() {
  cat <<'HELP'
usage: scripts/deploy.sh [--yes] [--plan] [--allow CIDR]… [--var NAME=VALUE]… [--timeout SECONDS]
Checks the requirements (terraform, docker, AWS credentials), builds and pushes the images, creates or updates everything in
terraform/, waits until the API is healthy and all tasks run the new version, and prints its address.
  --yes             does not ask
  --plan            only shows what it would do
  --allow CIDR      network that may reach the API, such as 203.0.113.7/32 or, for everybody, 0.0.0.0/0; can be
                    repeated. Default: allowed_cidrs of terraform/terraform.tfvars, or your own current address
  --var NAME=VALUE  a variable of terraform/variables.tf; permanent ones belong in terraform/terraform.tfvars
  --timeout SECONDS how long to wait for the API, and then for the new version (900)
A deployment stays in its region, whatever AWS_REGION says; to move it, destroy it and deploy again.
HELP
}
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help)
    help
    exit 0
    ;;
  --yes) yes=true ;;
  --plan) plan_only=true ;;
  --allow)
    [ -n "${2:-}" ] || die "--allow needs a network, such as 203.0.113.7/32"
    allowed+=("\"$2\"")
    shift
    ;;
  --var)
    [[ "${2:-}" =~ ^[a-z_]+= ]] || die "--var needs NAME=VALUE, not \"${2:-}\""
    variables+=("-var=$2")
    shift
    ;;
  --timeout)
    timeout=${2:-}
    number --timeout "$timeout" 1
    shift
    ;;
  *) die "unknown argument $1; see --help" ;;
  esac
  shift
done

# Whether a variable is set by an argument or in a file.
is_set() { [[ " ${variables[*]-} " == *" -var=$1="* ]] || grep -qsE "^[[:space:]]*$1[[:space:]]*=" terraform/terraform.tfvars terraform/*.auto.tfvars; }

# The value of such a variable; the last one counts, as in Terraform.
set_value() {
  local argument value=""
  value=$(sed -nE "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" terraform/terraform.tfvars terraform/*.auto.tfvars 2>/dev/null | tail -n 1) || true
  for argument in ${variables[@]+"${variables[@]}"}; do
    case $argument in "-var=$1="*) value=${argument#*=*=} ;; esac
  done
  echo "$value"
}

say "checking the requirements"
type -P terraform >/dev/null || die "terraform is not installed: SETUP.md says how to install it"
type -P python3 >/dev/null || die "python3 is not installed: SETUP.md says how to install it"
version=$(terraform version -json | python3 -c 'import json, sys; print(json.load(sys.stdin)["terraform_version"])')
[ "$(printf '1.5.0\n%s\n' "$version" | sort -V | head -n 1)" = 1.5.0 ] || die "terraform is $version, but must be 1.5.0 or later"
if ! is_set image_tag && ! $plan_only; then
  type -P docker >/dev/null || die "docker is not installed: SETUP.md says how to install it"
  docker info >/dev/null 2>&1 || die "docker does not run: start Docker (Desktop), or let your user use it"
fi
initialize_terraform
keep_region
region=$(set_value aws_region)
if [ -n "$region" ] && [ -n "$DEPLOYED_REGION" ] && [ "$region" != "$DEPLOYED_REGION" ]; then
  die "aws_region is \"$region\", but the deployment is in $DEPLOYED_REGION: set it back, or run scripts/destroy.sh first"
fi
AWS_REGION=${region:-${AWS_REGION:-}}
require_credentials
say "account $(aws sts get-caller-identity --query Account), region $AWS_REGION"

if [ ${#allowed[@]} -eq 0 ] && ! is_set allowed_cidrs; then
  address=$(curl -fsS --max-time 10 "${ADDRESS_URL:-https://checkip.amazonaws.com}" 2>/dev/null) ||
    die "your own address could not be determined: set with --allow who may reach the API"
  allowed=("\"$address/32\"")
  say "only your own address, $address, may reach the API; --allow changes that"
fi
if [ ${#allowed[@]} -gt 0 ]; then variables+=("-var=allowed_cidrs=[$(IFS=, && echo "${allowed[*]}")]"); fi
is_set aws_region || variables+=("-var=aws_region=$AWS_REGION")

say "terraform plan"
terraform -chdir=terraform plan -input=false -out=deploy.tfplan ${variables[@]+"${variables[@]}"} || die "the plan could not be made: the lines above say why"
trap 'rm -f terraform/deploy.tfplan' EXIT
if $plan_only; then exit 0; fi
$yes || confirm "Do this? It costs money: SETUP.md says how much."
say "terraform apply"
terraform -chdir=terraform apply -input=false deploy.tfplan ||
  die "not everything could be created: the lines above say why. Running this again continues; scripts/destroy.sh removes what exists"

unset OUTPUTS
url=$(output backend_api_url)
[ -n "$url" ] || die "the deployment has no output backend_api_url"
healthy() { curl -fsS --max-time 10 -o /dev/null "$url/health" 2>/dev/null; }
say "waiting until $url is healthy"
wait_for "$timeout" "the API at $url (see the logs in /ecs/, and the events of the services in ECS)" healthy
# The old version answers too, so this says nothing about the new one.
resolve_services
for service in backend ml; do
  name=BACKEND_SERVICE_NAME
  [ $service = backend ] || name=ML_SERVICE_NAME
  wait_for "$timeout" "the new version of ${!name}" rolled_out "${!name}" "$(output "aws_resources.${service}_task_definition")"
done

terraform -chdir=terraform output
secret=$(output aws_resources.api_key_secret)
say "deployed: the page and the API are at $url"
[ -z "$secret" ] || say "the API key: aws secretsmanager get-secret-value --region $AWS_REGION --secret-id $secret --query SecretString --output text"
case $url in http://*) say "this is HTTP: the key can be read in transit. For more than a trial set certificate_arn: SETUP.md" ;; esac
