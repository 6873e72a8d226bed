#!/usr/bin/env bash
# Installs the .deb of scripts/package.sh in a clean system, and tries it there from the installation to the removal.
# shellcheck source-path=SCRIPTDIR
CALLED_FROM=$PWD
. "$(dirname "$0")/lib.sh"

system="" deb=""
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help)
    cat <<'HELP'
usage: scripts/test-packages.sh [--deb FILE] [--root FOLDER]
Makes a minimal system of this distribution with debootstrap, installs the .deb there with apt-get, makes the models,
classifies photos with both job types as another user, runs the service, and purges the package; prints the times.
Needs root and the distribution's archive; takes some minutes.
  --deb FILE     another package than that of build/packages/
  --root FOLDER  a minimal system that is there already, such as one of another distribution; it is left there
HELP
    exit 0
    ;;
  --deb | --root)
    [ -n "${2:-}" ] || die "$1 needs a value; see --help"
    value=$(cd "$CALLED_FROM" && realpath -- "$2")
    if [ "$1" = --deb ]; then deb=$value; else system=$value; fi
    shift
    ;;
  *) die "unknown option $1; see --help" ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || die "run this as root: it makes a system of its own"
[ -n "$deb" ] || deb=$(echo "$PWD"/build/packages/classifier_*_amd64.deb)
[ -f "$deb" ] || die "there is no package $deb: run scripts/package.sh"
[ -z "$system" ] || [ -x "$system/usr/bin/apt-get" ] || die "$system is no Debian or Ubuntu system"
export_samples

if [ -z "$system" ]; then
  apt_install debootstrap
  system=$PWD/build/clean-root
  rm -rf "$system"
  mkdir -p "$system" "$DEPS/debs"
  say "making a clean system"
  # shellcheck disable=SC1091
  . /etc/os-release
  components=main
  if [ "$ID" = ubuntu ]; then components=main,universe; fi
  debootstrap --variant=minbase --components=$components --cache-dir="$PWD/$DEPS/debs" "$VERSION_CODENAME" "$system" \
    >build/debootstrap.log 2>&1 || { tail build/debootstrap.log && die "debootstrap failed"; }
fi

# Sets what a command inside begins with: nothing of this machine's environment but how to reach the network.
network=()
environment() {
  within=(/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive
    "${network[@]}")
}
inside() {
  environment
  chroot "$system" "${within[@]}" "$@"
}
as_user() { inside runuser -u tester -- env HOME=/home/tester "$@"; }
apt_get() { inside apt-get "$1" -y -qq -o Dpkg::Use-Pty=0 "$2" >/dev/null; }
# step WHAT COMMAND…: prints what is done and how long it took.
step() {
  local what=$1 began=${EPOCHREALTIME/[.,]/} tenths
  shift
  say "$what"
  "$@"
  tenths=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
  echo "    $((tenths / 10)).$((tenths % 10)) s"
}
server=""
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  umount "$system/sys" "$system/proc" 2>/dev/null || true
}
trap clean_up EXIT
mount -t proc proc "$system/proc"
mount -t sysfs sysfs "$system/sys"
cp -L /etc/resolv.conf "$system/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$system/usr/sbin/policy-rc.d"
chmod 755 "$system/usr/sbin/policy-rc.d"
# A network with certificates or a mirror of its own has them in this machine's settings.
for variable in PIP_INDEX_URL PIP_EXTRA_INDEX_URL http_proxy https_proxy no_proxy; do
  [ -z "${!variable:-}" ] || network+=("$variable=${!variable}")
done
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$system/tmp/certificates.crt"
  chmod 644 "$system/tmp/certificates.crt"
  network+=(PIP_CERT=/tmp/certificates.crt)
fi
cp "$deb" "$system/tmp/classifier.deb"
mkdir -p "$system/tmp/photos"
cp "$DEPS"/samples/china.jpg "$DEPS"/samples/flower.jpg "$system/tmp/photos/"
chmod -R a+rX "$system/tmp/photos"
inside id -u tester >/dev/null 2>&1 || inside useradd --create-home tester

# shellcheck disable=SC2016
say "$(inside sh -c '. /etc/os-release; echo "$PRETTY_NAME"'), $(basename "$deb"): $(($(stat -c %s "$deb") / 1000000)) MB"
inside apt-get update -qq
step "apt-get install ./classifier.deb" apt_get install /tmp/classifier.deb
inside dpkg-query -s classifier | grep Installed-Size
as_user classifier --version

say "classify without models"
if as_user classifier classify /tmp/photos 2>"$system/tmp/error"; then die "it classified without models"; fi
cat "$system/tmp/error"
[ "$(wc -l <"$system/tmp/error")" = 1 ] || die "that is not one line"
grep -q 'classifier models fetch' "$system/tmp/error" || die "it does not say how to get models"

step "classifier models fetch" inside classifier models fetch
[ ! -e "$system/root/.local/share/distributed-classifier/cache/exporter" ] || die "the exporter's environment is left"
[ -z "$(find "$system/usr/share/distributed-classifier" -name __pycache__)" ] || die "it wrote beside the exporter"
du -sh "$system/var/lib/distributed-classifier/models" | cut -f 1
[ -s "$system/var/lib/distributed-classifier/models/efficientnet_lite0/groups.json" ] ||
  [ -s "$system/var/lib/distributed-classifier/models/mobilenet_v2/groups.json" ] || die "labels have no groups"
step "again: nothing to do" inside classifier models fetch

# Anew: models are compiled at the first use, and cached.
step "first label, as another user" as_user classifier classify /tmp/photos/china.jpg
step "ImageNet's classes" as_user classifier classify /tmp/photos --threshold 0.2
step "your categories" as_user classifier classify /tmp/photos --labels flower,palace,dog

say "manual page and completions"
for file in share/man/man1/classifier.1.gz share/bash-completion/completions/classifier \
  share/zsh/vendor-completions/_classifier share/fish/vendor_completions.d/classifier.fish; do
  [ -s "$system/usr/$file" ] || die "/usr/$file is missing"
done
zcat "$system/usr/share/man/man1/classifier.1.gz" | grep -q '^\.TH' || die "the manual page is none"
bash -n "$system/usr/share/bash-completion/completions/classifier"

say "the service, as its user"
port=$((20000 + RANDOM % 10000))
environment
chroot --userspec=distributed-classifier:distributed-classifier "$system" "${within[@]}" LOG_LEVEL=warn PORT=$port \
  ML_PORT=0 DASHBOARD_PORT=0 DATA_DIR=/var/lib/distributed-classifier /usr/bin/classifier serve &
server=$!
for _ in $(seq 300); do
  if curl -fsS --max-time 5 "http://localhost:$port/ready" >/dev/null 2>&1; then break; fi
  sleep 0.1
done
curl -fsS "http://localhost:$port/ready" && echo
[[ $(curl -fsS "http://localhost:$port/") == *"<title>"* ]] || die "the page is not served"
address=BACKEND_API_URL=http://localhost:$port
inside env "$address" classifier upload /tmp/photos --keys-out /tmp/keys.json
inside env "$address" classifier submit --keys-file /tmp/keys.json --watch
inside env "$address" classifier submit --keys-file /tmp/keys.json --watch --labels flower,palace,dog
kill -TERM "$server"
wait "$server" || die "the service did not end well"
server=""
[ "$(stat -c %a "$system/var/lib/distributed-classifier")" = 711 ] || die "the service's folder is open to others"

step "apt-get purge classifier" apt_get purge classifier
left=$(cd "$system" && find . -xdev \( -path ./tmp -o -path ./home -o -path ./root -o -path ./proc -o -path ./sys -o -path ./var/cache -o -path ./var/log \) -prune -o \
  \( -name '*distributed-classifier*' -o -name 'classifier*' -o -name _classifier \) -print)
[ -z "$left" ] || die "left behind: $left"
if inside getent passwd distributed-classifier; then die "its user is left"; fi
say "the package works, and leaves nothing behind"
