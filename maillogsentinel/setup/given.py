"""Values that people give: taken only if a configuration file would give them back, and be right."""

import re
from collections.abc import Iterable
from typing import Any

from maillogsentinel.config import Entry, Fault, check
from maillogsentinel.errors import UsageError
from maillogsentinel.options import Option
from maillogsentinel.setup.finding import shown

_PLACE = "--set"
_LONGEST = 4096
"""Bytes of a value: with one such for each option the file is still one that is read."""


def accepted(option: Option[Any], value: str) -> str:
    """Return `value`, without blanks around it. Raises ValueError with what is allowed."""
    value = value.strip()
    # No option's own rule: what would begin a new line would be another value, or another option.
    if re.search("[\x00-\x1f\x7f]", value):
        raise ValueError("has a control character; allowed is plain text on one line")
    if re.search("[\ud800-\udfff]", value):
        raise ValueError("has bytes that are not UTF-8; allowed is plain text on one line")
    if len(value.encode()) > _LONGEST:
        raise ValueError(f"has more than {_LONGEST} bytes; allowed is plain text on one line")
    option.parse(value)
    return value


def of_arguments(arguments: Iterable[str]) -> dict[Option[Any], str]:
    """Return what ``section.key=value`` arguments set. Raises UsageError with every fault in them at once."""
    values: dict[Option[Any], str] = {}
    faults = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and section and key):
            faults.append(f"{_PLACE} {shown(argument)}: is no section.key=value, such as report.email=root")
            continue
        entry = Entry(_PLACE, 0, section, key.lower(), value.strip())
        option, _, fault = check(entry)
        if option is not None:
            try:
                value = accepted(option, value)
            except ValueError as error:
                fault = Fault(*entry[:4], str(error), True)
            if option in values:
                fault = Fault(*entry[:4], "is given a second time", True)
            values[option] = value
        if fault:
            faults.append(shown(str(fault._replace(what=fault.what.replace("ignored", "not set")))))
    if faults:
        raise UsageError("\n".join(faults))
    return values
