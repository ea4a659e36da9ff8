"""The names of sources, as ``mail_log`` and state.db have them: absolute paths of live logs, or the journal's."""

from collections.abc import Sequence

AUTO = "auto"
"""Stands for the log file that Debian's rsyslog writes, where it is fed, else for the journal."""
JOURNAL = "journal"

_PARTS = ("log", "info", "notice", "warn", "warning", "err", "error", "crit")
"""What older syslog configurations call the files of ``mail``: each has the graver lines of those before it."""


def is_journal(name: str) -> bool:
    """Whether a source is the journal: ``journal``, or ``journal:/DIRECTORY`` with its files."""
    return name == JOURNAL or name.startswith(JOURNAL + ":")


def refuse_parts(paths: Sequence[str]) -> None:
    """Raise ValueError where files stand beside each other that hold the same lines: ``mail.log`` and ``mail.warn``."""
    for path in paths:
        stem, _, kind = path.rpartition(".")
        whole = [f"{stem}.{other}" for other in _PARTS[: _PARTS.index(kind)]] if kind in _PARTS else []
        beside = next((other for other in whole if other in paths), None)
        if beside:
            raise ValueError(
                f"has {path} beside {beside}, which holds the same lines; each failure would count twice."
                f" Leave {path} out"
            )
