#!/bin/sh
# Debian and Ubuntu, root: what the end-to-end cluster needs on a machine that has no container engine and no image
# registry. Where Docker or Podman and a registry answer, nothing of this is needed.
set -eu

if ! command -v apt-get > /dev/null; then
  echo "This installs Debian packages, and there is no apt-get here. Start Docker or Podman instead." >&2
  exit 1
fi

missing=""
need() {
  if [ ! -e "$1" ] && ! command -v "$1" > /dev/null; then missing="$missing $2"; fi
}
need dockerd docker.io # with containerd and runc
need mmdebstrap mmdebstrap
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
# Newer releases have the client in a package of its own.
if ! command -v docker > /dev/null && apt-cache show docker-cli > /dev/null 2>&1; then missing="$missing docker-cli"; fi
if [ -z "$missing" ]; then exit 0; fi

echo "Installing$missing ..."
export DEBIAN_FRONTEND=noninteractive
# Installing a package does not start its daemon: the tests start and stop one of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
apt-get install -y -qq --no-install-recommends $missing > /dev/null
