"""The words of an alert's mail."""

import textwrap
from collections.abc import Sequence

from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.localtime import LocalTime
from maillogsentinel.store.alerts import Alert

MOST = 30
"""Alerts that stand in one mail; of the others it has the number."""
_LONGEST = 80
_WIDTH = 76
"""Characters of a line, short enough for a mail to need no soft line ends."""
_END = (
    "What each of these means, and what to do, stands in maillogsentinel(8), DETECTION and ALERTS. What is"
    " told, and to whom, says the section [alerts] of the configuration; see maillogsentinel.conf(5)."
)

TITLES = {
    "login": "{} may be in somebody else's hands",
    "bait": "{} tried a bait user",
    "distributed": "{} is tried from many addresses",
    "spraying": "{} tries many users",
    "network": "network {} tries many users",
    "organisation": "{} tries many users",
    "country": "country {} tries many users",
    "burst": "burst of failures, {}",
}
"""What a subject says of each kind of finding, with whom it is about."""


def subject(alerts: Sequence[Alert], host: str) -> str:
    """Return what the subject says: the gravest of the alerts, and how many others there are."""
    if all(alert.backlog for alert in alerts):
        return f"First look at {host}: {len(alerts)} {'findings' if len(alerts) > 1 else 'finding'}"
    gravest = min((alert.finding for alert in alerts if not alert.backlog), key=order)
    name = gravest.subject if len(gravest.subject) <= _LONGEST else gravest.subject[: _LONGEST - 3] + "..."
    more = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return f"{gravest.severity.upper()} on {host}: {TITLES[gravest.kind].format(name)}{more}"


def body(alerts: Sequence[Alert], host: str, times: LocalTime) -> str:
    """Return the mail's text: first what is new, then what the first run found in the log; the gravest first."""
    parts = []
    news, backlog = ([alert for alert in alerts if alert.backlog is old] for old in (False, True))
    if news:
        intro = f"MailLogSentinel on {host} has found what somebody should look at now:"
        parts += [_filled(intro, ""), *_listed(news, times)]
    if backlog:
        intro = f"MailLogSentinel has read the log of {host} for the first time. This stood in its last day:"
        parts += [_filled(intro, ""), *_listed(backlog, times)]
    parts.append(_filled(_END, ""))
    return "\n\n".join(parts) + "\n"


def _listed(alerts: Sequence[Alert], times: LocalTime) -> list[str]:
    ordered = sorted((alert.finding for alert in alerts), key=order)
    parts = [_paragraph(finding, times) for finding in ordered[:MOST]]
    if len(ordered) > MOST:
        parts.append(f"And {len(ordered) - MOST} more; the daily report has the gravest of them.")
    return parts


def _paragraph(finding: Finding, times: LocalTime) -> str:
    lines = [_filled(f"{finding.severity.upper()}: {finding.sentence}", ""), f"    {_span(finding, times)}"]
    for label, names in (("seen by", finding.servers), ("among them", finding.examples)):
        if names:
            lines.append(_filled(f"{label}: {', '.join(names)}", "    "))
    return "\n".join(line for line in lines if line.strip())


def _span(finding: Finding, times: LocalTime) -> str:
    if finding.first is None or finding.last is None:
        return ""
    first, last = times.text(finding.first), times.text(finding.last)
    if first == last:
        return first
    return f"{first} to {last[11:] if first[:10] == last[:10] else last}"


def _filled(text: str, indent: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
