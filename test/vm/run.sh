#!/usr/bin/env bash
# run.sh COMMAND [ARGUMENT...]: runs a command in a QEMU guest; its exit status is the command's.
# The guest has the distribution's own kernel, one full cgroup v2 tree, and sees this machine's whole
# file system read-only (virtiofs) below a throw-away overlay; /tmp and /var/lib are on a fresh ext4
# disk. The command runs in the current folder. x86_64 only. As root: the kernel image, /dev/kvm and
# files of every owner must be readable.
#   MEM=4096 CPUS=2 DISK=8G TIMEOUT=3000 ACCEL=kvm|tcg KERNEL=/boot/vmlinuz-... test/vm/run.sh ls /
# REBOOT=1: a guest that resets itself starts again with the same disk, and runs the command again.
# SECOND_DISK=nbd+unix:///?socket=...: what QEMU opens as /dev/vdb; the guest's flushes reach it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "test/vm/run.sh: $*" >&2; exit 125; }
[ $# -gt 0 ] || fail "no command given"
[ "$(uname -m)" = x86_64 ] || fail "the guest is made for x86_64, this is $(uname -m)"
[ "$(id -u)" = 0 ] || fail "must run as root"

if [ -z "${KERNEL:-}" ]; then
	for pattern in 'vmlinuz-*-cloud-amd64' 'vmlinuz-*-generic' 'vmlinuz-*-amd64'; do
		KERNEL=$(find /boot -maxdepth 1 -name "$pattern" | sort -V | tail -n 1)
		[ -z "$KERNEL" ] || break
	done
fi
[ -e "${KERNEL:-}" ] || fail "no kernel in /boot: run \"make vm-deps\""
release=${KERNEL##*/vmlinuz-}

# KVM when it can really be opened; without it the guest is correct and 10 to 15 times slower.
# kvm_pvm (some nested hosts) interprets the kernel mode of kernels that were not made for it: after
# 200 s Debian's kernel was still sorting its memory, so TCG (11 s to the command) is the faster one.
if [ -z "${ACCEL:-}" ]; then
	if [ ! -d /sys/module/kvm_pvm ] && (exec 3<>/dev/kvm) 2>/dev/null; then ACCEL=kvm; else ACCEL=tcg; fi
fi
case $ACCEL in
# Some hypervisors show MSR 0x10a (ARCH_CAPABILITIES) but refuse writes to it, which aborts QEMU.
kvm) accel=(-accel kvm -cpu host,-arch-capabilities) ;;
*) accel=(-accel tcg,thread=multi -cpu max) ;;
esac
echo "guest: kernel $release, $ACCEL" >&2

work=$(mktemp -d /tmp/nspod-vm.XXXXXX)
virtiofsd_pid=
cleanup() {
	[ -z "$virtiofsd_pid" ] || kill "$virtiofsd_pid" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

# First stage: busybox and the modules that lead to the host's file system.
mkdir -p "$work"/initramfs/{bin,proc,sys,dev,host,rw,new,modules}
cp "$(command -v busybox)" "$work/initramfs/bin/busybox"
cp "$here/init" "$work/initramfs/init"
chmod 755 "$work/initramfs/init"
number=100
while read -r file; do
	target=$work/initramfs/modules/$number-$(basename "${file%%.ko*}").ko
	case $file in
	*.xz) xz -dc "$file" >"$target" ;;
	*.zst) zstd -qdc "$file" >"$target" ;;
	*) cp "$file" "$target" ;;
	esac
	number=$((number + 1))
done < <(for module in virtio_pci virtio_blk ext4 fuse virtiofs overlay; do
	modprobe -S "$release" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
(cd "$work/initramfs" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs.gz"

# Second stage: the script that the guest runs as process 1, and the command with its folder and PATH.
cp "$here/guest.sh" "$work/guest.sh"
printf "%s\n" "$PWD" >"$work/folder"
if [ "$ACCEL" = kvm ]; then patience=1; else patience=10; fi
{
	printf 'export NSPOD_TEST_PATIENCE=%q\n' "$patience"
	printf 'cd %q || exit 125\n' "$PWD"
	printf 'exec'
	printf ' %q' "$@"
	printf '\n'
} >"$work/command"
truncate -s "${DISK:-8G}" "$work/disk"
mkfs.ext4 -q -F "$work/disk"

if [ -x /usr/libexec/virtiofsd ]; then
	/usr/libexec/virtiofsd --socket-path="$work/fs.sock" --shared-dir=/ --cache=always \
		--sandbox=chroot >"$work/virtiofsd.log" 2>&1 &
elif [ -x /usr/lib/qemu/virtiofsd ]; then
	/usr/lib/qemu/virtiofsd --socket-path="$work/fs.sock" -o source=/ -o cache=always \
		-o sandbox=chroot --thread-pool-size=4 >"$work/virtiofsd.log" 2>&1 &
else
	fail "no virtiofsd: run \"make vm-deps\""
fi
virtiofsd_pid=$!
for _ in $(seq 100); do
	[ ! -S "$work/fs.sock" ] || break
	kill -0 "$virtiofsd_pid" 2>/dev/null || fail "virtiofsd ended: $(cat "$work/virtiofsd.log")"
	sleep 0.05
done

if [ -n "${REBOOT:-}" ]; then reset=(-action "reboot=reset,panic=shutdown"); else reset=(-no-reboot); fi

second=()
if [ -n "${SECOND_DISK:-}" ]; then
	second=(-drive "file=$SECOND_DISK,format=raw,if=virtio,cache=writeback")
fi

# An emulated processor that gets no time just when the kernel looks for its timer's interrupts would end in a panic.
append="console=ttyS0 loglevel=4 panic=-1 no_timer_check guest.dir=$work"

# Three serial ports: kernel messages, output of the command, its exit status.
memory=${MEM:-4096}
timeout --foreground "${TIMEOUT:-3000}" qemu-system-x86_64 -machine q35 "${accel[@]}" \
	-smp "${CPUS:-$(nproc)}" -m "$memory" -nodefaults -no-user-config -display none "${reset[@]}" \
	-object memory-backend-memfd,id=memory,size="${memory}M",share=on -numa node,memdev=memory \
	-chardev socket,id=fs,path="$work/fs.sock" -device vhost-user-fs-pci,chardev=fs,tag=host \
	-drive file="$work/disk",format=raw,if=virtio,cache=unsafe "${second[@]}" \
	-chardev file,id=console,path="$work/console" -serial chardev:console \
	-chardev stdio,id=output,signal=off -serial chardev:output \
	-chardev file,id=status,path="$work/status" -serial chardev:status \
	-kernel "$KERNEL" -initrd "$work/initramfs.gz" \
	-append "$append" </dev/null || qemu_status=$?

status=$(tr -dc '0-9' <"$work/status" 2>/dev/null || true)
if [ -z "$status" ]; then
	echo "test/vm/run.sh: the guest ended without an exit status (qemu: ${qemu_status:-0}); its console:" >&2
	tail -n 30 "$work/console" >&2
	exit 125
fi
# What the kernel complained about belongs to the result.
grep -E 'BUG:|Oops|Call Trace|WARNING:' "$work/console" >&2 || true
exit "$status"
