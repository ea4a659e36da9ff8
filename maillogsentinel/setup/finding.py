"""What a check of an answer comes to, and how it may be shown."""

from typing import NamedTuple

from maillogsentinel.model import safe_text

GOOD, NOTE, WRONG = "ok", "note", "wrong"


class Finding(NamedTuple):
    """A verdict and the sentence that gives its reason."""

    verdict: str
    """``ok``; ``note`` for what nobody can tell now, or what may pass; ``wrong`` for what will not work."""
    sentence: str
    value: str = ""
    """A better answer than the one that was looked at; empty for none."""


def shown(text: str) -> str:
    """Return `text` so that a terminal may have it."""
    return text if text.isprintable() else safe_text(text.encode("utf-8", "surrogateescape"))
