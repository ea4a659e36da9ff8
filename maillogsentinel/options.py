"""The table of options, and the shipped configuration, which is written from it.

/etc/maillogsentinel.conf and the manual page are generated from `OPTIONS`; no default stands anywhere else.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from maillogsentinel import values

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


WORKING_DIR = _option("paths", "working_dir", values.absolute, "/var/lib/maillogsentinel", "Directory of the CSV.")
STATE_DIR = _option(
    "paths",
    "state_dir",
    values.absolute,
    "/var/lib/maillogsentinel",
    "Directory of state.db, which knows how far each log has been read, and of the archive.",
)
MAIL_LOG = _option(
    "paths",
    "mail_log",
    values.sources,
    "auto",
    "Where Postfix's lines are: auto (/var/log/mail.log where it is fed, else the journal), journal, journal:/DIRECTORY"
    " (of journal files), or one or several absolute paths, separated by blanks or commas, also with the wildcards"
    " * ? [ ]. A log's rotated siblings (.1, .2.gz, -20250517.gz) are found by themselves.",
)
CSV_FILENAME = _option(
    "paths", "csv_filename", values.file_name, "maillogsentinel.csv", "Name of the CSV in working_dir."
)

EMAIL = _option(
    "report", "email", values.recipients, "root", "Who gets the reports: one address or several, separated by commas."
)
SUBJECT_PREFIX = _option(
    "report", "subject_prefix", values.text, "[MailLogSentinel]", "What the subject of each mail begins with."
)
SENDER_OVERRIDE = _option(
    "report",
    "sender_override",
    values.sender,
    "",
    "Sender address of the mails; empty: maillogsentinel@ and this host's full name.",
)
TRANSPORT = _option(
    "report",
    "transport",
    values.choice("sendmail", "smtp"),
    "sendmail",
    "How mails leave: sendmail (the local MTA's command) or smtp (the server of smtp_host).",
)
SENDMAIL_PATH = _option("report", "sendmail_path", values.absolute, "/usr/sbin/sendmail", "The sendmail command.")
SMTP_HOST = _option("report", "smtp_host", values.server_name, "localhost", "SMTP server, for transport = smtp.")
SMTP_PORT = _option("report", "smtp_port", values.whole(1, 65535), "25", "Port of the SMTP server.")
SMTP_SECURITY = _option(
    "report",
    "smtp_security",
    values.choice("none", "starttls", "tls"),
    "none",
    "Encryption towards the SMTP server: none, starttls, or tls from the first byte.",
)
SMTP_CREDENTIALS_FILE = _option(
    "report",
    "smtp_credentials_file",
    values.optional_path,
    "",
    "File with the user name in its first line and the password in its second, readable to the service user alone;"
    " empty: no login.",
)
SMTP_TIMEOUT = _option(
    "report", "smtp_timeout", values.seconds(1, 600), "30", "Seconds that one answer of the SMTP server may take."
)
HTML = _option(
    "report",
    "html",
    values.switch,
    "yes",
    "Whether mails also have the report as HTML, with the days before, beside the text.",
)
PSEUDONYMISE = _option(
    "report",
    "pseudonymise_users",
    values.switch,
    "no",
    "Whether mails have pseudonyms in place of user names, in attachments too, the same for the same user in each mail;"
    " what is not mailed keeps the names.",
)
ATTACHMENT_MAX_BYTES = _option(
    "report",
    "attachment_max_bytes",
    values.size,
    "5M",
    "Largest attachment. A larger CSV gives way to the records of the days covered, then to those compressed,"
    " then to its path; 0: never attach.",
)

COUNTRY_DB_PATH = _option(
    "geolocation",
    "country_db_path",
    values.optional_path,
    "",
    "Country database (MMDB or ip-location-db CSV); empty: the newest of those in state_dir and Debian's"
    " libloc-database.",
)
COUNTRY_DB_URL = _option(
    "geolocation",
    "country_db_url",
    values.origins,
    "https://github.com/sapics/ip-location-db/releases/download/latest/user-country.mmdb",
    "Where ipinfo --update gets the country database from: http or https address or absolute path of an MMDB or"
    " ip-location-db CSV, also packed with gzip; of a CSV several, one for IPv4 and one for IPv6; empty: none.",
)
DB_UPDATE = _option(
    "geolocation",
    "update",
    values.switch,
    "yes",
    "Whether the weekly run (ipinfo --update --due) gets new databases; ipinfo --update by hand always does.",
)
DB_MAX_BYTES = _option(
    "geolocation",
    "update_max_bytes",
    values.size,
    "256M",
    "Size above which a download is given up, packed or unpacked.",
)
DB_TIME_LIMIT = _option(
    "geolocation",
    "update_time_limit",
    values.seconds(1, 86_400),
    "600",
    "Seconds that the download of one database may take.",
)
ASN_DB_PATH = _option(
    "ASN_ASO",
    "asn_db_path",
    values.optional_path,
    "",
    "Database of AS numbers and organisations (MMDB or ip-location-db CSV); empty: as with country_db_path.",
)
ASN_DB_URL = _option(
    "ASN_ASO",
    "asn_db_url",
    values.origins,
    "https://github.com/sapics/ip-location-db/releases/download/latest/origin-asn.mmdb",
    "Where ipinfo --update gets the database of AS numbers from: as with country_db_url.",
)

SERVER_NAME = _option(
    "general",
    "server_name",
    values.server_name,
    "",
    "Name that goes into the server column; empty: the host name in each log line.",
)
TIME_ZONE = _option(
    "general",
    "time_zone",
    values.time_zone,
    "",
    "Time zone of the CSV's dates and of the report's days, such as UTC or Europe/Paris; empty: the machine's.",
)
LOG_LEVEL = _option(
    "general", "log_level", values.level, "INFO", "What the own log holds at least: DEBUG, INFO, WARNING or ERROR."
)
LOG_FILE = _option(
    "general",
    "log_file",
    values.optional_path,
    "/var/log/maillogsentinel/maillogsentinel.log",
    "The own log; empty: none.",
)
CRON_FILE = _option(
    "general",
    "cron_file",
    values.absolute,
    "/etc/cron.d/maillogsentinel",
    "The cron entries, which reports read the extraction interval from.",
)

DNS_ENABLED = _option(
    "reverse_dns", "enabled", values.switch, "yes", "Whether names of clients without a verified name are asked for."
)
DNS_SERVERS = _option(
    "reverse_dns",
    "servers",
    values.addresses,
    "",
    "DNS servers; empty: those of /etc/resolv.conf. Only servers named here are asked about private addresses.",
)
DNS_PORT = _option("reverse_dns", "port", values.whole(1, 65535), "53", "Port of the DNS servers.")
DNS_TIMEOUT = _option(
    "reverse_dns",
    "timeout",
    values.seconds(0.1, 60),
    "2",
    "Seconds to wait for one answer before the next server is asked.",
)
DNS_BUDGET = _option(
    "reverse_dns", "budget", values.seconds(0, 3600), "60", "Seconds that one run may spend on reverse DNS in all."
)
DNS_IN_FLIGHT = _option("reverse_dns", "in_flight", values.whole(1, 1000), "100", "Queries under way at once.")
CACHE_ENABLED = _option("dns_cache", "enabled", values.switch, "yes", "Whether answers are kept from run to run.")
CACHE_SIZE = _option("dns_cache", "size", values.whole(0, 10_000_000), "100000", "Answers kept at most.")
CACHE_TTL = _option(
    "dns_cache",
    "ttl_seconds",
    values.whole(0, 31_536_000),
    "86400",
    "Seconds that a name is kept at most; the DNS record's own TTL may say less.",
)

CSV_DELIMITER = _option(
    "csv", "delimiter", values.delimiter, ",", "Delimiter of the CSV: one of , ; | or the word tab."
)
DATE_PRECISION = _option(
    "csv",
    "date_precision",
    values.choice("minute", "second"),
    "minute",
    "Precision of the date column: minute (2025-05-17 11:13) or second (2025-05-17 11:13:08).",
)

LOGINS_REMEMBER = _option(
    "logins",
    "remember",
    values.switch,
    "yes",
    "Whether state.db keeps who logs in successfully, from which network and country, and when last; no also forgets"
    " what was kept.",
)
LOGINS_MAX_ENTRIES = _option(
    "logins",
    "max_entries",
    values.whole(1, 1_000_000),
    "20000",
    "Pairs of user and network kept at most; those not seen for longest go first.",
)
LOGINS_DAYS = _option(
    "logins",
    "days",
    values.whole(1, 3650),
    "180",
    "Days that a pair of user and network is kept after it was last seen.",
)

ALLOW_NETWORKS = _option(
    "detection",
    "allow_networks",
    values.networks,
    "",
    "Addresses and networks of ours, such as 192.0.2.0/24: failures from there are counted apart, and never alarm.",
)
ALLOW_USERS = _option(
    "detection",
    "allow_users",
    values.users,
    "",
    "Users, separated by commas, whose failures are counted apart, and never alarm; upper and lower case are the same.",
)
BAIT_USERS = _option(
    "detection",
    "bait_users",
    values.users,
    "",
    "Users that do not exist, separated by commas: an address that tries one of them is marked.",
)
USER_ADDRESSES = _option(
    "detection",
    "user_addresses",
    values.whole(0, 1_000_000),
    "100",
    "Addresses from which one user is tried in a day until that is a finding. Only addresses that try at most 5 users"
    " count, and one in 20 of all these must try the same user; 0: not looked for.",
)
ADDRESS_USERS = _option(
    "detection",
    "address_users",
    values.whole(0, 1_000_000),
    "60",
    "Users that one address tries in a day until that is a finding; 0: not looked for.",
)
NETWORK_USERS = _option(
    "detection",
    "network_users",
    values.whole(0, 1_000_000),
    "100",
    "Users that the addresses of one network (the first 24 bits of IPv4 addresses, 48 of IPv6 addresses) try in a day"
    " until that is a finding; 0: not looked for.",
)
ORGANISATION_USERS = _option(
    "detection",
    "organisation_users",
    values.whole(0, 1_000_000),
    "500",
    "Users that the addresses of one autonomous system try in a day until that is a finding; 0: not looked for.",
)
COUNTRY_USERS = _option(
    "detection",
    "country_users",
    values.whole(0, 1_000_000),
    "2000",
    "Users that the addresses of one country try in a day until that is a finding; 0: not looked for.",
)
WARNING_FACTOR = _option(
    "detection",
    "warning_factor",
    values.whole(1, 1000),
    "3",
    "How many times one of the thresholds above, or burst_factor, makes a warning of a notice.",
)
BURST_FACTOR = _option(
    "detection",
    "burst_factor",
    values.whole(0, 1000),
    "5",
    "How many times the failures of the same hour of the last 28 days (of three in four of them at most) make a burst;"
    " 0: not looked for.",
)
BURST_MINIMUM = _option(
    "detection",
    "burst_minimum",
    values.whole(1, 100_000_000),
    "200",
    "Failures that an hour must have to be a burst.",
)
LOGIN_FAILURES = _option(
    "detection",
    "login_failures",
    values.whole(0, 1_000_000),
    "10",
    "Failures of the same address or network, or for the same user, after which a login from a new network is a"
    " finding; 0: no login is looked at, wherever it came from.",
)
LOGIN_HOURS = _option(
    "detection", "login_hours", values.whole(1, 168), "24", "Hours before a login in which failures count."
)
LOGIN_DAYS = _option(
    "detection",
    "login_days",
    values.whole(1, 365),
    "7",
    "Days that a user must be known for until a login from a country never seen for this user is a finding.",
)

ALERTS_ENABLED = _option(
    "alerts",
    "enabled",
    values.switch,
    "yes",
    "Whether the extraction that reads the cause also looks for what matters (see ALERTS in maillogsentinel(8)) and"
    " tells it at once; no leaves it to the daily report.",
)
ALERTS_EMAIL = _option(
    "alerts",
    "email",
    values.sender,
    "",
    "Who gets the alerts: one address or several, separated by commas; empty: who gets the reports.",
)
ALERTS_SEVERITY = _option(
    "alerts",
    "minimum_severity",
    values.choice("notice", "warning", "critical"),
    "warning",
    "What makes an alert: critical (somebody may be in), warning (also a login to ask the user about, or an attack"
    " beyond the daily noise) or notice (all that the report would say).",
)
ALERTS_QUIET = _option(
    "alerts",
    "quiet_hours",
    values.whole(0, 8760),
    "24",
    "Hours in which the same is not told again of the same user, address or network, unless it has become more severe.",
)
ALERTS_COMMAND = _option(
    "alerts",
    "command",
    values.command,
    "",
    "Program that each alert is handed to as JSON on its standard input: an absolute path, and arguments, separated by"
    " blanks; no shell reads them. Empty: none.",
)
ALERTS_COMMAND_TIMEOUT = _option(
    "alerts", "command_timeout", values.seconds(0.1, 600), "10", "Seconds after which that program is ended."
)
ALERTS_LOG = _option(
    "alerts",
    "log_file",
    values.optional_path,
    "/var/log/maillogsentinel/alerts.log",
    "Log with one line of JSON for each alert; empty: none.",
)

BLOCKLIST_FAILURES = _option(
    "blocklist",
    "failures",
    values.whole(1, 100_000),
    "10",
    "Failures of an address, within the span of hours, for which export blocklist lists it.",
)
BLOCKLIST_USERS = _option(
    "blocklist",
    "users",
    values.whole(0, 10_000),
    "5",
    "Different users that an address tried within that span for which it is listed as well; 0: their number does not"
    " matter.",
)
BLOCKLIST_HOURS = _option(
    "blocklist",
    "hours",
    values.whole(1, 8760),
    "24",
    "The span of hours in which that many failures, or users, must lie.",
)
BLOCKLIST_EXPIRE = _option(
    "blocklist",
    "expire_hours",
    values.whole(1, 8760),
    "48",
    "Hours that an address stays listed after its last failure.",
)
BLOCKLIST_NETWORK = _option(
    "blocklist",
    "network_addresses",
    values.whole(0, 10_000),
    "0",
    "Listed addresses of one network (/24 of IPv4, /48 of IPv6) for which the whole network is listed in their place;"
    " 0: never.",
)
BLOCKLIST_ENTRIES = _option(
    "blocklist",
    "max_entries",
    values.whole(1, 100_000),
    "10000",
    "Addresses and networks listed at most; the worst ones stay.",
)
SPARE_LOGINS = _option(
    "blocklist",
    "spare_logins",
    values.switch,
    "yes",
    "Whether networks from which somebody logged in successfully, as far as state.db remembers, are never listed.",
)
SPARE_PRIVATE = _option(
    "blocklist",
    "spare_private",
    values.switch,
    "yes",
    "Whether private addresses, such as 192.168.0.0/16, are never listed.",
)

EVENT_DAYS = _option(
    "retention", "event_days", values.whole(1, 3650), "35", "Days that state.db keeps the details of each failure."
)
RECORDS_DAYS = _option(
    "retention",
    "records_days",
    values.whole(0, 36500),
    "0",
    "Days that records are kept, in the CSV and in state.db: each night report --due does what prune --older-than does"
    " with it; 0: for ever.",
)
ARCHIVE_DAYS = _option(
    "retention",
    "archive_days",
    values.whole(0, 36500),
    "365",
    "Days that state_dir/archive keeps what reset and purge put there; 0: for ever.",
)

ACCEPTED = {
    ("general", "log_file_max_bytes"): "logrotate does this now (/etc/logrotate.d/maillogsentinel)",
    ("general", "log_file_backup_count"): "logrotate does this now (/etc/logrotate.d/maillogsentinel)",
}
"""Keys of older files that are no fault, and what to say of them."""


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
