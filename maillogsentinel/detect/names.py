"""When two texts name the same user, and how a text of an attacker stands in a sentence."""

import re

LONGEST = 255
"""Characters of a user name that are told apart; no account has a longer one."""
_SHOWN = 64

_ESCAPE = re.compile(r"\\(?:\\|x[0-9a-f]{2}|u[0-9a-f]{4})")


def known_as(user: str) -> str:
    """Return the name under which `user` (safe text) is counted: in small letters, since mail servers seldom tell them
    apart and attackers vary them; safe text again."""
    name = user[:LONGEST].lower()
    if "\\" in name:
        # Not the digits of an escape, which stand for a byte.
        name = _ESCAPE.sub(_as_it_was, name)
    return name


def _as_it_was(match: re.Match[str]) -> str:
    return match[0][:2] + match[0][2:].upper()


def local_part(name: str) -> tuple[str, str]:
    """Return a name without and with its domain: ``bob`` and empty text of ``bob``."""
    local, at, domain = name.rpartition("@")
    return (local, domain) if at else (name, "")


def same_user(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two names, taken apart by `local_part`, may be one account.

    Clients leave the domain out, and servers add one: ``bob`` is ``bob@example.org`` and any other bob, but
    ``bob@example.org`` is not ``bob@example.com``.
    """
    return one[0] == other[0] and (one[1] == other[1] or not one[1] or not other[1])


def shown(user: str) -> str:
    """Return a name in quotation marks, cut to what a sentence can bear."""
    return f'"{user}"' if len(user) <= _SHOWN else f'"{user[:_SHOWN]}..."'


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """Return names for a sentence: the first few, and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
