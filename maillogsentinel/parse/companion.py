"""What another daemon says of a login that failed: the client's address, and the user where it is known."""

from typing import NamedTuple

AUTH = b"auth"
"""Begins each of `BEGINNINGS`."""
AUTH_ENDS = b":-()d "
"""What follows it in them."""
BEGINNINGS = (b"auth: ", b"auth(", b"auth-worker", b"auth)", b"auth failure: [", b'authd"')
"""One of them stands in each companion, save in texts that the journal's JSON writes as a list."""


class Companion(NamedTuple):
    """One line of Dovecot or of saslauthd on a failed login. The line itself is not kept: it may hold a password."""

    stamp: int
    """UTC, microseconds since 1970."""
    server: str | None
    """The host name in the line's header, as `Failure.server`."""
    ip: str
    """Canonical address of the client."""
    user: str | None
    """Safe text; None where the line does not say, or may be read in two ways."""
    kind: str
    """What wrote it (``pam``, ``sql``, ``saslauthd`` ...): an attempt has at most one line of a kind."""
    session: bool
    """Whether the client came by IMAP, POP or the like: Postfix passes no session id on."""
    temporary: bool
    """Whether the login failed for the server's own reasons."""
