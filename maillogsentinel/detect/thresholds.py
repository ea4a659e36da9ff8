"""From how many on something is a finding, and who never is one: the options of the section [detection]."""

from typing import NamedTuple

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.detect.names import known_as
from maillogsentinel.model import safe_text


class Thresholds(NamedTuple):
    """The options of [detection], under their names; what is 0 is not looked for."""

    allow_networks: tuple[str, ...] = ()
    allow_users: frozenset[str] = frozenset()
    bait_users: frozenset[str] = frozenset()
    user_addresses: int = 0
    address_users: int = 0
    network_users: int = 0
    organisation_users: int = 0
    country_users: int = 0
    warning_factor: int = 1
    burst_factor: int = 0
    burst_minimum: int = 1
    login_failures: int = 0
    login_hours: int = 1
    login_days: int = 1


def thresholds(config: Config) -> Thresholds:
    """Return what `config` says, with users under the names by which they are counted."""
    found = Thresholds(*(config[getattr(options, name.upper())] for name in Thresholds._fields))
    return found._replace(allow_users=_names(found.allow_users), bait_users=_names(found.bait_users))


def _names(users: frozenset[str]) -> frozenset[str]:
    return frozenset(known_as(safe_text(user.encode("utf-8", "surrogateescape"))) for user in users)
