"""What Cyrus saslauthd says of a failed login; it names the client's address from 2.1.27 on, where it was told of it.

``saslauthd[2213]: do_auth         : auth failure: [user=debbie] [service=smtp] [realm=example.org] [remote=192.0.2.7]
[mech=pam] [reason=PAM auth error]`` (saslauthd/saslauthd-main.c). It logs to LOG_AUTH, which stands in mail.log only
where syslog was told so, and in the journal.
"""

import re

from maillogsentinel.model import safe_text
from maillogsentinel.parse.companion import Companion
from maillogsentinel.parse.header import MAX_LINE, header
from maillogsentinel.parse.postfix import address
from maillogsentinel.parse.stamp import Clock

# The user is the client's text: what ends it is the last that looks so.
_FAILURE = re.compile(
    rb"do_auth +: auth failure: \[user=(.*)\] \[service=([^\[\]]*)\] \[realm=[^\[\]]*\] (?:\[remote=([^\[\]]*)\] )?"
    rb"\[mech=[^\[\]]*\] (?:\[remote=([^\[\]]*)\] )?\[reason=",
    re.S,
)


def companion(line: bytes, clock: Clock) -> Companion | None:
    """Return what `line` (without its newline) says of a failed login from a known address, or None."""
    parts = header(line, clock) if len(line) <= MAX_LINE else None
    match = _FAILURE.match(parts.message) if parts and parts.program == b"saslauthd" else None
    if not parts or not match:
        return None
    user, service, before_mechanism, behind = match.groups()
    ip = address(before_mechanism or behind or b"")
    if ip is None:
        return None
    server = None if parts.host is None else safe_text(parts.host)
    return Companion(parts.stamp, server, ip, safe_text(user), "saslauthd", service not in (b"smtp", b"smtpd"), False)
