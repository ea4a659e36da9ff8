"""What the days of a report were, in one sentence."""

from collections.abc import Sequence
from typing import NamedTuple

from maillogsentinel.detect.finding import Finding
from maillogsentinel.report.columns import clip
from maillogsentinel.report.summary import Summary

CRITICAL, ATTACK, MORE, USUAL, QUIET, UNKNOWN = "critical", "attack", "more", "usual", "quiet", "unknown"
LEVELS = (CRITICAL, ATTACK, MORE, USUAL, QUIET, UNKNOWN)

_MORE_TIMES = 2
_MORE_AT_LEAST = 20
"""More than usual: more than twice the mean of the days before, and at least so many more than it."""
_NAMED = 3
"""Findings that the sentence names."""
_CELLS = 48
"""Width of a name in the sentence."""


class Verdict(NamedTuple):
    """What the days were."""

    level: str
    """One of `LEVELS`; ``unknown`` where too little was read, or too little is known of other days."""
    sentence: str


def verdict(summary: Summary) -> Verdict:
    """Return the verdict on the days of `summary`. What was not read is never taken for quiet."""
    critical = [finding for finding in summary.findings if finding.severity == "critical"]
    warnings = [finding for finding in summary.findings if finding.severity == "warning"]
    if critical:
        return Verdict(CRITICAL, _compromise(critical))
    if warnings:
        others = [attack(one) for one in warnings if one.kind != "login"]
        by = f"Under attack by {_joined(others)}." if others else ""
        return Verdict(ATTACK, " ".join(filter(None, (_to_ask(warnings), by))))
    if summary.coverage == "none":
        why = summary.not_kept or "nothing was read"
        return Verdict(UNKNOWN, f"Nothing is known of what happened {summary.when}: {why}.")
    return _by_number(summary)


def critical_line(summary: Summary) -> str:
    """Return what stands first where somebody may be in; empty where there is no such finding."""
    critical = [finding for finding in summary.findings if finding.severity == "critical"]
    return _compromise(critical) if critical else ""


def doubtful_line(summary: Summary) -> str:
    """Return the same of logins of which nobody but the user can tell; empty where there is none."""
    return _to_ask([finding for finding in summary.findings if finding.severity == "warning"])


def _to_ask(found: Sequence[Finding]) -> str:
    users = _users(found)
    return (
        f"Ask {_joined(users)} whether {'that login was theirs' if len(users) == 1 else 'those logins were theirs'}."
        if users
        else ""
    )


def _users(found: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(clip(finding.subject, _CELLS) for finding in found if finding.kind == "login"))


def _compromise(critical: Sequence[Finding]) -> str:
    users = _users(critical)
    if users:
        return f"Possible compromise of {_joined(users)}."
    return f"Somebody may be in: {_joined([attack(one) for one in critical])}."


def attack(finding: Finding) -> str:
    """Return in a few words who attacks whom."""
    subject, users, addresses = (
        clip(finding.subject, _CELLS),
        _number(finding.users, "user"),
        _number(finding.addresses, "address"),
    )
    return {
        "login": f"a login of {subject}",
        "bait": f"{subject} (on a user that does not exist)",
        "distributed": f"{addresses} (on {subject})",
        "spraying": f"{subject} (on {users})",
        "network": f"the network {subject} (on {users})",
        "organisation": f"AS{subject.removeprefix('AS')} (on {users})",
        "country": f"{subject} (on {users})",
        "burst": f"a burst of {_number(finding.attempts, 'attempt')} ({subject})",
    }[finding.kind]


def _by_number(summary: Summary) -> Verdict:
    compared, part = summary.comparison, summary.coverage == "part"
    failures, usual = _failures(summary), _usual(summary)
    if compared and _much(compared.failures, compared.month.failures):
        return Verdict(MORE, f"More than usual: {failures}, where {usual}.")
    if part:
        return Verdict(UNKNOWN, _sentence(f"{failures} in what was read, but not all was read."))
    if summary.no_record:
        return Verdict(UNKNOWN, summary.no_record)
    if summary.tally.total == 0:
        return Verdict(QUIET, f"A quiet {_span(summary)}: no login failed{' so far' if summary.today else ''}.")
    if not compared:
        return Verdict(UNKNOWN, _sentence(f"{failures}; too few other days are known to say whether that is usual."))
    if _much(compared.month.failures, compared.failures):
        return Verdict(QUIET, f"A quiet {_span(summary)}: {failures}, where {usual}.")
    return Verdict(USUAL, f"A {_span(summary)} as usual: {failures}, where {usual}.")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _failures(summary: Summary) -> str:
    text = _number(summary.tally.total, "failed login")
    if summary.comparison and _span(summary) != "day":
        text += f" ({about(summary.comparison.failures)} a day)"
    return f"{text} so far" if summary.today else text


def _usual(summary: Summary) -> str:
    """The end of a sentence: how many are usual."""
    compared = summary.comparison
    if not compared:
        return ""
    if compared.until is not None:
        return f"{about(compared.month.failures)} until {compared.until:02d}:00 are usual"
    return f"{about(compared.month.failures)} a day are usual"


def _much(more: float, less: float) -> bool:
    return more > _MORE_TIMES * less and more - less >= _MORE_AT_LEAST


def _span(summary: Summary) -> str:
    return "day" if summary.first_day == summary.last_day else "span"


def about(mean: float) -> str:
    """Return a mean with one decimal where that says something."""
    return f"{mean:.0f}" if mean >= 10 or mean == int(mean) else f"{mean:.1f}"


def _number(count: int, what: str) -> str:
    many = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{count} {what if count == 1 else many}" if count else f"no {many}"


def _joined(parts: Sequence[str]) -> str:
    """The first few of `parts` as a list in a sentence, and how many more there are."""
    shown = list(parts[:_NAMED])
    if len(parts) > _NAMED:
        shown.append(f"{len(parts) - _NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
