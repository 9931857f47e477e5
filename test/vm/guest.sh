#!/bin/bash
# Second stage of the guest, process 1: mounts, one full cgroup v2 tree, network, then the command.
# Its output goes to the second serial port as bytes, its exit status to the third.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
command=$1/command
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
mount -t securityfs securityfs /sys/kernel/security
# Before /tmp is covered: the command, and the current folder, which may lie below it.
cp "$command" /dev/command
read -r folder <"$1/folder"
mkdir /dev/folder
mount --bind "$folder" /dev/folder
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
ln -sf /proc/self/fd /dev/fd

# A real file system where state goes: overlay upper folders, xattrs and fsync behave as on a server.
mkdir -p /mnt
mount -o noatime /dev/vda /mnt
mkdir -p /mnt/tmp /mnt/lib/nspod
chmod 1777 /mnt/tmp
mount --bind /mnt/tmp /tmp
mkdir -p /var/lib/nspod
mount --bind /mnt/lib/nspod /var/lib/nspod
umount /mnt
[ "$folder" -ef /dev/folder ] || { mkdir -p "$folder" && mount --bind /dev/folder "$folder"; }
umount /dev/folder
rmdir /dev/folder

modprobe -qa veth bridge nf_tables nft_chain_nat nft_nat nft_masq nft_ct nft_fib_inet \
	nft_reject_inet nf_conntrack nf_conntrack_netlink dummy tun loop
hostname guest
ip link set lo up
# An address that is not loopback, as every server has; TEST-NET-1 leads nowhere.
ip link add uplink type dummy
ip address add 192.0.2.2/24 dev uplink
ip link set uplink up
ip route add default via 192.0.2.1

ulimit -n 524288
ulimit -c 0
for port in 1 2; do stty -F /dev/ttyS$port raw -echo 115200; done
setsid -w bash /dev/command </dev/null >/dev/ttyS1 2>&1
status=$?
sync
echo "$status" >/dev/ttyS2
stty -F /dev/ttyS1 raw -echo 115200 # waits until the port has sent everything
sleep 0.2
echo o >/proc/sysrq-trigger
sleep 30
