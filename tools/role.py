"""What the Ansible role says of the options of the configuration: written by manual.py, from the table of options.

The role's own variables stand by hand around it.
"""

import re
import textwrap
from itertools import groupby
from pathlib import Path
from typing import Any

from maillogsentinel.options import OPTIONS, Option

_INDENTED: dict[str, Any] = {"initial_indent": " " * 10, "subsequent_indent": " " * 10, "break_on_hyphens": False}
ROLE = "ansible/roles/maillogsentinel"
_CHECKOUT = Path(__file__).parents[1]


def variable(option: Option[Any]) -> str:
    """Return the name of the role's variable for `option`."""
    return f"maillogsentinel_{option.section.lower()}_{option.key}"


def kind(option: Option[Any]) -> str:
    """Return the type of the variable, as Ansible names it."""
    if "also with K, M or G" in _allowed(option):
        return "str"
    return {bool: "bool", int: "int", float: "float"}.get(type(option.parse(option.default)), "str")


def _allowed(option: Option[Any]) -> str:
    try:
        option.parse("? / ?")
    except ValueError as error:
        return str(error).partition("allowed is ")[2]
    return ""


def choices(option: Option[Any]) -> list[str]:
    """Return what the value may be where that is one of a few words; in capitals as well where the default is."""
    words = re.split(", | or ", _allowed(option))
    if kind(option) != "str" or not all(re.fullmatch("[a-z]+", word) for word in words):
        return []
    return [*words, *(map(str.upper, words) if option.default.isupper() else [])]


def argument_specs() -> str:
    """Return meta/argument_specs.yml: what stands there by hand, and each option of the configuration."""
    lines = []
    for option in OPTIONS:
        lines += [f"      {variable(option)}:", f"        type: {kind(option)}"]
        if choices(option):
            lines.append(f"        choices: [{', '.join(choices(option))}]")
        lines += ["        description: >-", *textwrap.wrap(_description(option), 120, **_INDENTED)]
    return _between(f"{ROLE}/meta/argument_specs.yml", r"      # Written by .*\n", "      # End of the list.", lines)


def _description(option: Option[Any]) -> str:
    return f"[{option.section}] {option.key}. {option.sentence}"


def option_list() -> str:
    """Return vars/main.yml: the keys of each section, which the template goes through."""
    lines = ["---", "# Written by make man from the table of options.", "__maillogsentinel_options:"]
    for section, options in groupby(OPTIONS, lambda option: option.section):
        lines += [f"  {section}:", *(f"    - {option.key}" for option in options)]
    return "\n".join(lines) + "\n"


def readme() -> str:
    """Return the role's README.md: what stands there by hand, and the table of options."""
    lines = ["", "| variable | option | default |", "|---|---|---|"]
    for option in OPTIONS:
        default = {"server_name": "the host's full name", "time_zone": "`UTC`"}.get(option.key)
        default = default or (f"`{option.default}`".replace("|", r"\|") if option.default else "empty")
        sentence = option.sentence.replace("|", r"\|").replace("*", r"\*")
        lines.append(f"| `{variable(option)}` | [{option.section}] {option.key}: {sentence} | {default} |")
    return _between(f"{ROLE}/README.md", r"<!-- Written by .*\n", "<!-- End of the table -->", [*lines, ""])


def _between(name: str, begin: str, end: str, lines: list[str]) -> str:
    text = (_CHECKOUT / name).read_text(encoding="utf-8")
    new = "".join(line + "\n" for line in lines)
    return re.sub(f"({begin})(?s:.*?)({re.escape(end)})", lambda found: found[1] + new + found[2], text, count=1)
