#!/bin/sh
# Debian and Ubuntu, root: what the end-to-end cluster needs on a machine that has no container engine and no image
# registry. Where Docker or Podman and a registry answer, nothing of this is needed.
set -eu

if ! command -v apt-get > /dev/null; then
  echo "This installs Debian packages, and there is no apt-get here. Start Docker or Podman instead." >&2
  exit 1
fi

missing=""
# docker.io brings dockerd, containerd and runc; mmdebstrap assembles root file systems.
for pair in dockerd:docker.io docker:docker.io mmdebstrap:mmdebstrap iptables:iptables ip:iproute2; do
  command -v "${pair%%:*}" > /dev/null || missing="$missing ${pair##*:}"
done
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
