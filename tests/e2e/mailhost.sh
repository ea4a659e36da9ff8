#!/bin/bash
# mailhost.sh DIRECTORY LOWER FIRST NAME: what the first process outside of a test host does (mailhost.py starts it so, in
# new namespaces).
#
# The host's files are those of LOWER (as overlayfs takes it) under what it writes itself, DIRECTORY/upper; it sees
# DIRECTORY/shared as /srv. The addresses that documentation may use are all local here, so a client can come from any
# of them. FIRST is what is process 1 in the host: a shell, or systemd, which DIRECTORY/shared/prepare goes before. NAME
# is the host's name.
# Everything ends when standard input does: the kernel kills what is left of the process namespace.
set -eu
D=$1
R=$D/root
FIRST=$3
NAME=$4
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset LD_PRELOAD

mount -t overlay overlay -o "lowerdir=$2,upperdir=$D/upper,workdir=$D/work" "$R"
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

hostname "$NAME"
ip link set lo up
for net in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24; do ip route add local $net dev lo; done
if [ -e /proc/sys/net/ipv6 ]; then
    echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
    ip -6 route add local 2001:db8::/32 dev lo
fi

if [ "$FIRST" = shell ]; then
    mount -t proc proc "$R/proc"
    # Not the last command, or it would be process 1 in place of a shell, which sees to orphans.
    exec chroot "$R" /bin/bash -c ': >/srv/ready; cat >/dev/null; :'
fi

# As systemd does at boot where it may: with ten of them under way, journald's messages to rsyslog are dropped.
echo 512 >/proc/sys/net/unix/max_dgram_qlen

# Process 1 of a process namespace below ours, in control groups of its own.
boot() {
    mount -t proc proc "$R/proc"
    # What the kernel has only once is not this host's to change.
    mount --bind "$R/proc/sys" "$R/proc/sys"
    mount -o remount,bind,ro "$R/proc/sys"
    mount -t sysfs -o ro sysfs "$R/sys"
    mount -t cgroup2 none "$R/sys/fs/cgroup"
    mount -t tmpfs -o mode=1777 none "$R/tmp"
    mkdir "$R/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$R/dev/pts"
    ln -s pts/ptmx "$R/dev/ptmx"
    cd "$R"
    pivot_root . .
    umount -l .
    cd /
    if [ -e /srv/prepare ] && ! sh -e /srv/prepare >/srv/prepared 2>&1 </dev/null; then
        cat /srv/prepared >&2
        exit 1
    fi
    : >/srv/ready
    # Without the first of these nobody reads the kernel's messages, which are those of the machine outside.
    exec env -i container=test PATH=$PATH setpriv --bounding-set -syslog,-sys_time,-sys_module,-sys_rawio,-mac_admin \
        /lib/systemd/systemd --system --show-status=0
}

export R PATH
export -f boot
mkdir "$D/cgroups"
mount -t cgroup2 none "$D/cgroups"
group=$(mktemp -d "$D/cgroups/mailhost-XXXXXX")
exec 3<&0 </dev/null
(
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --cgroup --fork --kill-child bash -euc boot
) 3<&- &
host=$!
cat <&3 >/dev/null &
wait -n || : # for the end of standard input, or of the host
exec 2>/dev/null # the shell would say what it has killed
kill -KILL "$host" || :
wait "$host" || :
# Nobody else takes the groups away. They stay busy until the kernel has done with the last process.
for _ in $(seq 100); do
    find "$group" -depth -type d -exec rmdir {} + && break
    sleep 0.1
done
