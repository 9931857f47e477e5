#!/bin/sh
# packages.sh PACKAGE...: installs the Debian packages that are missing; quick when none is.
#   a|b         the first one that this release has
#   @clang-rt   the sanitizer and fuzzer runtime of the default clang (its name has the version)
# Not root: says what to install and ends with 1. Not Debian: says so and goes on, because what is
# really missing will be named by the step that needs it.
set -eu
if ! command -v dpkg-query >/dev/null; then
	echo "This is no Debian: install the counterparts of: $*" >&2
	exit 0
fi
have=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' 2>/dev/null)"
is_installed() { case $have in *" $1:installed "*) true ;; *) false ;; esac; }
clang_rt() {
	apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1
}
missing=
for word; do
	found=
	case $word in
	@clang-rt) case $have in *" libclang-rt-"*"-dev:installed "*) found=yes ;; esac ;;
	*)
		IFS='|'
		for name in $word; do if is_installed "$name"; then found=yes; fi; done
		unset IFS
		;;
	esac
	[ -n "$found" ] || missing="$missing $word"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "Run as root, or install first:$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null
chosen=
for word in $missing; do
	[ "$word" != @clang-rt ] || word=$(clang_rt)
	for name in $(echo "$word" | tr '|' ' '); do
		if apt-cache policy "$name" | grep -q 'Candidate: [^(]'; then
			chosen="$chosen $name"
			continue 2
		fi
	done
	echo "No package \"$word\" in the sources of apt: going on without it" >&2
done
# shellcheck disable=SC2086 # a list of words
[ -z "$chosen" ] || apt-get install -qy --no-install-recommends $chosen </dev/null
