"""Pseudonyms of users for what is mailed: by a key of this installation, the same for the same user in every mail.

They are those that ``anonymize --key`` makes with the same key. What is printed or written into a file has the names.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from os.path import commonprefix

from maillogsentinel import options
from maillogsentinel.anonymize import secret
from maillogsentinel.anonymize.names import Names
from maillogsentinel.config import Config
from maillogsentinel.detect.finding import Finding
from maillogsentinel.model import Row, raw_bytes, safe_text
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.tally import Attempt, Top
from maillogsentinel.report.trend import Novelty
from maillogsentinel.store import csvfile

NOTICE = (
    "User names in this mail are pseudonyms, the same in each one ([report] pseudonymise_users). Printed by report"
    " --stdout on the server, the report has the names."
)
ATTACHED = "the whole CSV has the names of the users"
"""Why it is not attached."""
KEY_FILE = "pseudonyms.key"

_OF_USERS = ("login", "distributed")
"""Kinds of findings whose subject is a user. The examples of the others are users."""
_PLAIN = re.compile(r"[^\s\",]+")
_CUT = 16
"""Names that stand cut off in a sentence have more characters left than these."""


def for_mails(config: Config) -> "Pseudonyms | None":
    """Return what makes the users in mails pseudonyms where the configuration wants that; None where it does not.

    The key is made on first use. Raises SourceError where there is no good one: then nothing must be mailed.
    """
    if not config[options.PSEUDONYMISE]:
        return None
    return Pseudonyms(Names(secret.kept(f"{config[options.STATE_DIR]}/{KEY_FILE}")))


class Pseudonyms:
    """The pseudonyms of one key."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def user(self, user: str | None) -> str | None:
        """Return the pseudonym of a user (safe text, see `model.safe_text`); nobody and the empty name stay."""
        return self.name(user) if user else user

    def name(self, user: str) -> str:
        """Return the pseudonym of a name."""
        return safe_text(self._names.users[raw_bytes(user)])

    def summary(self, summary: Summary) -> Summary:
        """Return the summary with pseudonyms, and with a notice that says so.

        What is equally frequent is ordered by them: the order of names would tell something of the names.
        """
        tally = summary.tally
        attempts = [(who._replace(user=self.user(who.user)), number) for who, number in tally.attempts]
        tally = tally._replace(attempts=sorted(attempts, key=_most_first), users=self._top(tally.users))
        if tally.fleet:
            users = tally.fleet.users
            ranked = [(self.name(name) if name else name, servers, number) for name, servers, number in users.ranked]
            ranked.sort(key=lambda found: (-found[1], -found[2], found[0]))
            tally = tally._replace(fleet=tally.fleet._replace(users=users._replace(ranked=ranked)))
        return summary._replace(
            tally=tally,
            findings=tuple(map(self.finding, summary.findings)),
            news=summary.news and summary.news._replace(kinds=tuple(map(self._novelty, summary.news.kinds))),
            notices=(*summary.notices, NOTICE),
        )

    def _novelty(self, novelty: Novelty) -> Novelty:
        if novelty.kind != "users":
            return novelty
        examples = [(self.name(name) if name else name, number) for name, number in novelty.examples]
        return novelty._replace(examples=tuple(sorted(examples, key=lambda found: (-found[1], found[0]))))

    def _top(self, top: Top) -> Top:
        ranked = [(self.name(name) if name else name, number) for name, number in top.ranked]
        return top._replace(ranked=sorted(ranked, key=lambda found: (-found[1], found[0])))

    def finding(self, found: Finding) -> Finding:
        """Return the finding with pseudonyms in place of the users that it names, in its sentence as well."""
        whole = found.subject if found.kind in _OF_USERS else ""
        users = [whole] if whole else [name for name in found.examples if name]
        return found._replace(
            subject=self.name(whole) if whole else found.subject,
            sentence=_replaced(found.sentence, users, self.name),
            examples=found.examples if whole else tuple(self.name(name) if name else name for name in found.examples),
        )

    def lines(self, rows: Iterable[Row], delimiter: str) -> Iterator[bytes]:
        """Yield the CSV's lines of `rows` with pseudonyms."""
        for row in rows:
            yield csvfile.encode(row._replace(user=self.user(row.user)), delimiter)


def _most_first(pair: tuple[Attempt, int]) -> tuple[int, bool, str, str, str]:
    (user, ip, hostname), number = pair
    return -number, user is None, user or "", ip or "", hostname or ""


def _replaced(sentence: str, users: list[str], name: Callable[[str], str]) -> str:
    """Return the sentence without the names that stand in it in quotation marks, whole or cut off with three dots.

    What is quoted and none of `users` is replaced as one name. Where a name has quotation marks itself, or looks like
    what may stand between two names, nobody can tell where it ends: then all from the first mark to the last one gives
    way to the users.
    """
    if not all(map(_PLAIN.fullmatch, users)):
        before, first, rest = sentence.partition('"')
        if not first:
            return sentence
        _, last, after = rest.rpartition('"')
        return before + ", ".join(f'"{name(user)}"' for user in users) + (after if last else "")
    parts = [sentence]
    for user in sorted(users, key=len, reverse=True):
        quoted = f'"{name(user)}"'
        found: list[str] = []
        for number, part in enumerate(parts):
            found += [part] if number % 2 else _around(part, user, quoted)
        parts = found
    for number in range(0, len(parts), 2):
        before, quote, rest = parts[number].partition('"')
        inner, last, after = rest.rpartition('"')
        if quote:
            parts[number] = f'{before}"{name(inner if last else rest)}"{after if last else ""}'
    return "".join(parts)


def _around(text: str, user: str, quoted: str) -> list[str]:
    """Return `text` taken apart at the quoted user: text, `quoted`, text and so on."""
    found: list[str] = []
    while place := _place(text, user):
        found += [text[: place[0]], quoted]
        text = text[place[1] :]
    return [*found, text]


def _place(text: str, user: str) -> tuple[int, int] | None:
    """Return from where to where the quoted user stands in `text`."""
    at = text.find(f'"{user}"')
    if at >= 0:
        return at, at + len(user) + 2
    at = text.find(f'"{user[:_CUT]}')
    if at < 0 or len(user) <= _CUT:
        return None
    end = at + 1 + len(commonprefix([text[at + 1 :], user]))
    return (at, end + 4) if text.startswith('..."', end) else None
