#!/usr/bin/env bash
# Shows, suspends and resumes the autoscaling of both services.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
  cat <<'HELP'
usage: scripts/manage-autoscaling.sh status|suspend|resume [backend|ml-service]
status: limits, desired and running tasks. suspend: stops adding and removing tasks. resume: starts again. Without a
service it applies to both.
HELP
  [ $# -gt 0 ] || die "say what to do: status, suspend or resume"
  exit 0
fi
action=$1
case $action in status | suspend | resume) ;; *) die "\"$action\" is not status, suspend or resume; see --help" ;; esac
case ${2:-all} in
backend) variables=(BACKEND_SERVICE_NAME) ;;
ml-service) variables=(ML_SERVICE_NAME) ;;
all) variables=(BACKEND_SERVICE_NAME ML_SERVICE_NAME) ;;
*) die "\"$2\" is not backend or ml-service; see --help" ;;
esac
[ $# -le 2 ] || die "it takes two arguments at most; see --help"
require_credentials
resolve_services

for variable in "${variables[@]}"; do
  name=${!variable}
  limits=$(scaling_limits "$name")
  [ -n "$limits" ] || die "the service $name of cluster $CLUSTER_NAME has no autoscaling"
  if [ "$action" != status ]; then
    suspended=$([ "$action" = suspend ] && echo true || echo false)
    aws application-autoscaling register-scalable-target --service-namespace ecs \
      --scalable-dimension ecs:service:DesiredCount --resource-id "service/$CLUSTER_NAME/$name" --suspended-state \
      "DynamicScalingInSuspended=$suspended,DynamicScalingOutSuspended=$suspended,ScheduledScalingSuspended=$suspended" >/dev/null
    limits=$(scaling_limits "$name")
  fi
  read -r least most suspended <<<"$limits"
  counts=$(service_counts "$name")
  read -r running desired _ <<<"$counts"
  state=$([ "$suspended" = True ] && echo suspended || echo active)
  echo "$name: autoscaling $state, $least to $most tasks, $running of $desired run"
done
