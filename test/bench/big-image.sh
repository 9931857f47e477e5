#!/bin/sh
# big-image.sh ARCHIVE: an OCI archive of 4 gzip layers, 20,000 files and about 500 MB, made of every nth file of this
# machine's /usr (below 16 MB each), with what real upper layers have: overwritten files, whiteouts, an opaque folder.
# Files of /usr are read again under other names until there are enough. Nothing is done when ARCHIVE is there.
set -eu
archive=$1
files=20000 megabytes=500 name=localhost/nspod-bench-big:latest
[ ! -e "$archive" ] || exit 0
mkdir -p "$(dirname "$archive")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# size, tab, path: a sample that comes close to both numbers. Every candidate is taken with the chance files / candidates;
# large ones only as long as the mean allows.
find /usr -xdev -type f -size -16M -size +0 ! -name "*'*" -printf '%s\t%p\n' | sort -k 2 >"$work/all"
awk -F '\t' -v files=$files -v bytes=$((megabytes * 1024 * 1024)) '
	{ size[NR] = $1; path[NR] = $2 }
	END {
		step = NR / files; mean = bytes / files
		for (i = 0; i < files; i++) {
			at = int(i * step) + 1
			# Ahead of the mean: the smallest of the neighbours; behind: the largest.
			best = at
			for (j = at; j < at + 12 && j <= NR; j++)
				if (used[best] || (sum > i * mean ? size[j] < size[best] : size[j] > size[best]) && !used[j]) best = j
			used[best] = 1; sum += size[best]
			printf "%d\t%s\n", int(i * 4 / files) + 1, path[best]
		}
	}' "$work/all" >"$work/chosen"

layout=$work/layout
mkdir -p "$layout/blobs/sha256"
sum() { sha256sum "$1" | cut -d ' ' -f 1; }
put() { # put FILE MEDIA_TYPE: prints the descriptor
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$(sum "$1")" "$(stat -c %s "$1")"
	mv "$1" "$layout/blobs/sha256/$(sum "$1")"
}
layers= ids=
for layer in 1 2 3 4; do
	root=$work/root
	mkdir -p "$root/opaque"
	awk -F '\t' -v layer=$layer '$1 == layer { print $2 }' "$work/chosen" >"$work/list"
	tar --create --files-from "$work/list" --transform 's,^,/,' -P | tar --extract --directory "$root" --strip-components 1
	echo "$layer" >"$root/opaque/$layer"
	case $layer in
	2) : >"$root/opaque/.wh..wh..opq" ;;
	3) # deletes files of layer 1
		awk -F '\t' '$1 == 1 { print $2 }' "$work/chosen" | head -n 20 | while read -r path; do
			mkdir -p "$root$(dirname "$path")"
			: >"$root$(dirname "$path")/.wh.$(basename "$path")"
		done
		;;
	4) # overwrites files of layer 2
		awk -F '\t' '$1 == 2 { print $2 }' "$work/chosen" | head -n 50 | while read -r path; do
			mkdir -p "$root$(dirname "$path")"
			echo changed >"$root$path"
		done
		;;
	esac
	tar --create --file "$work/layer" --directory "$root" --format posix --sort name --mtime @0 --owner 0 --group 0 \
		--numeric-owner --pax-option delete=atime,delete=ctime .
	rm -rf "$root"
	ids="$ids${ids:+,}\"sha256:$(sum "$work/layer")\""
	gzip -n6c "$work/layer" >"$work/layer.gz"
	layers="$layers${layers:+,}$(put "$work/layer.gz" application/vnd.oci.image.layer.v1.tar+gzip)"
done
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$arch" "$ids" >"$work/config"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
	"$(put "$work/config" application/vnd.oci.image.config.v1+json)" "$layers" >"$work/manifest"
descriptor=$(put "$work/manifest" application/vnd.oci.image.manifest.v1+json)
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
	"${descriptor%\}}" "$name" "$name" >"$layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
tar --create --file "$work/archive" --directory "$layout" .
mv "$work/archive" "$archive.new"
mv "$archive.new" "$archive"
