"""Questions on a terminal, one line each."""

import sys

from maillogsentinel.errors import SetupError
from maillogsentinel.setup.finding import shown

_LONGEST = 4096
"""Bytes of an answer; a terminal gives no longer lines."""


def say(text: str = "") -> None:
    """Print lines, whatever is in them."""
    print("\n".join(map(shown, text.split("\n"))), flush=True)


def ask(prompt: str, default: str) -> str:
    """Return the answer without blanks around it, `default` for an empty one. Raises ValueError for one that is no
    plain text, SetupError when the input ends."""
    print(shown(f"{prompt} [{default}]: "), end="", flush=True)
    try:
        data = sys.stdin.buffer.readline(_LONGEST + 1)
    except OSError:  # the terminal is gone
        data = b""
    if not data.endswith(b"\n"):
        if len(data) > _LONGEST:
            raise SetupError(f"An answer has more than {_LONGEST} bytes. Nothing was changed.")
        say()
        raise SetupError("The input ended before the last question. Nothing was changed.")
    try:
        answer = data.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("has bytes that are not UTF-8; allowed is plain text on one line") from None
    return answer or default


def agree(prompt: str, default: bool) -> bool:
    """Return whether the answer is yes."""
    while True:
        try:
            answer = ask(prompt, "Y/n" if default else "y/N")
        except ValueError:
            answer = "?"
        if answer in ("Y/n", "y/N"):
            return default
        if answer.lower() in ("y", "yes"):
            return True
        if answer.lower() in ("n", "no"):
            return False
        say("  Answer y or n.")
