"""The configuration: one table of options, the reader of the INI files, and the faults found in them.

The shipped /etc/maillogsentinel.conf and the manual page are generated from `OPTIONS`; no default stands anywhere else.
"""

import os
import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from maillogsentinel.errors import UsageError
from maillogsentinel.sources.names import AUTO, JOURNAL, refuse_parts

DEFAULT_FILE = "/etc/maillogsentinel.conf"

T = TypeVar("T")


class Option(Generic[T]):
    """One option: where it stands, what it may be, what it is when nobody says, and the sentence that explains it."""

    def __init__(self, section: str, key: str, parse: Callable[[str], T], default: str, sentence: str) -> None:
        self.section = section
        self.key = key
        self.parse = parse
        self.default = default
        self.sentence = sentence


OPTIONS: list[Option[Any]] = []


def _option(section: str, key: str, parse: Callable[[str], T], default: str, sentence: str) -> Option[T]:
    option = Option(section, key, parse, default, sentence)
    OPTIONS.append(option)
    return option


# What a value may be: each takes the text after the equals sign and raises ValueError with what is allowed.


def _text(value: str) -> str:
    if re.search("[\x00-\x1f\x7f]", value):
        raise ValueError("has a control character; allowed is plain text on one line")
    return value


def _absolute(value: str) -> str:
    if not _text(value).startswith("/"):
        raise ValueError(f"is {value!r}; allowed is an absolute path, such as /var/log/mail.log")
    return value


def _sources(value: str) -> tuple[str, ...]:
    names = tuple(_text(value).replace(",", " ").split())
    if len(names) == 1 and (names[0] in (AUTO, JOURNAL) or names[0].startswith(JOURNAL + ":/")):
        return names
    for name in names or ("",):
        if not name.startswith("/"):
            raise ValueError(
                f"{'has' if len(names) > 1 else 'is'} {name!r}; allowed is auto, journal, journal:/DIRECTORY, or one or"
                " several absolute paths, such as /var/log/mail.log, also with the wildcards * ? [ ]"
            )
    refuse_parts(names)
    return names


def _optional_path(value: str) -> str:
    return _absolute(value) if value else ""


def _file_name(value: str) -> str:
    if not _text(value) or "/" in value or value in (".", ".."):
        raise ValueError(f"is {value!r}; allowed is a file name without a directory")
    return value


def _switch(value: str) -> bool:
    if value.lower() in ("yes", "true", "on", "1"):
        return True
    if value.lower() in ("no", "false", "off", "0"):
        return False
    raise ValueError(f"is {value!r}; allowed is yes or no")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch("[0-9]{1,15}", value) or not low <= int(value) <= high:
            raise ValueError(f"is {value!r}; allowed is a whole number from {low} to {high}")
        return int(value)

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) or not low <= float(value) <= high:
            raise ValueError(f"is {value!r}; allowed is a number of seconds from {low:g} to {high:g}")
        return float(value)

    return parse


def _size(value: str) -> int:
    match = re.fullmatch("([0-9]{1,12})([KMG]?)", value.upper())
    if not match:
        raise ValueError(f"is {value!r}; allowed is a number of bytes, also with K, M or G, such as 5M")
    return int(match.group(1)) << {"": 0, "K": 10, "M": 20, "G": 30}[match.group(2)]


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"is {value!r}; allowed is {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value.lower()

    return parse


def _level(value: str) -> str:
    return _choice("debug", "info", "warning", "error")(value).upper()


def _delimiter(value: str) -> str:
    value = {"tab": "\t", "\\t": "\t"}.get(value.lower(), value)
    if value not in (",", ";", "\t", "|"):
        raise ValueError(f"is {value!r}; allowed is one of , ; | or the word tab")
    return value


def _time_zone(value: str) -> str:
    if value not in ("", "UTC"):  # which need no database, and no time to read it
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"is {value!r}; allowed is a name of the time zone database, such as UTC or Europe/Paris"
            ) from None
    return value


def _addresses(value: str) -> tuple[str, ...]:
    found = tuple(value.replace(",", " ").split())
    for address in found:
        import ipaddress

        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(f"has {address!r}; allowed is a list of IP addresses of DNS servers") from None
    return found


def _origins(value: str) -> tuple[str, ...]:
    found = tuple(value.split())
    for origin in found:
        if not re.fullmatch(r"(?i:https?)://[^\s/?#]+[^\s]*|/.+", _text(origin)):
            raise ValueError(
                f"has {origin!r}; allowed is an http or https address or an absolute path, or nothing; several (a CSV"
                " in parts) separated by blanks"
            )
    return found


def _recipients(value: str) -> str:
    parts = [part.strip() for part in _text(value).split(",")]
    for part in parts:
        if not re.fullmatch(r"[^\s,;<>()\[\]\"\\:]{1,254}", part) or part.startswith("-"):
            raise ValueError(f"is {value!r}; allowed is a mail address or a local user, several separated by commas")
    return ", ".join(parts)


def _sender(value: str) -> str:
    return _recipients(value) if value else ""


def _server_name(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9_.:-]{1,255}", value):
        raise ValueError(f"is {value!r}; allowed is a host name")
    return value


WORKING_DIR = _option("paths", "working_dir", _absolute, "/var/lib/maillogsentinel", "Directory of the CSV.")
STATE_DIR = _option(
    "paths",
    "state_dir",
    _absolute,
    "/var/lib/maillogsentinel",
    "Directory of state.db, which knows how far each log has been read, and of the archive.",
)
MAIL_LOG = _option(
    "paths",
    "mail_log",
    _sources,
    "auto",
    "Where Postfix's lines are: auto (/var/log/mail.log where it is fed, else the journal), journal, journal:/DIRECTORY"
    " (of journal files), or one or several absolute paths, separated by blanks or commas, also with the wildcards"
    " * ? [ ]. A log's rotated siblings (.1, .2.gz, -20250517.gz) are found by themselves.",
)
CSV_FILENAME = _option("paths", "csv_filename", _file_name, "maillogsentinel.csv", "Name of the CSV in working_dir.")

EMAIL = _option(
    "report", "email", _recipients, "root", "Who gets the reports: one address or several, separated by commas."
)
SUBJECT_PREFIX = _option(
    "report", "subject_prefix", _text, "[MailLogSentinel]", "What the subject of each mail begins with."
)
SENDER_OVERRIDE = _option(
    "report",
    "sender_override",
    _sender,
    "",
    "Sender address of the mails; empty: maillogsentinel@ and this host's full name.",
)
TRANSPORT = _option(
    "report",
    "transport",
    _choice("sendmail", "smtp"),
    "sendmail",
    "How mails leave: sendmail (the local MTA's command) or smtp (the server of smtp_host).",
)
SENDMAIL_PATH = _option("report", "sendmail_path", _absolute, "/usr/sbin/sendmail", "The sendmail command.")
SMTP_HOST = _option("report", "smtp_host", _server_name, "localhost", "SMTP server, for transport = smtp.")
SMTP_PORT = _option("report", "smtp_port", _whole(1, 65535), "25", "Port of the SMTP server.")
SMTP_SECURITY = _option(
    "report",
    "smtp_security",
    _choice("none", "starttls", "tls"),
    "none",
    "Encryption towards the SMTP server: none, starttls, or tls from the first byte.",
)
SMTP_CREDENTIALS_FILE = _option(
    "report",
    "smtp_credentials_file",
    _optional_path,
    "",
    "File with the user name in its first line and the password in its second, readable to the service user alone;"
    " empty: no login.",
)
SMTP_TIMEOUT = _option(
    "report", "smtp_timeout", _seconds(1, 600), "30", "Seconds that one answer of the SMTP server may take."
)
ATTACHMENT_MAX_BYTES = _option(
    "report",
    "attachment_max_bytes",
    _size,
    "5M",
    "Largest attachment. A larger CSV gives way to the records of the days covered, then to those compressed,"
    " then to its path; 0: never attach.",
)

COUNTRY_DB_PATH = _option(
    "geolocation",
    "country_db_path",
    _optional_path,
    "",
    "Country database (MMDB or ip-location-db CSV); empty: the newest of those in state_dir and Debian's"
    " libloc-database.",
)
COUNTRY_DB_URL = _option(
    "geolocation",
    "country_db_url",
    _origins,
    "https://github.com/sapics/ip-location-db/releases/download/latest/user-country.mmdb",
    "Where ipinfo --update gets the country database from: http or https address or absolute path of an MMDB or"
    " ip-location-db CSV, also packed with gzip; of a CSV several, one for IPv4 and one for IPv6; empty: none.",
)
DB_UPDATE = _option(
    "geolocation",
    "update",
    _switch,
    "yes",
    "Whether the weekly run (ipinfo --update --due) gets new databases; ipinfo --update by hand always does.",
)
DB_MAX_BYTES = _option(
    "geolocation", "update_max_bytes", _size, "256M", "Size above which a download is given up, packed or unpacked."
)
DB_TIME_LIMIT = _option(
    "geolocation",
    "update_time_limit",
    _seconds(1, 86_400),
    "600",
    "Seconds that the download of one database may take.",
)
ASN_DB_PATH = _option(
    "ASN_ASO",
    "asn_db_path",
    _optional_path,
    "",
    "Database of AS numbers and organisations (MMDB or ip-location-db CSV); empty: as with country_db_path.",
)
ASN_DB_URL = _option(
    "ASN_ASO",
    "asn_db_url",
    _origins,
    "https://github.com/sapics/ip-location-db/releases/download/latest/origin-asn.mmdb",
    "Where ipinfo --update gets the database of AS numbers from: as with country_db_url.",
)

SERVER_NAME = _option(
    "general",
    "server_name",
    _server_name,
    "",
    "Name that goes into the server column; empty: the host name in each log line.",
)
TIME_ZONE = _option(
    "general",
    "time_zone",
    _time_zone,
    "",
    "Time zone of the CSV's dates and of the report's days, such as UTC or Europe/Paris; empty: the machine's.",
)
LOG_LEVEL = _option(
    "general", "log_level", _level, "INFO", "What the own log holds at least: DEBUG, INFO, WARNING or ERROR."
)
LOG_FILE = _option(
    "general", "log_file", _optional_path, "/var/log/maillogsentinel/maillogsentinel.log", "The own log; empty: none."
)
CRON_FILE = _option(
    "general",
    "cron_file",
    _absolute,
    "/etc/cron.d/maillogsentinel",
    "The cron entries, which reports read the extraction interval from.",
)

DNS_ENABLED = _option(
    "reverse_dns", "enabled", _switch, "yes", "Whether names of clients without a verified name are asked for."
)
DNS_SERVERS = _option(
    "reverse_dns",
    "servers",
    _addresses,
    "",
    "DNS servers; empty: those of /etc/resolv.conf. Only servers named here are asked about private addresses.",
)
DNS_PORT = _option("reverse_dns", "port", _whole(1, 65535), "53", "Port of the DNS servers.")
DNS_TIMEOUT = _option(
    "reverse_dns", "timeout", _seconds(0.1, 60), "2", "Seconds to wait for one answer before the next server is asked."
)
DNS_BUDGET = _option(
    "reverse_dns", "budget", _seconds(0, 3600), "60", "Seconds that one run may spend on reverse DNS in all."
)
DNS_IN_FLIGHT = _option("reverse_dns", "in_flight", _whole(1, 1000), "100", "Queries under way at once.")
CACHE_ENABLED = _option("dns_cache", "enabled", _switch, "yes", "Whether answers are kept from run to run.")
CACHE_SIZE = _option("dns_cache", "size", _whole(0, 10_000_000), "100000", "Answers kept at most.")
CACHE_TTL = _option(
    "dns_cache",
    "ttl_seconds",
    _whole(0, 31_536_000),
    "86400",
    "Seconds that a name is kept at most; the DNS record's own TTL may say less.",
)

CSV_DELIMITER = _option("csv", "delimiter", _delimiter, ",", "Delimiter of the CSV: one of , ; | or the word tab.")
DATE_PRECISION = _option(
    "csv",
    "date_precision",
    _choice("minute", "second"),
    "minute",
    "Precision of the date column: minute (2025-05-17 11:13) or second (2025-05-17 11:13:08).",
)

LOGINS_REMEMBER = _option(
    "logins",
    "remember",
    _switch,
    "yes",
    "Whether state.db keeps who logs in successfully, from which network and country, and when last; no also forgets"
    " what was kept.",
)
LOGINS_MAX_ENTRIES = _option(
    "logins",
    "max_entries",
    _whole(1, 1_000_000),
    "20000",
    "Pairs of user and network kept at most; those not seen for longest go first.",
)
LOGINS_DAYS = _option(
    "logins", "days", _whole(1, 3650), "180", "Days that a pair of user and network is kept after it was last seen."
)

EVENT_DAYS = _option(
    "retention", "event_days", _whole(1, 3650), "35", "Days that state.db keeps the details of each failure."
)
ARCHIVE_DAYS = _option(
    "retention",
    "archive_days",
    _whole(0, 36500),
    "365",
    "Days that state_dir/archive keeps what reset and purge put there; 0: for ever.",
)

ACCEPTED = {
    ("general", "log_file_max_bytes"): "logrotate does this now (/etc/logrotate.d/maillogsentinel)",
    ("general", "log_file_backup_count"): "logrotate does this now (/etc/logrotate.d/maillogsentinel)",
}
"""Keys of older files that are no fault, and what to say of them."""

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


def config_files(path: str) -> list[str]:
    """Return `path` and the files of its drop-in directory ``path.d/*.conf``, in the order in which they are read."""
    try:
        names = sorted(os.listdir(path + ".d"))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as error:
        raise UsageError(f"Cannot list {path}.d: {error.strerror}. Make it readable to this user.") from error
    return [path, *(os.path.join(path + ".d", name) for name in names if name.endswith(".conf") and name[0] != ".")]


_LARGEST = 1 << 20


def _read(path: str) -> list[str]:
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


def _check(entry: Entry) -> tuple[Option[Any] | None, Any, Fault | None]:
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


def examine(path: str) -> tuple[Config, list[Fault]]:
    """Return the configuration that `path` and its drop-ins make, and every fault in them, errors and warnings.

    Raises UsageError when a file cannot be read. A wrong value leaves the default in the Config; `load` refuses it.
    """
    values: dict[Option[Any], Any] = {}
    origin: dict[Option[Any], Entry] = {}
    faults: list[Fault] = []
    for file in config_files(path):
        entries, bad_lines = read_entries(file, _read(file))
        faults += bad_lines
        seen: dict[tuple[str, str], int] = {}
        for entry in entries:
            place = (entry.section.lower(), entry.key)
            if place in seen:
                faults.append(Fault(*entry[:4], f"stands a second time (first in line {seen[place]})", True))
                continue
            seen[place] = entry.line
            option, value, fault = _check(entry)
            if fault:
                faults.append(fault)
            elif option is not None:
                values[option] = value
                origin[option] = entry
    faults.sort(key=lambda fault: (config_order(path, fault.file), fault.line))
    return Config(values, origin, [fault for fault in faults if not fault.error]), faults


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


def shipped_file() -> str:
    """Return the text of etc/maillogsentinel.conf: every option with its sentence, commented out at its default."""
    lines = [
        "# Configuration of MailLogSentinel; see maillogsentinel.conf(5). Generated from the OPTIONS table.",
        "# Each option stands here with its default. Own values: take the # off, or better put them into a file",
        "# /etc/maillogsentinel.conf.d/NAME.conf, which wins over this one. Then: maillogsentinel check-config",
    ]
    section = ""
    for option in OPTIONS:
        if option.section != section:
            section = option.section
            lines += ["", f"[{section}]"]
        lines += [
            "",
            *(f"# {line}" for line in _wrapped(option.sentence)),
            f"#{option.key} = {option.default}".rstrip(),
        ]
    return "\n".join(lines) + "\n"


def _wrapped(sentence: str) -> list[str]:
    import textwrap

    return textwrap.wrap(sentence, 100)
