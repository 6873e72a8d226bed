#!/usr/bin/env bash
# Builds the image of one service and pushes it. Terraform calls this.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. scripts/aws-lib.sh

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'HELP'
usage: IMAGE_TARGET=backend|ml-service IMAGE_REPOSITORY=URL IMAGE_TAG=TAG AWS_REGION=REGION scripts/push-image.sh
Builds a target of docker/Dockerfile for linux/amd64 and pushes it to an ECR repository, unless the tag exists there.
HELP
  exit 0
fi
for variable in IMAGE_TARGET IMAGE_REPOSITORY IMAGE_TAG AWS_REGION; do
  [ -n "${!variable:-}" ] || die "$variable is not set; see --help"
done
case $IMAGE_TARGET in backend | ml-service) ;; *) die "IMAGE_TARGET is \"$IMAGE_TARGET\", but must be backend or ml-service" ;; esac

registry=${IMAGE_REPOSITORY%%/*}
if aws ecr describe-images --region "$AWS_REGION" --repository-name "${IMAGE_REPOSITORY#*/}" --image-ids "imageTag=$IMAGE_TAG" >/dev/null 2>&1; then
  say "$IMAGE_REPOSITORY:$IMAGE_TAG exists already"
  exit 0
fi
type -P docker >/dev/null || die "docker is not installed: SETUP.md says how to install it"
docker info >/dev/null 2>&1 || die "docker does not run: start Docker (Desktop), or let your user use it"
say "building $IMAGE_TARGET; the first build takes minutes"
# Without attestations the tag is one plain image, which ECR scans and its lifecycle rule counts as one.
DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --platform linux/amd64 --target "$IMAGE_TARGET" --file docker/Dockerfile --tag "$IMAGE_REPOSITORY:$IMAGE_TAG" . ||
  die "the image could not be built: the lines above say why"
aws ecr get-login-password --region "$AWS_REGION" | docker login --username AWS --password-stdin "$registry" >/dev/null ||
  die "docker could not log in at $registry: the lines above say why"
say "pushing $IMAGE_REPOSITORY:$IMAGE_TAG"
docker push "$IMAGE_REPOSITORY:$IMAGE_TAG" >/dev/null || die "$IMAGE_REPOSITORY:$IMAGE_TAG could not be pushed: the lines above say why"
