"""The configuration: what the table promises, what files say, and every fault at its place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from maillogsentinel import options
from maillogsentinel.config import ConfigError, examine, load
from maillogsentinel.errors import UsageError
from maillogsentinel.options import ACCEPTED, OPTIONS, shipped_file

TOP = Path(__file__).parents[1]


@pytest.fixture
def file(tmp_path):
    """A function that writes test.conf, or a file of its drop-in directory, and returns the path of test.conf."""

    def file(text, name=""):
        path = tmp_path / "test.conf"
        target = path
        if name:
            target = tmp_path / "test.conf.d" / name
            target.parent.mkdir(exist_ok=True)
            path.touch()
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return file


def faults(path):
    """Every fault, without the directory in front of the file's name."""
    return [str(fault).replace(os.path.dirname(path) + "/", "") for fault in examine(path)[1]]


# -- the table


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.section}.{option.key}")
def test_every_option_has_a_sentence_and_a_default_that_parses(option):
    option.parse(option.default)
    assert re.fullmatch(r"[A-Z].*\.", option.sentence), "a sentence begins with a capital and ends with a full stop"
    assert option.key == option.key.lower()
    assert "\n" not in option.default + option.sentence


def test_no_option_stands_twice_and_sections_hold_together():
    places = [(option.section.lower(), option.key) for option in OPTIONS]
    assert len(set(places)) == len(places)
    sections = [option.section for option in OPTIONS]
    assert sections == sorted(sections, key=sections.index), "shipped_file would open a section twice"
    assert not set(places) & {(section.lower(), key) for section, key in ACCEPTED}


def test_the_names_of_older_versions_stay():
    known = {(option.section, option.key) for option in OPTIONS} | set(ACCEPTED)
    older = {
        "paths": "working_dir state_dir mail_log csv_filename",
        "report": "email subject_prefix sender_override",
        "geolocation": "country_db_path country_db_url",
        "ASN_ASO": "asn_db_path asn_db_url",
        "general": "log_level log_file log_file_max_bytes log_file_backup_count",
        "dns_cache": "enabled size ttl_seconds",
    }
    assert {(section, key) for section, keys in older.items() for key in keys.split()} <= known


def test_both_directories_are_the_same_by_default(file):
    settings = load(file(""))
    assert settings[options.WORKING_DIR] == settings[options.STATE_DIR] == "/var/lib/maillogsentinel"
    assert settings.csv_path == "/var/lib/maillogsentinel/maillogsentinel.csv"
    assert settings[options.EVENT_DAYS] == 35
    assert settings[options.EMAIL] == "root"


def test_the_shipped_file_is_the_table(file):
    text = (TOP / "etc/maillogsentinel.conf").read_text()
    assert text == shipped_file()
    settings, found = examine(file(text))
    assert found == []
    assert settings.entries == {}


def test_the_shipped_file_with_every_option_taken_into_use_is_the_default(file):
    text = re.sub(r"(?m)^#([a-z_]+ =)", r"\1", shipped_file())
    settings, found = examine(file(text))
    assert found == []
    assert set(settings.entries) == set(OPTIONS)
    plain = load(file(""))
    assert all(settings[option] == plain[option] for option in OPTIONS)


# -- what files say


def test_a_value_may_hold_any_printable_text(file):
    text = (
        "[report]\nsubject_prefix = [100% of # it; \"x\" = 'y': ${a} %(b)s é漢]\n[paths]\ncsv_filename = a#b%20;c.csv\n"
    )
    settings = load(file(text))
    assert settings[options.SUBJECT_PREFIX] == "[100% of # it; \"x\" = 'y': ${a} %(b)s é漢]"
    assert settings[options.CSV_FILENAME] == "a#b%20;c.csv"


@pytest.mark.parametrize(
    "text",
    ["[report]\nemail = a@example.org\n", "[report]\r\nemail = a@example.org\r\n",
     "\ufeff[report]\nemail: a@example.org",
     "\ufeff# x\r\n\r\n[ REPORT ]\r\n  EMAIL=a@example.org  \r\n",
     "; x\n[report]\n# email = root\nEmail   :   a@example.org"],
)  # fmt: skip
def test_every_usual_form_of_an_ini_file_is_read(file, text):
    assert faults(file(text)) == []
    assert load(file(text))[options.EMAIL] == "a@example.org"


def test_a_value_goes_on_in_indented_lines(file):
    path = file("[report]\nemail = a@example.org,\n  b@example.org,\n# between\n\n\tc@example.org\nsmtp_port = 99\n")
    settings = load(path)
    assert settings[options.EMAIL] == "a@example.org, b@example.org, c@example.org"
    assert settings[options.SMTP_PORT] == 99
    assert settings.entries[options.EMAIL].line == 2
    assert load(file("[report]\nemail =\n  a@example.org\n"))[options.EMAIL] == "a@example.org"


def test_drop_ins_are_read_in_the_order_of_their_names_and_later_ones_win(file):
    path = file("[report]\nemail = first@example.org\nsmtp_port = 1\nsmtp_host = first\n")
    file("[report]\nemail = third@example.org\n", "90-b.conf")
    file("[report]\nemail = second@example.org\nsmtp_port = 2\n", "10-a.conf")
    for name in (".hidden.conf", "x.conf.bak", "x.conf~", "README"):
        file("[report]\nemail = wrong@example.org\n", name)
    Path(path).write_text("[report]\nemail = first@example.org\nsmtp_port = 1\nsmtp_host = first\n")
    settings = load(path)
    assert settings[options.EMAIL] == "third@example.org"
    assert settings[options.SMTP_PORT] == 2
    assert settings[options.SMTP_HOST] == "first"
    assert settings.entries[options.EMAIL].file == path + ".d/90-b.conf"
    assert settings.entries[options.SMTP_HOST].file == path


@pytest.mark.parametrize(
    ("section", "key", "text", "value"),
    [
        ("reverse_dns", "enabled", "YES", True),
        ("reverse_dns", "enabled", "off", False),
        ("dns_cache", "enabled", "0", False),
        ("report", "attachment_max_bytes", "0", 0),
        ("report", "attachment_max_bytes", "2k", 2048),
        ("report", "attachment_max_bytes", "3G", 3 << 30),
        ("report", "smtp_timeout", "2.5", 2.5),
        ("general", "log_level", "debug", "DEBUG"),
        ("general", "time_zone", "Europe/Paris", "Europe/Paris"),
        ("general", "log_file", "", ""),
        ("csv", "delimiter", ";", ";"),
        ("csv", "delimiter", "tab", "\t"),
        ("csv", "delimiter", "\\t", "\t"),
        ("csv", "date_precision", "Second", "second"),
        ("reverse_dns", "servers", "192.0.2.53, 2001:db8::53 192.0.2.54", ("192.0.2.53", "2001:db8::53", "192.0.2.54")),
        ("report", "email", "root,a@example.org", "root, a@example.org"),
        ("ASN_ASO", "asn_db_path", "/x", "/x"),
        ("asn_aso", "asn_db_path", "/x", "/x"),
    ],
)
def test_values_have_the_options_own_type(file, section, key, text, value):
    settings = load(file(f"[{section}]\n{key} = {text}\n"))
    option = next(one for one in OPTIONS if (one.section.lower(), one.key) == (section.lower(), key))
    assert settings[option] == value
    assert type(settings[option]) is type(value)


# -- faults


@pytest.mark.parametrize(
    ("section", "key", "text"),
    [
        ("paths", "working_dir", "relative/dir"),
        ("paths", "working_dir", ""),
        ("paths", "csv_filename", "a/b.csv"),
        ("paths", "csv_filename", ".."),
        ("paths", "csv_filename", ""),
        ("report", "email", ""),
        ("report", "email", "a@example.org, "),
        ("report", "email", "-oQ/tmp"),
        ("report", "email", "a b@example.org"),
        ("report", "email", "a@example.org\u0000"),
        ("report", "subject_prefix", "a\x07b"),
        ("report", "transport", "pigeon"),
        ("report", "smtp_port", "0"),
        ("report", "smtp_port", "65536"),
        ("report", "smtp_port", "25.0"),
        ("report", "smtp_port", "２５"),
        ("report", "smtp_timeout", "1e9"),
        ("report", "smtp_timeout", "nan"),
        ("report", "smtp_host", "a b"),
        ("report", "attachment_max_bytes", "5 MB"),
        ("report", "attachment_max_bytes", "-1"),
        ("general", "server_name", "a,b"),
        ("general", "time_zone", "Mars/Olympus"),
        ("general", "time_zone", "../../etc/passwd"),
        ("general", "time_zone", "/etc/localtime"),
        ("general", "log_level", "loud"),
        ("reverse_dns", "enabled", "maybe"),
        ("reverse_dns", "servers", "dns.example.org"),
        ("reverse_dns", "in_flight", "1001"),
        ("dns_cache", "size", "-1"),
        ("csv", "delimiter", ":"),
        ("csv", "delimiter", ""),
        ("csv", "date_precision", "hour"),
        ("retention", "event_days", "0"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_is_allowed_and_never_the_default(file, section, key, text):
    path = file(f"\n[{section}]\n{key} = {text}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.exit_status == 2
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}:3: [{section}] {key}: ")
    assert "; allowed is " in sentence
    assert "\n" not in sentence
    assert sentence.isprintable()


def test_five_faults_are_five_lines_in_the_order_of_the_files(file):
    path = file(
        "email = root\n[report]\nsmtp_port = many\nno pair here\nsmtp_port = 25\n[csv]\ndelimiter = x\n"
        "[general]\nlog_level = loud\n"
    )
    assert faults(path) == [
        "test.conf:1: email: stands before the first [section]",
        "test.conf:3: [report] smtp_port: is 'many'; allowed is a whole number from 1 to 65535",
        "test.conf:4: [report] 'no pair here' is no 'key = value' line",
        "test.conf:5: [report] smtp_port: stands a second time (first in line 3)",
        "test.conf:7: [csv] delimiter: is 'x'; allowed is one of , ; | or the word tab",
        "test.conf:9: [general] log_level: is 'loud'; allowed is debug, info, warning or error",
    ]
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 6


def test_faults_of_drop_ins_follow_those_of_the_file(file):
    file("[csv]\ndelimiter = x\n", "10.conf")
    file("[csv]\ndelimiter = y\n", "05.conf")
    path = file("[csv]\ndelimiter = z\n")
    assert [fault.partition(" ")[0] for fault in faults(path)] == [
        "test.conf:2:", "test.conf.d/05.conf:2:", "test.conf.d/10.conf:2:",
    ]  # fmt: skip


def test_an_error_in_the_file_is_one_even_when_a_drop_in_sets_the_same_option_right(file):
    file("[csv]\ndelimiter = ;\n", "10.conf")
    with pytest.raises(ConfigError):
        load(file("[csv]\ndelimiter = x\n"))


def test_the_same_option_in_two_files_is_no_fault_and_in_one_file_is(file):
    file("[csv]\ndelimiter = ;\n", "10.conf")
    assert faults(file("[csv]\ndelimiter = ,\n")) == []
    assert faults(file("[csv]\ndelimiter = ,\n[paths]\n[CSV]\nDelimiter = ,\n")) == [
        "test.conf:5: [CSV] delimiter: stands a second time (first in line 2)"
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[report]\nemial = x\n", "unknown key, ignored; did you mean [report] email?"),
        ("[report]\nmail_log = /x\n", "unknown key, ignored; did you mean [paths] mail_log?"),
        ("[repotr]\nemail = x\n", "unknown section, ignored; did you mean [report]?"),
        ("[DEFAULT]\nx = 1\n", "unknown section, ignored"),
        ("[asn_aso]\nasn_path = /x\n", "unknown key, ignored; did you mean [ASN_ASO] asn_db_path?"),
        ("[report]\nqqqq = x\n", "unknown key, ignored"),
    ],
)
def test_what_is_unknown_is_a_warning_that_names_the_nearest_known(file, text, what):
    path = file(text)
    (fault,) = load(path).warnings
    assert fault.what == what
    assert (fault.line, fault.error) == (2, False)


@pytest.mark.parametrize(("section", "key"), ACCEPTED)
def test_keys_of_older_files_are_accepted_with_a_note(file, section, key):
    path = file(f"[{section}]\n{key} = whatever\n")
    (fault,) = load(path).warnings
    assert str(fault) == f"{path}:2: [{section}] {key}: accepted, without effect: {ACCEPTED[section, key]}"


def test_lines_are_counted_as_editors_count_them(file):
    path = file("[report]\nsubject_prefix = a\u2028b\u0085c\x0bd\n[csv]\ndelimiter = x\n")
    assert [fault.partition(" ")[0] for fault in faults(path)] == ["test.conf:2:", "test.conf:4:"]


def test_a_file_that_is_not_there_is_said_so_with_what_to_do(tmp_path):
    for path in (tmp_path / "missing.conf", tmp_path):
        with pytest.raises(UsageError, match=r"Cannot read the configuration .*--config"):
            load(str(path))


def test_a_drop_in_that_leads_nowhere_is_an_error(file, tmp_path):
    path = file("", "10.conf")
    (tmp_path / "test.conf.d" / "20.conf").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"20\.conf"):
        load(path)


def test_a_huge_file_is_refused(file):
    path = file(b"# x\n" * (1 << 19))
    with pytest.raises(UsageError, match="bytes"):
        load(path)
    assert load(file(b"#" * ((1 << 20) - 1) + b"\n"))


def test_bytes_that_are_not_utf_8_are_faults_at_their_place_or_comments(file):
    path = file(b"# caf\xe9\n[report]\nemail = \xff\xfe \x00\n\xff = 1\n[\xff]\nx = 1\n")
    assert [fault.split(": ")[0] for fault in faults(path)] == ["test.conf:3", "test.conf:4", "test.conf:6"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not read a file")
def test_a_file_that_may_not_be_read_is_exit_status_2(file, tmp_path):
    path = Path(file("[report]\nemail = x\n"))
    path.chmod(0o600)
    tmp_path.chmod(0o755)
    reader = f"import os, sys; sys.path.insert(0, {str(TOP)!r}); from maillogsentinel.cli import main; os.setuid(65534)"
    code = f"{reader}; sys.exit(main(['--config', {str(path)!r}, 'extract']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "ermission denied" in done.stderr
