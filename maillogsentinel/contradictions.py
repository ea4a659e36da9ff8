"""Options of which each is right by itself, but not beside the others."""

from typing import Any

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.options import Option

_WIDER = (options.ADDRESS_USERS, options.NETWORK_USERS, options.ORGANISATION_USERS, options.COUNTRY_USERS)
"""Thresholds for groups of which each lies in those behind it."""


def contradictions(config: Config) -> list[tuple[Option[Any], str]]:
    """Return the options of [detection] that contradict others, each with what is wrong with it; none is an error."""
    found: list[tuple[Option[Any], str]] = []
    narrow = None
    for wide in _WIDER:
        if not config[wide]:
            continue
        if narrow is not None and config[wide] < config[narrow]:
            what = (
                f"is {config[wide]}, less than {narrow.key} ({config[narrow]}), though it is for more addresses;"
                f" allowed is at least {config[narrow]}, or 0"
            )
            found.append((wide, what))
        narrow = wide
    bait, allowed = config[options.BAIT_USERS], config[options.ALLOW_USERS]
    both = sorted(bait & allowed)
    if both:
        what = f"has {', '.join(map(repr, both))}, as allow_users does, which wins: attempts on it mark nobody"
        found.append((options.BAIT_USERS, what))
    if any(network.endswith("/0") for network in config[options.ALLOW_NETWORKS]):
        what = "has every address, so nothing that comes from there is ever found; name your own networks"
        found.append((options.ALLOW_NETWORKS, what))
    hours, kept = config[options.LOGIN_HOURS], config[options.EVENT_DAYS] * 24
    if hours > kept:
        what = f"is {hours}, but [retention] event_days keeps failures for {kept} hours; allowed is at most {kept}"
        found.append((options.LOGIN_HOURS, what))
    return found
