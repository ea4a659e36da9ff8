"""What the program reads out of a line and out of its replacement, as values that must be equal up to renaming."""

from maillogsentinel.anonymize.lines import Anonymizer
from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.secret import Secret
from maillogsentinel.model import Failure, raw_bytes, safe_text
from maillogsentinel.parse import dovecot, login, repeats, saslauthd, session
from maillogsentinel.parse.postfix import read
from maillogsentinel.parse.stamp import Clock

SECRET = Secret(b"one key for all of the tests here")
MOMENT = 1_796_000_000_000_000
NAMES = Names(SECRET)


def anonymizer(shift: int = 0) -> Anonymizer:
    return Anonymizer(SECRET, shift)


def renamed(value, names):
    return None if value is None else safe_text(names[raw_bytes(value)])


def meaning(line: bytes, original: bool):
    """All that the parsers say of `line`; of an original one, with the names that the replacement must have."""
    clock = Clock(MOMENT)
    users, hosts, addresses = (NAMES.users, NAMES.hosts, NAMES.addresses) if original else (Same(), Same(), Same())
    found = read(line, clock)
    if isinstance(found, Failure):
        found = found._replace(
            server=renamed(found.server, hosts),
            hostname=renamed(found.hostname, hosts),
            user=renamed(found.user, users),
            ip=renamed(found.ip, addresses),
            mechanism="",
            reason="",
        )
    elif not isinstance(found, str):
        found = found._replace(server=renamed(found.server, hosts))
    others = []
    for companion in (dovecot.companion, saslauthd.companion):
        said = companion(line, clock)
        if said:
            others.append(
                said._replace(
                    server=renamed(said.server, hosts), user=renamed(said.user, users), ip=renamed(said.ip, addresses)
                )
            )
    hit = line.find(login.WORD)
    essence = login.essence(line, 0, hit, len(line), clock) if hit >= 0 else None
    who = login.login(essence) if essence else None
    others.append(who and (renamed(who.user, users), renamed(who.ip, addresses)))
    hit = line.find(session.COUNTER)
    ended = session.ended(line, 0, hit, len(line), clock) if hit >= 0 else None
    others.append(ended and ended._replace(process=(renamed(ended.process[0], hosts), *ended.process[1:])))
    for about in (session.begun, session.excuse, session.aborted):
        process = about(line, clock)
        others.append(process and (renamed(process[0], hosts), *process[1:]))
    notice = session.notice(line, clock)
    others.append(notice and notice._replace(whose=""))
    return found, others


class Same:
    """Names that stay."""

    def __getitem__(self, raw: bytes) -> bytes:
        return raw


def disagreements(data: bytes) -> list[tuple[bytes, bytes, object, object]]:
    """Return the lines of a log whose replacement means something else, with what each means."""
    replacer = anonymizer()
    found = []
    failure = shown_failure = None
    for line in data.split(b"\n"):
        shown = replacer.block(line + b"\n")[:-1]
        before, after = meaning(line, True), meaning(shown, False)
        if before != after:
            found.append((line, shown, before, after))
        clock = Clock(MOMENT)
        again = repeats.last_message(line, failure, clock) if failure else None
        shown_again = repeats.last_message(shown, shown_failure, clock) if shown_failure else None
        if (again and again[1:]) != (shown_again and shown_again[1:]):
            found.append((line, shown, again, shown_again))
        failure, shown_failure = (
            said if isinstance(said, Failure) else None for said in (read(line, clock), read(shown, clock))
        )
    return found
