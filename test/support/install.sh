#!/bin/sh
# install.sh DESTDIR PREFIX install|uninstall: what `make install` copies, and where it goes.
#   PREFIX/lib/nspod        bundles, C products, packages that are not bundled, the pinned Node
#   PREFIX/bin/nspod        link to lib/nspod/nspod
#   PREFIX/lib/systemd/system/nspod.service, share/man, completions of bash, zsh and fish
set -eu
destdir=$1 prefix=$2 action=$3
top=$destdir$prefix
lib=$top/lib/nspod
cd "$(dirname "$0")/../.."

if [ "$action" = uninstall ]; then
	rm -rf "$lib"
	rm -f "$top/bin/nspod" "$top/lib/systemd/system/nspod.service" \
		"$top/share/bash-completion/completions/nspod" "$top/share/zsh/site-functions/_nspod" \
		"$top/share/fish/vendor_completions.d/nspod.fish"
	for page in src/man/*.[1-8]; do
		[ ! -e "$page" ] || rm -f "$top/share/man/man${page##*.}/${page##*/}"
	done
	exit 0
fi

umask 022
# A running daemon starts programs from there: it finds all of one version or all of the other.
new=$lib.new old=$lib.old
rm -rf "$new" "$old"
mkdir -p "$new/native" "$new/cache" "$new/cli" "$top/bin" "$top/lib/systemd/system"
install -m 755 dist/nspod "$new/nspod"
install -m 644 dist/cli/*.js "$new/cli/"
install -m 644 dist/start.cjs dist/daemon.cjs dist/image-worker.cjs dist/descriptions.json \
	package.json LICENSE "$new/"
install -m 755 dist/native/libnspod.so dist/native/nspod-shim dist/native/nspod-reaper \
	dist/native/nspod-copy "$new/native/"
# There where ISA-L's header was.
[ ! -e dist/native/libnspod-inflate.so ] || install -m 755 dist/native/libnspod-inflate.so "$new/native/"
for node in node_modules/node-linux-*/bin/node; do install -m 755 "$node" "$new/node"; done

# Only what the bundles leave out: the two FFI packages and what they need, found by following
# "dependencies" from package to package.
"$new/node" - "$new" <<'END'
const { cpSync, existsSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const done = new Set();
const copy = (name, from) => {
	const nested = join(from, "node_modules", name);
	const folder = existsSync(nested) ? nested : join("node_modules", name);
	if (done.has(folder)) return;
	done.add(folder);
	const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
	cpSync(folder, join(process.argv[2], folder), { recursive: true });
	for (const each of Object.keys(dependencies)) copy(each, folder);
};
copy("ffi-napi", ".");
copy("ref-napi", ".");
END
chown -R 0:0 "$new" 2>/dev/null || true # not root: a package build does it later
[ ! -e "$lib" ] || mv "$lib" "$old"
mv "$new" "$lib"
rm -rf "$old"

ln -sf ../lib/nspod/nspod "$top/bin/nspod"
sed "s#@LIB@#$prefix/lib/nspod#" src/daemon/nspod.service.in >"$top/lib/systemd/system/nspod.service"
for page in src/man/*.[1-8]; do
	[ -e "$page" ] || continue
	mkdir -p "$top/share/man/man${page##*.}"
	install -m 644 "$page" "$top/share/man/man${page##*.}/"
done
complete() { # complete SHELL FILE
	mkdir -p "$(dirname "$top/share/$2")"
	"$lib/nspod" completion "$1" >"$top/share/$2"
}
complete bash bash-completion/completions/nspod
complete zsh zsh/site-functions/_nspod
complete fish fish/vendor_completions.d/nspod.fish

if [ -z "$destdir" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart nspod # pods go on meanwhile
	echo "Start it at boot with: systemctl enable --now nspod (or let the first command start it)"
fi
