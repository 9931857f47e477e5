#!/bin/sh
# `make demo`: runs demo/pod.yaml in an nspod of its own (state in a temporary folder, own bridge,
# subnet and cgroup) and leaves nothing behind.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
nspod=$repository/dist/nspod
[ "$(id -u)" = 0 ] || { echo "Run as root: sudo make demo" >&2; exit 1; }

folder=$(mktemp -d /tmp/nspod-demo.XXXXXX)
chmod 755 "$folder"
export NSPOD_ROOT="$folder/root" NSPOD_RUN="$folder/run"
export NSPOD_BRIDGE="${NSPOD_BRIDGE:-nspdemo0}" NSPOD_SUBNET="${NSPOD_SUBNET:-10.86.0.0/24}"
export NSPOD_CGROUP="${NSPOD_CGROUP:-/nspod-demo}"
cleanup() {
	"$nspod" system reset --yes >/dev/null || echo "Cannot clean up: see $folder" >&2
	rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

step() { printf '\n\033[1m$ nspod %s\033[0m\n' "$*"; "$nspod" "$@"; }

step image load "$repository/dist/images/busybox.tar"
step image load "$repository/dist/images/demo.tar"
step image ls
step run -d --wait ready --timeout 60s "$here/pod.yaml"
step get pods -o wide
# The client's last line says that all three ways of sharing worked.
tries=50
until "$nspod" logs demo -c client | grep -q 'can write and read'; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || { echo "The client did not finish its greeting" >&2; exit 1; }
	sleep 0.2
done
step logs demo --all-containers --prefix
step exec demo -c client -- ip address show eth0
step delete -f "$here/pod.yaml"

cat <<END

That was a pod: two containers with one IP address, one localhost, one IPC namespace, one volume.
It is gone, with its images and everything else. What to try next:
  sudo dist/nspod image load dist/images/busybox.tar
  sudo dist/nspod image load dist/images/demo.tar
  sudo dist/nspod run rootfs/demo/pod.yaml            the same pod, logs in the foreground; Ctrl-C ends it
  sudo dist/nspod run --explain rootfs/demo/pod.yaml  the system calls, line by line, and why each is there
  sudo dist/nspod doctor                              what this machine lacks, and how to mend it
  sudo dist/nspod system reset                        leave the machine as it was
END
