#!/bin/sh
# unpack-packages.sh FOLDER SUITE PACKAGE...: unpacks packages of a Debian suite into FOLDER, whichever
# suite this machine runs, and installs nothing. From the mirror that apt uses here. FOLDER appears when all is
# there; when it is there already, nothing is done. Without apt or the suite: says so and ends with 1.
set -eu
folder=$1 suite=$2
shift 2
[ ! -d "$folder" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "This is no Debian: not fetching $* of $suite" >&2
	exit 1
fi
mirror=$(apt-get update --print-uris 2>/dev/null | sed -n "s#^'\(.*/debian\)/*/dists/.*#\1#p" | head -n 1)
new=$folder.new
rm -rf "$new"
mkdir -p "$new/lists/partial" "$new/cache/archives/partial"
trap 'rm -rf "$new"' EXIT
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" >"$new/sources.list"
at=$(cd "$new" && pwd)
apt() {
	apt-get -q -o Dir::Etc::sourcelist="$at/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$at/lists" -o Dir::Cache="$at/cache" -o Acquire::Languages=none \
		-o APT::Sandbox::User=root -o Acquire::Retries=2 "$@" </dev/null
}
apt update >"$at/log" 2>&1 && (cd "$new" && apt download $(for name; do echo "$name/$suite"; done)) >>"$at/log" 2>&1 || {
	echo "Cannot fetch $* of $suite:" >&2
	tail -n 3 "$at/log" >&2
	exit 1
}
for package in "$new"/*.deb; do dpkg-deb -x "$package" "$new/unpacked"; done
mkdir -p "$(dirname "$folder")"
mv "$new/unpacked" "$folder"
