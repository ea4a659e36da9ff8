"""Logins that may be somebody else's: after failures, or from a country that is new for the user.

People forget passwords, get new telephones and travel. So failures of a user's own count for little, those of an
address that tried others as well for much; a network that the user came from before is no matter at all; and of a user
who is known for a few days only, nothing is new. After the installation all are; later it is somebody who begins, or an
account that nobody used, whose password is the one that is guessed.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.evidence import Before, Evidence, NewLogin, Side, gather
from maillogsentinel.detect.finding import SEVERITIES, Finding, order
from maillogsentinel.detect.names import known_as, shown
from maillogsentinel.detect.thresholds import Thresholds

__all__ = ["Before", "NewLogin", "compromises"]

OTHERS = 3
"""Other users whom an address must have tried, for its failures not to be those of one person with two accounts."""
STUBBORN = 10
"""How many times login_failures are more than the telephone with the old password sends that logs in at last."""
_DAY = 86_400_000_000


class _Verdict(NamedTuple):
    severity: str
    evidence: Evidence
    new_country: bool
    side: Side | None = None
    """The failures that it rests on."""
    whose: str = ""
    """What they have in common with the login."""


def compromises(
    logins: Sequence[NewLogin], failures: Iterable[Before], limits: Thresholds, remembered: int | None = None
) -> list[Finding]:
    """Return the users of whose `logins` one may be somebody else's, in the order of `finding.order`.

    `failures` are at least those of the `login_hours` before each login; others, and those that came later, are passed
    over. Names are compared as `names.same_user` does. `remembered`: since when logins have been remembered, UTC
    microseconds; None for not long enough to know who is new.
    """
    if not limits.login_failures:
        return []
    allowed = Allowed(limits)
    looked_at = [one for one in logins if not one.known_network and not allowed.attempt(one.ip, one.user)]
    users_at: dict[str, set[str]] = {}
    for one in looked_at:
        users_at.setdefault(one.network, set()).add(known_as(one.user))
    verdicts: dict[str, list[_Verdict]] = {}
    for evidence in gather(looked_at, failures, limits.login_hours, allowed):
        found = _verdict(evidence, len(users_at[evidence.login.network]), limits, remembered)
        if found:
            verdicts.setdefault(evidence.name, []).append(found)
    return sorted((_finding(name, of_user) for name, of_user in verdicts.items()), key=order)


def _verdict(evidence: Evidence, users_here: int, limits: Thresholds, remembered: int | None) -> _Verdict | None:
    """Return what is to be said of a login; `users_here`: how many log in from its network for the first time."""
    login, address, network, user = evidence.login, evidence.address, evidence.network, evidence.user
    enough = limits.login_failures
    guessing = len(address.others) >= OTHERS and address.failures >= enough
    stubborn = address.failures >= enough * STUBBORN
    if not _longer(login, login.known_since, limits):
        # An office behind one address, where some have the old password, looks alike until its users are known.
        if guessing and len(address.others) >= enough and users_here == 1:
            return _Verdict("critical", evidence, False, address, "of that address")
        known = _longer(login, remembered, limits)
        if address.failures >= enough and (known or users_here == 1):
            severe = (guessing or stubborn) and known and users_here == 1
            return _Verdict("critical" if severe else "warning", evidence, False, address, "of that address")
        return None
    new = login.country is not None and not login.known_country
    if guessing or address.failures >= enough:
        severe = guessing or new or stubborn
        return _Verdict("critical" if severe else "warning", evidence, new, address, "of that address")
    # Neighbours in a carrier's network forget passwords as well, but are not many on one server.
    if network.failures >= enough and (new or len(network.others) >= enough or network.failures >= enough * STUBBORN):
        return _Verdict("critical" if new else "warning", evidence, new, network, f"of its network {login.network}")
    # Some names many strangers try each day, and their owners travel less far than to a new country.
    hunted = bool(limits.user_addresses) and len(user.addresses) >= limits.user_addresses * limits.warning_factor
    if user.failures >= enough and (new or hunted):
        number = len(user.addresses)
        whose = f"for this user from {number} other {'address' if number == 1 else 'addresses'}"
        return _Verdict("critical" if new else "notice", evidence, new, user, whose)
    if new:
        return _Verdict("warning", evidence, new)
    return None


def _longer(login: NewLogin, since: int | None, limits: Thresholds) -> bool:
    """Tell whether it is longer than `login_days` since then."""
    return since is not None and login.stamp - since >= limits.login_days * _DAY


def _finding(name: str, verdicts: list[_Verdict]) -> Finding:
    """Return the finding on one user: the most severe login, with the addresses of all of them."""
    verdicts.sort(key=_most_severe)
    worst = verdicts[0]
    ip, side = worst.evidence.login.ip, worst.side or Side()
    firsts = [verdict.side.first for verdict in verdicts if verdict.side and verdict.side.first is not None]
    stamps = [verdict.evidence.login.stamp for verdict in verdicts]
    addresses = tuple(dict.fromkeys(verdict.evidence.login.ip for verdict in verdicts))
    return Finding(
        "login",
        worst.severity,
        name,
        _sentence(name, worst, len(addresses) - 1),
        side.failures,
        1 + len(side.others),
        len(side.addresses | {ip}),
        first=min(firsts + stamps),
        last=max(stamps),
        examples=addresses[:5],
    )


def _sentence(name: str, verdict: _Verdict, more: int) -> str:
    login, side = verdict.evidence.login, verdict.side
    text = f"{shown(name)} logged in from {login.ip}" + (f" ({login.country})" if login.country else "")
    if verdict.new_country:
        text += ", a country never seen for this user" + ("," if side else "")
    if side:
        text += f" after {side.failures} failures {verdict.whose}"
        text += f", on {len(side.others)} other users too" if len(side.others) > 1 else ""
    if more:
        text += f", and from {more} more {'address' if more == 1 else 'addresses'} after the like"
    return text + "."


def _most_severe(verdict: _Verdict) -> tuple[int, int, int, str, str]:
    login = verdict.evidence.login
    failures = verdict.side.failures if verdict.side else 0
    return -SEVERITIES.index(verdict.severity), -failures, login.stamp, login.ip, login.user
