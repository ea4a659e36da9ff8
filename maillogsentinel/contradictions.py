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
            found.append(
                (
                    wide,
                    f"is {config[wide]}, less than {narrow.key} ({config[narrow]}), though it is for more addresses;"
                    f" allowed is at least {config[narrow]}, or 0",
                )
            )
        narrow = wide
    bait, allowed = config[options.BAIT_USERS], config[options.ALLOW_USERS]
    both = sorted(bait & allowed)
    if both:
        found.append((options.BAIT_USERS, f"has {', '.join(map(repr, both))}, as allow_users, which wins: no bait"))
    if any(network.endswith("/0") for network in config[options.ALLOW_NETWORKS]):
        found.append((options.ALLOW_NETWORKS, "has every address: nothing that comes from there is ever found"))
    kept = config[options.EVENT_DAYS] * 24
    if config[options.LOGIN_HOURS] > kept:
        found.append(
            (
                options.LOGIN_HOURS,
                f"is {config[options.LOGIN_HOURS]}, but [retention] event_days keeps failures for {kept} hours only",
            )
        )
    return found
