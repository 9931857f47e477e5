#!/bin/sh
# Builds the images that demos and tests use, without network, into OUT (dist/images):
#   busybox.tar   OCI archive      docker.io/library/busybox:latest   Debian's static busybox
#   demo.tar      docker-archive   nspod/demo:latest                  busybox + rootfs/demo/mailbox.c
#   testbox.tar   OCI archive      nspod/testbox:latest               busybox + rootfs/testbox/*.c
#   scratch.tar   OCI archive      nspod/scratch:latest               one static program: no shell, no users
# The same input gives the same bytes: names sorted, times 0, owners by number.
# Why by hand: an image is three JSON files and a tar; buildah or docker would need network and root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: rootfs/build.sh OUT_FOLDER}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) echo "rootfs/build.sh: no images for $(uname -m)" >&2; exit 1 ;;
esac
busybox=$(command -v busybox) || { echo "rootfs/build.sh: install busybox-static" >&2; exit 1; }
if "${READELF:-readelf}" -l "$busybox" | grep -q INTERP; then
	echo "rootfs/build.sh: $busybox is not static: install busybox-static" >&2
	exit 1
fi

pack() { # pack FOLDER TAR OWNER FILE...: a tar that depends on nothing but its content
	folder=$1 tar=$2 owner=$3
	shift 3
	tar --create --file="$tar" --directory="$folder" --format=posix \
		--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
		--sort=name --mtime=@0 --owner="$owner" --group="$owner" --numeric-owner "$@"
}
digest() { sha256sum "$1" | cut -d' ' -f1; }
size() { wc -c <"$1"; }

# One blob of an OCI layout: moves FILE to blobs/sha256/<digest> and prints its descriptor.
blob() { # blob LAYOUT FILE MEDIA_TYPE
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$3" "$(digest "$2")" "$(size "$2")"
	mv "$2" "$1/blobs/sha256/$(digest "$2")"
}

config_json() { # config_json IMAGE_CONFIG LAYER_TAR...
	config=$1
	shift
	ids=
	for layer; do ids="$ids${ids:+,}\"sha256:$(digest "$layer")\""; done
	printf '{"created":"1970-01-01T00:00:00Z","architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$arch" "$config" "$ids"
}

oci_archive() { # oci_archive OUT.tar NAME IMAGE_CONFIG LAYER_TAR...
	target=$1 name=$2
	shift 2
	layout=$work/layout
	rm -rf "$layout"
	mkdir -p "$layout/blobs/sha256"
	config_json "$@" >"$work/config"
	shift
	layers=
	for layer; do
		gzip -nc6 "$layer" >"$work/layer.gz"
		layers="$layers${layers:+,}$(blob "$layout" "$work/layer.gz" application/vnd.oci.image.layer.v1.tar+gzip)"
	done
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
		"$(blob "$layout" "$work/config" application/vnd.oci.image.config.v1+json)" "$layers" >"$work/manifest"
	descriptor=$(blob "$layout" "$work/manifest" application/vnd.oci.image.manifest.v1+json)
	printf '{"schemaVersion":2,"manifests":[%s,"platform":{"architecture":"%s","os":"linux"},"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
		"${descriptor%\}}" "$arch" "$name" "$name" >"$layout/index.json"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
	pack "$layout" "$target" 0 .
}

docker_archive() { # docker_archive OUT.tar NAME IMAGE_CONFIG LAYER_TAR...
	target=$1 name=$2
	shift 2
	layout=$work/layout
	rm -rf "$layout"
	mkdir -p "$layout"
	config_json "$@" >"$work/config"
	shift
	layers=
	for layer; do
		id=$(digest "$layer")
		mkdir -p "$layout/$id"
		cp "$layer" "$layout/$id/layer.tar"
		layers="$layers${layers:+,}\"$id/layer.tar\""
	done
	id=$(digest "$work/config")
	mv "$work/config" "$layout/$id.json"
	printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":[%s]}]' "$id" "$name" "$layers" >"$layout/manifest.json"
	pack "$layout" "$target" 0 .
}

compile() { # compile BINARY SOURCE...
	program=$1
	shift
	"${CC:-gcc}" -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -s -Wl,--build-id=none -o "$program" "$@"
}

# Layer 1 of all images: busybox under all its names, the users root, app (1000) and nobody.
root=$work/busybox
mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/etc" "$root/home/app" "$root/root" \
	"$root/tmp" "$root/var/tmp" "$root/var/www" "$root/dev" "$root/proc" "$root/sys" "$root/run"
install -m 755 "$busybox" "$root/bin/busybox"
busybox --list | while read -r name; do
	[ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
done
ln -s /bin/env "$root/usr/bin/env"
chmod 1777 "$root/tmp" "$root/var/tmp"
chmod 700 "$root/root"
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
END
cat >"$root/etc/group" <<'END'
root:x:0:
tty:x:5:
app:x:1000:
shared:x:2000:app
nogroup:x:65534:
END
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
pack "$root" "$work/busybox.layer" 0 --exclude=./home/app .
pack "$root" "$work/home.layer" 1000 ./home/app
tar --concatenate --file="$work/busybox.layer" "$work/home.layer"

path='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'
oci_archive "$out/busybox.tar" docker.io/library/busybox:latest "{$path,\"Cmd\":[\"sh\"]}" "$work/busybox.layer"

mkdir -p "$work/demo/bin"
compile "$work/demo/bin/mailbox" "$here/demo/mailbox.c"
pack "$work/demo" "$work/demo.layer" 0 .
docker_archive "$out/demo.tar" nspod/demo:latest "{$path,\"Cmd\":[\"sh\"]}" "$work/busybox.layer" "$work/demo.layer"

mkdir -p "$work/testbox/bin"
compile "$work/testbox/bin/testbox" "$here"/testbox/*.c
for name in $("$work/testbox/bin/testbox" --list); do ln -s testbox "$work/testbox/bin/$name"; done
pack "$work/testbox" "$work/testbox.layer" 0 .
oci_archive "$out/testbox.tar" docker.io/nspod/testbox:latest "{$path,\"Cmd\":[\"sh\"]}" "$work/busybox.layer" "$work/testbox.layer"

mkdir -p "$work/scratch"
cp "$work/testbox/bin/testbox" "$work/scratch/testbox"
pack "$work/scratch" "$work/scratch.layer" 0 ./testbox
oci_archive "$out/scratch.tar" docker.io/nspod/scratch:latest '{"Entrypoint":["/testbox"]}' "$work/scratch.layer"
