#!/bin/bash
# bed.sh DIR: a whole mail server that nobody outside can see.
#
# Runs as the first process of its own mount, network, host-name and process namespaces (bed.py starts it so). The
# addresses that documentation may use are all local here, so a client can come from any of them; names come from
# DIR/hosts. Everything ends when standard input does: the kernel kills what is left of the process namespace.
#
#   25     smtpd, Dovecot          587    postfix/submission, Dovecot
#   465    postfix/submissions     2587   postfix/bulk, Cyrus sasldb (Dovecot waits half a second after a failure)
#
# Log: DIR/log/mail.log, through rsyslog in Debian's form, or through Postfix's own postlogd with POSTLOGD=1.
# With DIR/clock, rsyslog stamps the lines with a clock of its own: the offset in seconds that this file holds.
set -eu
D=$1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset LD_PRELOAD

namespaces() {
    hostname mx1
    [ -e "$D/hosts" ] || : >"$D/hosts"
    { printf '127.0.0.1 localhost\n::1 localhost\n192.0.2.25 mx1.example.org mx1\n'; cat "$D/hosts"; } >"$D/etc-hosts"
    mount --bind "$D/etc-hosts" /etc/hosts
    sed '/^hosts:/d' /etc/nsswitch.conf >"$D/nsswitch.conf"
    echo 'hosts: files' >>"$D/nsswitch.conf"
    mount --bind "$D/nsswitch.conf" /etc/nsswitch.conf
    # /dev/log of this server, not of the machine's.
    mount -t tmpfs -o mode=755 none /dev
    local node
    for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
        # shellcheck disable=SC2086
        set -- $node
        mknod -m 666 "/dev/$1" c "$2" "$3"
    done
    ln -s /proc/self/fd /dev/fd
    mkdir -m 1777 /dev/shm
    ip link set lo up
    local net
    for net in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24; do ip route add local $net dev lo; done
    if [ -e /proc/sys/net/ipv6 ]; then
        echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
        ip -6 route add local 2001:db8::/32 dev lo
    fi
}

postfix_files() {
    local conf=/etc/postfix # of this server, not the machine's
    cp -a $conf "$D/postfix"
    mount --bind "$D/postfix" $conf
    install -d "$D/queue" "$D/tls"
    install -d -o postfix "$D/data"
    install -d -o nobody -g nogroup "$D/mailboxes"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mx1.example.org \
        -keyout "$D/tls/key.pem" -out "$D/tls/cert.pem" 2>/dev/null
    cat /etc/postfix/master.cf.proto >$conf/master.cf
    cat >$conf/main.cf <<CF
compatibility_level = 3.6
myhostname = mx1.example.org
mydestination = localhost
mynetworks = 127.0.0.0/8
inet_protocols = all
queue_directory = $D/queue
data_directory = $D/data
alias_maps =
alias_database =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{ alice@example.org=alice/, bob@example.org=bob/, info@example.org=info/ }
virtual_mailbox_base = $D/mailboxes
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
transport_maps = inline:{ example.net=smtp:[127.0.0.1]:10025 }
smtpd_tls_cert_file = $D/tls/cert.pem
smtpd_tls_key_file = $D/tls/key.pem
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
cyrus_sasl_config_path = $conf/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
maillog_file_prefixes = $D
service_throttle_time = 1s
maillog_file =${POSTLOGD:+ $D/log/mail.log}
CF
    service() { # NAME OPTION...
        local name=$1
        shift
        postconf -M "$name/inet=$name inet n - n - - smtpd $*"
    }
    postconf -F '*/unix/chroot=n' '*/inet/chroot=n'
    service smtp
    service submission -o syslog_name=postfix/submission
    service submissions -o syslog_name=postfix/submissions -o smtpd_tls_wrappermode=yes
    service 2587 -o syslog_name=postfix/bulk -o smtpd_sasl_type=cyrus -o smtpd_sasl_path=smtpd
    install -d $conf/sasl
    printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' 'mech_list: PLAIN LOGIN' "sasldb_path: $conf/sasl/db" \
        >$conf/sasl/smtpd.conf
    echo right | saslpasswd2 -p -c -f $conf/sasl/db -u mx1.example.org alice
    chown root:postfix $conf/sasl/db
    chmod 640 $conf/sasl/db
}

start_rsyslog() {
    install -d "$D/log" "$D/rsyslog"
    cat >"$D/rsyslog.conf" <<CF
module(load="imuxsock" SysSock.UseSysTimeStamp="off")
global(workDirectory="$D/rsyslog")
\$FileCreateMode 0640
mail.* $D/${POSTLOGD:+not-postfix-}log/mail.log
CF
    local clock=()
    if [ -e "$D/clock" ]; then
        clock=(env LD_PRELOAD="$(dpkg -L libfaketime | grep 'MT\.so\.1$')" FAKETIME_TIMESTAMP_FILE="$D/clock"
            FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1)
    fi
    "${clock[@]}" rsyslogd -f "$D/rsyslog.conf" -i "$D/rsyslogd.pid" >"$D/rsyslogd.out" 2>&1 </dev/null
    until [ -S /dev/log ]; do sleep 0.05; done
}

complain() {
    cat "$D"/*.out >&2
    tail -n 5 "$D/log/mail.log" >&2
    exit 1
}

namespaces
postfix_files
sh "$(dirname "$0")/dovecot.sh" "$D/dovecot" "$D/queue/private/auth"
start_rsyslog
# The check also makes the queue's directories, which Dovecot puts its socket into.
postfix check >"$D/postfix.out" 2>&1 </dev/null || complain
dovecot -c "$D/dovecot/dovecot.conf" >"$D/dovecot.out" 2>&1 </dev/null || complain
smtp-sink -u nobody 127.0.0.1:10025 100 >"$D/sink.out" 2>&1 </dev/null &
postfix start >>"$D/postfix.out" 2>&1 </dev/null || complain
: >"$D/ready"
cat >/dev/null
