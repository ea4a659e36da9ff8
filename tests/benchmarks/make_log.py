"""Write the mail log of the benchmarks: the same bytes for the same arguments, in the forms of Postfix and Dovecot.

Half of the lines are deliveries, 30 % connects and disconnects, 2 % failed and 1 % successful SASL logins, the rest is
what stands between them in any mail log. Only the failures are made one by one; the other lines take their message from
pools large enough (megabytes, where gzip looks back 32 KiB) to compress as real ones do.
"""

import argparse
import datetime
import random
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import NamedTuple

HOST = "mail"
POOL = 16384
"""Mails, sessions, and different messages of each other kind."""
JITTERS = 65521
BLOCK = 20000
"""Lines that are written at once."""

QID_LETTERS = "BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789"
# fmt: off
NAMES = (
    "admin", "info", "test", "sales", "support", "contact", "office", "postmaster", "webmaster", "user", "root",
    "backup", "scanner", "noreply", "marketing", "hr", "service", "mail", "help", "accounting", "billing",
    "newsletter", "john", "david", "michael", "anna", "maria", "peter", "scan", "printer", "fax", "oracle", "spam",
    "invoice", "orders", "jobs", "press", "team", "shop", "data", "guest", "demo", "ftp", "git", "nagios", "zabbix",
    "www", "web", "abuse", "finance", "export", "import",
)
# fmt: on
DOMAINS = ("example.org", "example.net", "example.com", "mail.example.org", "shop.example.com", "lists.example.net")
ODD_USERS = ("", "(unavailable)", "jürgen@example.org", "o'neil, pat", "DOMAIN\\user", " admin", "用户@example.org")
AUTHENTICATED = re.compile(
    r"\[([0-9a-f.:]+)\]: SASL \S+ authentication failed: \(reason unavailable\), sasl_username=(.*)"
)
SERVICES = ("postfix/smtpd", "postfix/submission/smtpd", "postfix/smtps/smtpd")


class Shape(NamedTuple):
    """What the log shall be like."""

    lines: int
    failures: float
    """Share of the lines that are failed logins."""
    addresses: int
    """Different client addresses that fail."""
    named: float
    """Share of these addresses whose name Postfix verified; the others are ``unknown``."""
    days: int
    end: datetime.date
    """The log ends where this day begins."""
    style: str
    """``rfc3339`` or ``rfc3164``."""
    seed: int
    auth_lines: bool = False
    """Whether Dovecot names the user of each failure in a line of its own before it (``auth_verbose = yes``)."""
    nameless: bool = False
    """Whether Postfix is so old that it does not."""


def failing_clients(shape: Shape, rng: random.Random) -> list[str]:
    """Return ``name[address]`` of each client that fails: four in five IPv4 (198.18.0.0/15, which has room for 120,000
    of them), the others IPv6."""
    four = [0xC6120000 + offset for offset in rng.sample(range(1 << 17), min(shape.addresses * 4 // 5, 120_000))]
    six = rng.sample(range(1 << 32), shape.addresses - len(four))
    texts = [f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}" for a in four]
    texts += [f"2001:db8:{a >> 16:x}::{a & 0xFFFF or 1:x}" for a in six]
    rng.shuffle(texts)
    return [
        f"client-{number}.dynamic.example.net[{text}]" if rng.random() < shape.named else f"unknown[{text}]"
        for number, text in enumerate(texts)
    ]


def failed_sessions(shape: Shape, count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield `count` failure lines without stamp and host, each with the last line of its session: every client at least
    once where they suffice, half of the rest from one client in twenty."""
    clients = failing_clients(shape, rng)
    busy = clients[: max(1, len(clients) // 20)]
    senders = clients[:count]
    senders += [rng.choice(busy if rng.random() < 0.5 else clients) for _ in range(count - len(senders))]
    rng.shuffle(senders)
    for number, client in enumerate(senders):
        # Its own process: no other session of it may be under way.
        process = f"{rng.choices(SERVICES, (50, 35, 15))[0]}[{218000 + number % 400}]"
        counters = f"ehlo=1 auth=0/1 {'quit=1 commands=2/3' if rng.random() < 0.4 else 'commands=1/2'}"
        yield (
            f"{process}: warning: {client}: SASL {attempt(rng)}\n",
            f"{process}: disconnect from {client} {counters}\n",
        )


def attempt(rng: random.Random) -> str:
    """Return the part of a failure line behind ``SASL``: mechanism, reason and user."""
    mechanism = rng.choices(("LOGIN", "PLAIN", "CRAM-MD5"), (80, 18, 2))[0]
    if rng.random() < 0.01:
        return "XOAUTH2 authentication failed: Invalid authentication mechanism, sasl_username=(unavailable)"
    return f"{mechanism} authentication failed: (reason unavailable), sasl_username={user(rng)}"


def auth_line(failure: str, rng: random.Random) -> str:
    """Return Dovecot's line on a failure; where no user was sent, another one of Dovecot."""
    found = AUTHENTICATED.search(failure)
    if not found:
        return dovecot(rng)[0] + "\n"
    name = "?" if found[2] == "(unavailable)" else found[2][:64]
    return f"dovecot: auth: passwd-file({name},{found[1]}): {rng.choice(('unknown user', 'Password mismatch'))}\n"


def user(rng: random.Random) -> str:
    """Return an attempted user name: well-known ones most often, a long tail of others, few odd ones."""
    draw = rng.random()
    if draw < 0.02:
        return rng.choice(ODD_USERS)
    name = NAMES[min(int(rng.expovariate(0.12)), len(NAMES) - 1)]
    if draw < 0.3:
        name += str(rng.randrange(10000))
    return name if draw > 0.8 else f"{name}@{rng.choice(DOMAINS)}"


def queue_id(rng: random.Random) -> str:
    """Return a long queue ID."""
    return "4" + "".join(rng.choices(QID_LETTERS, k=14))


def pid(rng: random.Random) -> int:
    return 217000 + rng.randrange(500)


def smtpd(rng: random.Random) -> str:
    return f"{rng.choices(SERVICES, (50, 35, 15))[0]}[{pid(rng)}]"


def mailbox(rng: random.Random) -> str:
    return f"{rng.choice(NAMES)}{rng.randrange(300)}@{rng.choice(DOMAINS)}"


def documentation_address(rng: random.Random) -> str:
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}"


def any_client(rng: random.Random) -> str:
    address = documentation_address(rng)
    if rng.random() < 0.4:
        return f"unknown[{address}]"
    return f"mx{rng.randrange(90)}.{rng.choice(DOMAINS)}[{address}]"


def account(rng: random.Random) -> tuple[str, str, str]:
    """Return one of 200 users, a client of theirs, mostly one of three, and the mechanism that this client uses."""
    number = rng.randrange(200)
    own = random.Random(number * 3 + rng.randrange(3) if rng.random() < 0.95 else rng.random())
    user = f"{NAMES[number % 50]}{number}@{DOMAINS[number % 6]}"
    return user, any_client(own), own.choice(("PLAIN", "PLAIN", "LOGIN"))


def delays(rng: random.Random) -> str:
    parts = [rng.randrange(1, 300) / 100 for _ in range(4)]
    return f"delay={sum(parts):.2g}, delays={'/'.join(f'{part:.2g}' for part in parts)}"


def delivery(rng: random.Random) -> list[str]:
    """Return the lines of one mail on its way, under one queue ID."""
    qid, sender, recipient = queue_id(rng), mailbox(rng), mailbox(rng)
    message_id = f"{rng.randrange(1 << 50):x}@{rng.choice(DOMAINS)}"
    queue = [
        f"postfix/cleanup[{pid(rng)}]: {qid}: message-id=<{message_id}>",
        f"postfix/qmgr[1192]: {qid}: from=<{sender}>, size={rng.randrange(900, 90000)}, nrcpt=1 (queue active)",
    ]
    removed = f"postfix/qmgr[1192]: {qid}: removed"
    agent = rng.choices(("smtp", "lmtp", "local", "deferred"), (55, 25, 8, 12))[0]
    start = f"postfix/{'smtp' if agent == 'deferred' else agent}[{pid(rng)}]: {qid}: to=<{recipient}>"
    relay = f"mx{rng.randrange(9)}.{rng.choice(DOMAINS)}[{documentation_address(rng)}]:25"
    if agent == "deferred":
        why = f"connect to {relay}: Connection timed out"
        return [*queue, f"{start}, relay=none, {delays(rng)}, dsn=4.4.1, status=deferred ({why})"]
    if agent == "local":
        end = f"orig_to=<root>, relay=local, {delays(rng)}, dsn=2.0.0, status=sent (delivered to mailbox)"
    elif agent == "lmtp":
        end = f"relay=mail.example.org[private/dovecot-lmtp], {delays(rng)}, dsn=2.0.0, status=sent"
        end += f" (250 2.0.0 <{recipient}> {queue_id(rng)} Saved)"
    else:
        end = f"relay={relay}, {delays(rng)}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {queue_id(rng)})"
    return [*queue, f"{start}, {end}", removed]


def connection(rng: random.Random) -> list[str]:
    """Return the first and the last line of one SMTP session."""
    service, client = smtpd(rng), any_client(rng)
    draw = rng.random()
    commands = "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"
    if draw < 0.02:
        commands = "ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8"
    elif draw < 0.03:
        service, commands = f"postfix/mx/smtpd[{217000 + rng.randrange(500)}]", "ehlo=1 auth=0/1 commands=1/2"
    return [f"{service}: connect from {client}", f"{service}: disconnect from {client} {commands}"]


def success(rng: random.Random) -> list[str]:
    user, client, mechanism = account(rng)
    login = f"sasl_method={mechanism}, sasl_username={user}"
    return [f"postfix/submission/smtpd[{pid(rng)}]: {queue_id(rng)}: client={client}, {login}"]


def reject(rng: random.Random) -> list[str]:
    client, helo = any_client(rng), f"mx{rng.randrange(90)}.{rng.choice(DOMAINS)}"
    what = rng.choice(
        (
            f"554 5.7.1 Service unavailable; Client host [{documentation_address(rng)}] blocked using bl.example.net",
            f"550 5.1.1 <{mailbox(rng)}>: Recipient address rejected: User unknown in virtual mailbox table",
            f"454 4.7.1 <{mailbox(rng)}>: Relay access denied",
        )
    )
    envelope = f"from=<{mailbox(rng)}> to=<{mailbox(rng)}> proto=ESMTP helo=<{helo}>"
    return [f"postfix/smtpd[{pid(rng)}]: NOQUEUE: reject: RCPT from {client}: {what}; {envelope}"]


def postscreen(rng: random.Random) -> list[str]:
    client = f"[{documentation_address(rng)}]:{rng.randrange(1024, 65536)}"
    what = rng.choice(
        (
            f"CONNECT from {client} to [192.0.2.25]:25",
            f"PASS OLD {client}",
            f"DNSBL rank {rng.randrange(3, 9)} for {client}",
            f"PREGREET 11 after 0.{rng.randrange(10, 99)} from {client}: EHLO User\\r\\n",
            f"HANGUP after {rng.randrange(9)}.2 from {client} in tests before SMTP handshake",
        )
    )
    return [f"postfix/postscreen[1201]: {what}"]


def tls(rng: random.Random) -> list[str]:
    cipher = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
    keys = "key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256"
    return [f"{smtpd(rng)}: Anonymous TLS connection established from {any_client(rng)}: {cipher} {keys}"]


def smtpd_trouble(rng: random.Random) -> list[str]:
    client = any_client(rng)
    what = rng.choice(
        (
            f"lost connection after AUTH from {client}",
            f"timeout after END-OF-MESSAGE from {client}",
            f"SSL_accept error from {client}: -1",
            f"warning: hostname h{rng.randrange(999)}.example.net does not resolve to address"
            f" {documentation_address(rng)}: Name or service not known",
            f"improper command pipelining after CONNECT from {client}: \\026\\003\\001\\001",
        )
    )
    return [f"{smtpd(rng)}: {what}"]


def dovecot(rng: random.Random) -> list[str]:
    session = "".join(rng.choices(QID_LETTERS, k=16))
    place = f"rip={documentation_address(rng)}, lip=192.0.2.25, TLS, session=<{session}>"
    user, client, mechanism = account(rng)
    at_home = f"rip={client.partition('[')[2][:-1]}, lip=192.0.2.25, mpid={pid(rng)}, TLS, session=<{session}>"
    what = rng.choice(
        (
            f"imap-login: Login: user=<{user}>, method={mechanism}, {at_home}",
            f"imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{mailbox(rng)}>, method=PLAIN,"
            f" {place}",
            f"imap({mailbox(rng)})<{pid(rng)}><{session}>: Disconnected: Logged out in={rng.randrange(9999)} out=6120",
        )
    )
    return [f"dovecot: {what}"]


MIXED: tuple[Callable[[random.Random], list[str]], ...] = (reject, postscreen, postscreen, tls, smtpd_trouble, dovecot)


def login_lines(shape: Shape, failures: Iterable[str], rng: random.Random) -> Iterator[list[str]]:
    """Yield the lines of each failed login."""
    for failure in failures:
        lines = [auth_line(failure, rng)] if shape.auth_lines else []
        named, marker, _ = failure.partition(", sasl_username=")
        yield [*lines, named + "\n" if shape.nameless and marker else failure]


def pool_of(make: Callable[[random.Random], list[str]], rng: random.Random) -> Iterator[str]:
    """Yield messages of one kind without end, repeating them after a while."""
    return cycle([line + "\n" for _ in range(POOL) for line in make(rng)])


def failures_of(sessions: Iterator[tuple[str, str]], ends: "deque[str]") -> Iterator[str]:
    """Yield the failure lines, and put the last lines of their sessions into `ends`."""
    for failure, end in sessions:
        ends.append(end)
        yield failure


def first_of(ends: "deque[str]", others: Iterator[str]) -> Iterator[str]:
    """Yield what is in `ends` before anything of `others`."""
    while True:
        yield ends.popleft() if ends else next(others)


def stamps(shape: Shape, rng: random.Random) -> Iterator[str]:
    """Yield the line headers up to the blank behind the host name: one in each of equal slots of the days, at a random
    place in it."""
    slot = shape.days * 86_400_000_000 / shape.lines
    jitter = cycle([rng.random() for _ in range(JITTERS)])
    clock = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86400)]
    first = shape.end - datetime.timedelta(days=shape.days)
    dates = [first + datetime.timedelta(days=day) for day in range(shape.days)]
    traditional = shape.style == "rfc3164"
    heads = [f"{date:%b} {date.day:2} " if traditional else f"{date}T" for date in dates]
    for number in range(shape.lines):
        second, micro = divmod(int((number + next(jitter)) * slot), 1_000_000)
        head = heads[second // 86400] + clock[second % 86400]
        yield f"{head} {HOST} " if traditional else f"{head}.{micro:06}+00:00 {HOST} "


def messages(shape: Shape, rng: random.Random) -> Iterator[str]:
    """Yield the messages of all lines, kinds mixed at random in fixed numbers."""
    count = round(shape.lines * shape.failures)
    others = shape.lines - count * (2 if shape.auth_lines else 1)
    # One byte a line: the number of its source. Of the lines that are no failures, 50, 30 and 1 of 98 parts are known.
    order = bytes(count)
    order += b"\1" * (others * 50 // 98) + b"\2" * (others * 30 // 98) + b"\3" * (others // 98)
    mixed = bytes(range(4, 4 + len(MIXED)))
    order += (mixed * (shape.lines // len(mixed)))[: others - (len(order) - count)]
    # Each block has the mixture of the whole: shuffling a long log as one would cost more than writing it.
    step = max(1, len(order) // BLOCK)
    ends: deque[str] = deque()
    logins = login_lines(shape, failures_of(failed_sessions(shape, count, rng), ends), rng)
    sources: list[Iterator[str]] = [iter(())]
    sources += [pool_of(make, rng) for make in (delivery, connection, success, *MIXED)]
    sources[2] = first_of(ends, sources[2])
    for start in range(step):
        block = list(order[start::step])
        rng.shuffle(block)
        for kind in block:
            if kind:
                yield next(sources[kind])
            else:
                yield from next(logins)


def write_log(path: str, shape: Shape) -> tuple[int, int]:
    """Write the log to `path`; return its size in bytes and the number of failures in it."""
    rng = random.Random(shape.seed)
    heads, texts = stamps(shape, rng), messages(shape, rng)
    size, left = 0, shape.lines
    with open(path, "wb") as file:
        while left:
            number = min(BLOCK, left)
            left -= number
            size += file.write("".join([next(heads) + next(texts) for _ in range(number)]).encode())
    return size, round(shape.lines * shape.failures)


def parse_arguments(arguments: list[str]) -> tuple[str, Shape]:
    parser = argparse.ArgumentParser(description="Write the mail log of the benchmarks.")
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--failures", type=float, default=0.02, help="share of the lines (0.02)")
    parser.add_argument("--addresses", type=int, default=20000, help="different addresses that fail (20000)")
    parser.add_argument("--named", type=float, default=0.05, help="share of these whose name Postfix verified (0.05)")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--end", type=datetime.date.fromisoformat, help="the day before which it ends (today)")
    parser.add_argument("--style", choices=("rfc3339", "rfc3164"), default="rfc3339")
    parser.add_argument("--auth-lines", action="store_true", help="Dovecot names each user in a line of its own")
    parser.add_argument("--nameless", action="store_true", help="Postfix does not name the user")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    end = given.end or datetime.datetime.now(datetime.UTC).date()
    return given.out, Shape(
        given.lines,
        given.failures,
        given.addresses,
        given.named,
        given.days,
        end,
        given.style,
        given.seed,
        given.auth_lines,
        given.nameless,
    )


def main() -> None:
    path, shape = parse_arguments(sys.argv[1:])
    size, failures = write_log(path, shape)
    print(f"{path}: {shape.lines} lines, {size} bytes ({size / shape.lines:.0f} a line), {failures} failures")


if __name__ == "__main__":
    main()
