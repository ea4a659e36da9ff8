"""The reader of the INI files, and the faults found in them; what may stand there, the table in options.py says."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from maillogsentinel.errors import UsageError
from maillogsentinel.options import ACCEPTED, CSV_FILENAME, OPTIONS, WORKING_DIR, Option

DEFAULT_FILE = "/etc/maillogsentinel.conf"

T = TypeVar("T")

_TABLE = {(option.section.lower(), option.key): option for option in OPTIONS}
_ACCEPTED = {(section.lower(), key): note for (section, key), note in ACCEPTED.items()}
_SECTIONS = {option.section.lower(): option.section for option in OPTIONS}


class Fault(NamedTuple):
    """One thing wrong with the configuration, and where."""

    file: str
    line: int
    section: str
    key: str
    what: str
    error: bool
    """False for a warning: the run goes on."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        place += f"[{self.section}] " if self.section else ""
        return f"{place}{self.key + ': ' if self.key else ''}{self.what}"


class ConfigError(UsageError):
    """The configuration has faults; every one of them is in the sentence."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class Entry(NamedTuple):
    """One ``key = value`` as a file has it; line 0 is a default."""

    file: str
    line: int
    section: str
    key: str
    value: str


class Config:
    """What every option is worth; ``config[OPTION]`` has the option's own type."""

    def __init__(
        self, values: dict[Option[Any], Any], entries: dict[Option[Any], Entry], warnings: list[Fault]
    ) -> None:
        self._values = values
        self.entries = entries
        """Where each option that a file sets was set; the others are defaults."""
        self.warnings = warnings

    def __getitem__(self, option: Option[T]) -> T:
        if option not in self._values:
            self._values[option] = option.parse(option.default)
        value: T = self._values[option]
        return value

    @property
    def csv_path(self) -> str:
        """Where the CSV lies."""
        return os.path.join(self[WORKING_DIR], self[CSV_FILENAME])


def config_files(path: str, drafts: Iterable[str] = ()) -> list[str]:
    """Return `path` and the files of its drop-in directory ``path.d/*.conf``, in the order in which they are read.

    `drafts` are files of that directory that are not written yet.
    """
    try:
        names = os.listdir(path + ".d")
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as error:
        raise UsageError(f"Cannot list {path}.d: {error.strerror}. Make it readable to this user.") from error
    drop_ins = {os.path.join(path + ".d", name) for name in names if name.endswith(".conf") and name[0] != "."}
    return [path, *sorted(drop_ins.union(drafts))]


_LARGEST = 1 << 20


def read_lines(path: str) -> list[str]:
    """Return the lines of the configuration file `path`. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"Cannot read the configuration {path}: {error.strerror}. Create it, name another one with --config,"
            " or make it readable to this user."
        ) from error
    if len(data) > _LARGEST:
        raise UsageError(f"{path} has more than {_LARGEST} bytes: no configuration has. Name the right file.")
    # Not splitlines(): it knows ends of lines that no editor counts, such as U+2028.
    return data.decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n").split("\n")


def read_entries(path: str, lines: list[str]) -> tuple[list[Entry], list[Fault]]:
    """Take the INI text of one file apart: its entries, and the lines that are none.

    The form is that of Python's configparser without interpolation and inline comments; configparser itself does not
    tell the line of an option and stops at the first fault.
    """
    entries: list[Entry] = []
    faults: list[Fault] = []
    section = ""
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if line[0] in " \t" and entries and entries[-1].section == section and entries[-1].line:
            entries[-1] = entries[-1]._replace(value=f"{entries[-1].value} {text}".strip())
            continue
        header = re.fullmatch(r"\[([^\]]+)\]", text)
        if header:
            section = header.group(1).strip()
            continue
        pair = re.match(r"([^=:\s][^=:]*?)\s*[=:]\s*(.*)", text)
        if not pair:
            faults.append(Fault(path, number, section, "", f"{text[:60]!r} is no 'key = value' line", True))
        elif not section:
            faults.append(Fault(path, number, "", pair.group(1), "stands before the first [section]", True))
        else:
            entries.append(Entry(path, number, section, pair.group(1).lower(), pair.group(2)))
    return entries, faults


def _unknown(entry: Entry) -> Fault:
    from difflib import get_close_matches

    known = [key for section, key in _TABLE if section == entry.section.lower()]
    if not known:
        near = get_close_matches(entry.section.lower(), _SECTIONS, 1, 0.5)
        hint = f"; did you mean [{_SECTIONS[near[0]]}]?" if near else ""
        return Fault(entry.file, entry.line, entry.section, entry.key, f"unknown section, ignored{hint}", False)
    elsewhere = [key for section, key in _TABLE if key == entry.key]
    near = elsewhere[:1] or get_close_matches(entry.key, known, 1, 0.5)
    if not near:
        near = get_close_matches(entry.key, [key for _, key in _TABLE], 1, 0.8)
    hint = ""
    if near:
        home = next((s for s, k in _TABLE if k == near[0] and s == entry.section.lower()), "")
        home = home or next(s for s, k in _TABLE if k == near[0])
        hint = f"; did you mean [{_SECTIONS[home]}] {near[0]}?"
    return Fault(entry.file, entry.line, entry.section, entry.key, f"unknown key, ignored{hint}", False)


def check(entry: Entry) -> tuple[Option[Any] | None, Any, Fault | None]:
    """Return the option that `entry` sets, what it makes of it, and what is wrong with it; None for what is not."""
    place = (entry.section.lower(), entry.key)
    option = _TABLE.get(place)
    if option is None:
        if place in _ACCEPTED:
            return None, None, Fault(*entry[:4], f"accepted, without effect: {_ACCEPTED[place]}", False)
        return None, None, _unknown(entry)
    try:
        return option, option.parse(entry.value), None
    except ValueError as error:
        return option, None, Fault(*entry[:4], str(error), True)


def examine(path: str, drafts: Mapping[str, str] | None = None) -> tuple[Config, list[Fault]]:
    """Return the configuration that `path` and its drop-ins make, and every fault in them, errors and warnings.

    `drafts` are texts to be taken in place of what drop-ins of these paths hold. Raises UsageError when a file cannot
    be read. A wrong value leaves the default in the Config; `load` refuses it.
    """
    drafts = drafts or {}
    values: dict[Option[Any], Any] = {}
    origin: dict[Option[Any], Entry] = {}
    faults: list[Fault] = []
    for file in config_files(path, drafts):
        entries, bad_lines = read_entries(file, drafts[file].split("\n") if file in drafts else read_lines(file))
        faults += bad_lines
        seen: dict[tuple[str, str], int] = {}
        for entry in entries:
            place = (entry.section.lower(), entry.key)
            if place in seen:
                faults.append(Fault(*entry[:4], f"stands a second time (first in line {seen[place]})", True))
                continue
            seen[place] = entry.line
            option, value, fault = check(entry)
            if fault:
                faults.append(fault)
            elif option is not None:
                values[option] = value
                origin[option] = entry
    faults += _contradictions(path, Config(values, origin, []))
    faults.sort(key=lambda fault: (config_order(path, fault.file), fault.line))
    return Config(values, origin, [fault for fault in faults if not fault.error]), faults


def _contradictions(path: str, config: Config) -> Iterable[Fault]:
    """Yield a warning for each option that contradicts another; defaults do not."""
    if any(option.section == "detection" for option in config.entries):
        from maillogsentinel.contradictions import contradictions

        for option, what in contradictions(config):
            # Where the option has its default, another one is to be changed.
            entry = config.entries.get(option, Entry(path, 0, option.section, option.key, option.default))
            yield Fault(*entry[:4], what, False)


def config_order(path: str, file: str) -> tuple[bool, str]:
    """Sort key that puts the main file before its drop-ins."""
    return (file != path, file)


def load(path: str) -> Config:
    """Return the configuration. Raises UsageError, with every fault in it, when there is one that is an error."""
    config, faults = examine(path)
    errors = [fault for fault in faults if fault.error]
    if errors:
        raise ConfigError(errors)
    return config


def settings(path: str | None = None) -> Config:
    """Return the configuration in `path`; the defaults when that is not named and none is installed.

    For what needs no installation. Raises UsageError.
    """
    if path in (None, DEFAULT_FILE) and not os.path.lexists(DEFAULT_FILE):
        return Config({}, {}, [])
    return load(path or DEFAULT_FILE)
