"""Values that people give: the same sentences as check-config's, and nothing that a file would not give back."""

import pytest

from maillogsentinel import options
from maillogsentinel.errors import UsageError
from maillogsentinel.options import OPTIONS
from maillogsentinel.setup.given import accepted, of_arguments


def test_arguments_set_options_whatever_the_value_holds():
    values = of_arguments(["report.email=a=b@example.org", "ASN_aso.ASN_db_path= /x#y;%z ", "general.time_zone="])
    assert values == {
        options.EMAIL: "a=b@example.org",
        options.ASN_DB_PATH: "/x#y;%z",
        options.TIME_ZONE: "",
    }


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("report.smtp_port=0", "--set: [report] smtp_port: is '0'; allowed is a whole number from 1 to 65535"),
        ("report.emial=root", "--set: [report] emial: unknown key, not set; did you mean [report] email?"),
        ("repotr.email=root", "--set: [repotr] email: unknown section, not set; did you mean [report]?"),
        ("report.email", "--set report.email: is no section.key=value, such as report.email=root"),
        ("email=root", "--set email=root: is no section.key=value, such as report.email=root"),
        ("=", "--set =: is no section.key=value, such as report.email=root"),
        ("report.email=", "--set: [report] email: is ''; allowed is a mail address or a local user,"),
        ("general.log_file_max_bytes=1", "--set: [general] log_file_max_bytes: accepted, without effect"),
        ("report.subject_prefix=a\nb", "has a control character; allowed is plain text on one line"),
        ("reverse_dns.servers=192.0.2.1\n192.0.2.2", "has a control character; allowed is plain text on one line"),
        ("report.subject_prefix=" + "é" * 2049, "has more than 4096 bytes; allowed is plain text on one line"),
        ("report.subject_prefix=\udcff", "has bytes that are not UTF-8; allowed is plain text on one line"),
    ],
)
def test_a_wrong_one_is_refused_with_check_configs_sentence(argument, sentence):
    with pytest.raises(UsageError) as caught:
        of_arguments([argument])
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_status == 2


def test_all_faults_are_told_at_once_and_none_twice():
    with pytest.raises(UsageError) as caught:
        of_arguments(["report.email=root", "report.email=a b", "nonsense", "csv.delimiter=:"])
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "[report] email", "is no section.key=value, such as report.email=root", "[csv] delimiter",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["a\nb", "\x1b[2J", "x\x00", "\x7f", "\udc80", "a\rb"])
@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.section}.{option.key}")
def test_no_option_takes_what_would_break_its_line(option, value):
    with pytest.raises(ValueError, match="allowed is"):
        accepted(option, f"1{value}1")
