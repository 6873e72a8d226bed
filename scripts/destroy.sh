#!/usr/bin/env bash
# Deletes everything that deploy.sh created.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

yes=false variables=()
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help)
    cat <<'HELP'
usage: scripts/destroy.sh [--yes] [--var NAME=VALUE]…
Deletes everything that scripts/deploy.sh created: services, load balancer, network, repositories, and the buckets, queues
and the table with all images, jobs and results. It asks first, except with --yes. A deployment with
force_destroy = false must be deployed with true first. The region is that of the deployment, whatever AWS_REGION says.
HELP
    exit 0
    ;;
  --yes) yes=true ;;
  --var)
    [[ "${2:-}" =~ ^[a-z_]+= ]] || die "--var needs NAME=VALUE, not \"${2:-}\""
    variables+=("-var=$2")
    shift
    ;;
  *) die "unknown argument $1; see --help" ;;
  esac
  shift
done
type -P terraform >/dev/null || die "terraform is not installed: SETUP.md says how to install it"
nothing() { die "nothing is deployed from this folder (terraform has no state): there is nothing to delete"; }
[ -e terraform/terraform.tfstate ] || grep -qsE '^[[:space:]]*backend "' terraform/*.tf || nothing
initialize_terraform
[ -n "$(terraform -chdir=terraform state list || true)" ] || nothing
keep_region
require_credentials
bucket=$(output aws_resources.input_bucket)
$yes || confirm "Delete everything in account $(aws sts get-caller-identity --query Account), region $AWS_REGION, with all images and results${bucket:+ ($bucket and so on)}?"
say "terraform destroy"
terraform -chdir=terraform destroy -input=false -auto-approve "-var=aws_region=$AWS_REGION" ${variables[@]+"${variables[@]}"} ||
  die "not everything could be deleted: the lines above say why. Running this again continues"
say "everything is deleted"
