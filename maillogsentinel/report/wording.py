"""The sentences and tables of a report, which its text and its HTML form share."""

from typing import NamedTuple

from maillogsentinel.report.fleet import Shared
from maillogsentinel.report.summary import Loss, Summary
from maillogsentinel.report.tally import TOP, Top
from maillogsentinel.report.verdict import critical_line

DOCUMENTATION = "https://github.com/cryptozoide/MailLogSentinel/blob/main/README.md"
SAMPLE = "TEST: a sample made by 'maillogsentinel report --test'. No day counts as reported by it."
TROUBLE_TITLE = "Server trouble (not attacks, not counted above)"
GAPS_TITLE = "Hours not covered"
GAPS_NOTE = "These hours were not read, or only in part. What is missing is not in the numbers above."
GAPS_SENTENCE = f"{GAPS_NOTE.rstrip('.')}:"
LOSS_TITLE = "Lines that may be missing from the log"
NOTICES_TITLE = "Notices"
FINDINGS_TITLE = "What detection found"
REVERSE_DNS_TITLE = "Reverse DNS Lookup Failure Summary"

ERRNO_MEANING = {
    0: "status of another program",
    1: "no such host",
    2: "no answer in time, or SERVFAIL",
    3: "refused or broken answer",
    4: "no PTR record",
}
"""What the resolver's h_errno numbers of the CSV's column reverse_dns_status stand for."""


class Table(NamedTuple):
    """One list of the most frequent."""

    title: str
    headings: tuple[str, ...]
    """Of the columns between the rank and the count."""
    rows: tuple[tuple[tuple[str, ...], int], ...]
    unknown: int
    """Records without a value; they stand last and have no rank."""


def shown(value: str | None) -> str:
    """Return a value as a reader can tell it: ``null`` for none, in quotes what would look like something else."""
    if value is None:
        return "null"
    return f'"{value}"' if value in ("", "null") or value != value.strip() else value


def tables(summary: Summary) -> list[Table]:
    """Return the lists of the most frequent; none for days without a record."""
    tally, when = summary.tally, summary.when
    if not tally.total:
        return []
    attempts = tuple((tuple(map(shown, who)), number) for who, number in tally.attempts)
    lists: tuple[tuple[str, str, Top], ...] = (
        ("Usernames", "Username", tally.users),
        ("countries", "Country", tally.countries),
        ("ASO", "AS organisation", tally.asos),
        ("ASN", "AS number", tally.asns),
    )
    return [
        Table(f"Top {TOP} failed authentications {when}", ("Username", "Address", "Host name"), attempts, 0),
        *(
            Table(
                f"Top {TOP} {plural} {when}",
                (heading,),
                tuple(((shown(value),), number) for value, number in top.ranked),
                top.unknown,
            )
            for plural, heading, top in lists
        ),
        *fleet_tables(summary),
    ]


def fleet_tables(summary: Summary) -> list[Table]:
    """Return what several servers have in common; nothing for the records of one."""
    fleet, when = summary.tally.fleet, summary.when
    if fleet is None or fleet.distinct < 2:
        return []
    shown_servers = f" ({len(fleet.servers)} of {fleet.distinct})" if len(fleet.servers) < fleet.distinct else ""
    servers = tuple(((shown(name),), number) for name, number in fleet.servers)
    lists: tuple[tuple[str, str, Shared], ...] = (
        ("addresses seen on", "Address", fleet.addresses),
        ("networks seen on", "Network", fleet.networks),
        ("Usernames tried on", "Username", fleet.users),
    )
    return [
        Table(f"Attempts per server {when}{shown_servers}", ("Server",), servers, 0),
        *(
            Table(
                f"Top {TOP} {what} several servers {when}"
                + (f" (of {shared.distinct})" if shared.distinct > TOP else ""),
                (heading, "Seen on"),
                tuple(((shown(value), f"{number} servers"), count) for value, number, count in shared.ranked),
                0,
            )
            for what, heading, shared in lists
        ),
    ]


def total_lines(summary: Summary) -> list[str]:
    """Return how many failed logins there were, and what that number leaves out."""
    total, when = summary.tally.total, summary.when
    if summary.coverage == "none":
        kept = summary.not_kept
        why = f"{kept[0].upper()}{kept[1:]}." if kept else f"Nothing was read that was logged {when}."
        return [f"Total attempts {when}: not known", "", why]
    lines = [f"Total attempts {when}: {total}"]
    if summary.coverage == "part":
        lines[0] += "" if total else " in what was read"
        where = f"; see '{GAPS_TITLE}'" if summary.not_covered else ""
        what = "is kept, or could be read" if summary.kept_since else "could be read"
        lines += ["", f"Not everything that was logged {when} {what}{where}."]
    elif not total:
        lines += ["", summary.no_record or f"No login failed {when}."]
    if summary.read_until:
        lines += ["", f"Logs were read up to {summary.read_until}."]
    return lines


FINDINGS = 20
"""Findings that a report shows; the most severe come first, and JSON has more."""


def findings(summary: Summary) -> list[tuple[str, str]]:
    """Return severity and sentence of what was found, the most severe first."""
    return [(found.severity, found.sentence) for found in summary.findings[:FINDINGS]]


def alarming(summary: Summary) -> list[tuple[str, str]]:
    """Return those of `findings` that are above the daily noise."""
    return [found for found in findings(summary) if found[0] != "notice"]


def beside_findings(summary: Summary) -> list[str]:
    """Return what must be known of findings beside themselves: how many there are more, and what they leave out."""
    sentences = []
    more = summary.more_findings + max(0, len(summary.findings) - FINDINGS)
    if more:
        sentences.append(f"{_number(more, 'more finding')} did not fit here.")
    if summary.allowed:
        sentences.append(
            f"{_number(summary.allowed, 'attempt')} of allow-listed networks and users: counted above, in no finding."
        )
    return [*sentences, *summary.not_looked_for]


def losses(summary: Summary) -> list[str]:
    """Return the sentences on lines that are missing, or may be."""
    return [_loss(loss) for loss in summary.losses]


def _loss(loss: Loss) -> str:
    if loss.kind == "session":
        sessions, commands = _number(loss.times, "session"), _number(loss.missing, "refused AUTH command")
        return (
            f"{sessions} ended with {commands} more than the log has lines for: lines were lost, or Postfix refused"
            " AUTH before a login."
        )
    least = f" (at least {_number(loss.missing, 'message')})" if loss.missing else ""
    return f"{loss.kind} dropped messages {_number(loss.times, 'time')}{least}: failed logins may be missing."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def failed_lookups(summary: Summary) -> str:
    """Return the sentence with the number of reverse look-ups that failed."""
    return f"Total failed reverse lookups {summary.when}: {sum(summary.tally.dns_failed.values())}"


def server(summary: Summary) -> str:
    """Return address and name of the server, as far as they are known."""
    if not summary.server_address:
        return summary.server_name
    return f"{summary.server_address}   ({summary.server_name})"


def csv_lines(summary: Summary) -> list[str]:
    """Return the CSV's size and number of lines, and where it is or what is attached."""
    return [
        f"Total CSV file size: {size(summary.csv_size)}",
        f"Total CSV lines:     {summary.csv_lines}",
        "",
        summary.attachment or f"The CSV is {summary.csv_path}",
    ]


def size(count: int) -> str:
    """Return a number of bytes as ``812``, ``241.1K``, ``3.0M``, ``1.2G``."""
    if count < 1024:
        return str(count)
    value = float(count)
    for unit in "KMG":
        value /= 1024
        # 1023.96K would be shown as 1024.0K
        if value < 1023.95 or unit == "G":
            break
    return f"{value:.1f}{unit}"


def subject(summary: Summary) -> str:
    """Return what a mail's subject says behind the prefix: ``mail.example.org: 40 failed logins on 2025-05-27``."""
    total = summary.tally.total
    if summary.coverage == "none":
        text = f"{'no records are kept' if summary.not_kept else 'nothing was read'} {summary.dates}"
    else:
        number = {0: "no record" if summary.no_record else "no failed logins", 1: "1 failed login"}.get(
            total, f"{total} failed logins"
        )
        text = f"{number} {summary.dates}"
        critical = critical_line(summary)
        if critical:
            text = f"{critical[0].lower()}{critical[1:].rstrip('.')}; {text}"
        if summary.coverage == "part":
            text += " (incomplete)"
        elif summary.today:
            text += " (so far)"
    return f"{'TEST ' if summary.test else ''}{summary.server_name}: {text}"
