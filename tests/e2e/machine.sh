#!/bin/bash
# machine.sh DIRECTORY LOWER: what the first process of a test host does (machine.py starts it so, in new namespaces).
#
# The host's files are those of LOWER (as overlayfs takes it) under what it writes itself, DIRECTORY/upper; it sees
# DIRECTORY/shared as /srv. The addresses that documentation may use are all local here, so a client can come from any
# of them. Everything ends when standard input does: the kernel kills what is left of the process namespace.
set -eu
D=$1
R=$D/root
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset LD_PRELOAD

mount -t overlay overlay -o "lowerdir=$2,upperdir=$D/upper,workdir=$D/work" "$R"
mount -t proc proc "$R/proc"
mount -t tmpfs -o mode=755 none "$R/run"
mount -t tmpfs -o mode=755 none "$R/dev"
for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
    # shellcheck disable=SC2086
    set -- $node
    mknod -m 666 "$R/dev/$1" c "$2" "$3"
done
ln -s /proc/self/fd "$R/dev/fd"
mkdir -m 1777 "$R/dev/shm" "$R/run/lock"
mount --bind "$D/shared" "$R/srv"

hostname mx1
ip link set lo up
for net in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24; do ip route add local $net dev lo; done
if [ -e /proc/sys/net/ipv6 ]; then
    echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
    ip -6 route add local 2001:db8::/32 dev lo
fi
# Not the last command, or it would be process 1 in place of a shell, which sees to orphans.
exec chroot "$R" /bin/bash -c ': >/srv/ready; cat >/dev/null; :'
