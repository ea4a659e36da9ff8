#!/bin/sh
# dovecot.sh DIRECTORY SOCKET: configure the Dovecot that is installed, 2.3 or 2.4, as nothing but what Postfix asks for
# passwords through SOCKET. Writes DIRECTORY/dovecot.conf; the three accounts have the password "right".
set -eu
D=$1
SOCKET=$2

install -d "$D"
printf '%s:{PLAIN}right\n' alice@example.org bob@example.org info@example.org >"$D/passwd"
{
    case $(dovecot --version) in
    2.3*)
        cat <<CF
disable_plaintext_auth = no
auth_username_format = %u
passdb {
  driver = passwd-file
  args = $D/passwd
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
CF
        ;;
    *)
        cat <<CF
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
auth_username_format = %{user}
passdb passwd-file {
  passwd_file_path = $D/passwd
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = /nonexistent
  }
}
CF
        ;;
    esac
    cat <<CF
base_dir = $D/run
state_dir = $D
protocols =
ssl = no
log_path = syslog
auth_verbose = yes
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0 secs
service auth {
  unix_listener $SOCKET {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
CF
} >"$D/dovecot.conf"
