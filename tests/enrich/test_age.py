"""Old databases: who is told, what, and how often."""

import os
import time

import pytest

from maillogsentinel import config, options
from maillogsentinel.config import Entry
from maillogsentinel.enrich import age, ipfire
from maillogsentinel.enrich.geo import Database
from tests.enrich.mmdb_fixture import write_mmdb

DAY = 86_400


def settings(**values):
    found = {option: option.parse(option.default) for option in options.OPTIONS}
    entries = {}
    for name, value in values.items():
        option = getattr(options, name)
        found[option] = option.parse(value)
        entries[option] = Entry("x.conf", 1, option.section, option.key, value)
    return config.Config(found, entries, [])


def database(days, column="country", path="/var/lib/maillogsentinel/user-country.mmdb"):
    return Database(column, path, "MMDB", int(time.time()) - days * DAY - 60)


@pytest.mark.parametrize(("days", "count"), [(0, 0), (30, 0), (31, 1), (3000, 1), (15_000, 0), (-5, 0)])
def test_a_database_is_old_after_30_days(days, count):
    assert len(age.sentences(settings(), [database(days)])) == count


def test_one_file_for_both_columns_is_told_once():
    both = [database(40, column, "/x.mmdb") for column in ("country", "asn")]
    (sentence,) = age.sentences(settings(), both)
    assert "countries and networks" in sentence and "40 days old" in sentence


@pytest.mark.parametrize(
    ("found", "values", "words"),
    [
        (database(40), {}, "Run: maillogsentinel ipinfo --update"),
        (
            database(1500, path=ipfire.PATH),
            {},
            "libloc-database, which stays as old as the release. For today's data run",
        ),
        (database(40, path="/my.mmdb"), {"COUNTRY_DB_PATH": "/my.mmdb"}, "take [geolocation] country_db_path away"),
        (database(40, "asn", "/my.mmdb"), {"ASN_DB_PATH": "/my.mmdb"}, "take [ASN_ASO] asn_db_path away"),
        (database(40), {"COUNTRY_DB_URL": ""}, "[geolocation] country_db_url is empty: take that line away"),
        (
            database(40),
            {"COUNTRY_DB_URL": "https://raw.githubusercontent.com/sapics/ip-location-db/main/asn-country/x.csv"},
            "no longer renews: take that line away",
        ),
    ],
)
def test_the_sentence_says_what_helps_in_this_case(found, values, words):
    (sentence,) = age.sentences(settings(**values), [found])
    assert words in sentence and "maillogsentinel ipinfo --update" in sentence


def test_a_mail_tells_it_once_in_30_days(tmp_path):
    assert age.mail_is_due(str(tmp_path))
    age.note_mailed(str(tmp_path))
    assert not age.mail_is_due(str(tmp_path))
    for days, due in ((29, False), (31, True)):
        moment = time.time() - days * DAY
        os.utime(tmp_path / age.MARKER, (moment, moment))
        assert age.mail_is_due(str(tmp_path)) == due
    ahead = time.time() + 400 * DAY
    os.utime(tmp_path / age.MARKER, (ahead, ahead))
    assert age.mail_is_due(str(tmp_path)), "a clock that was wrong must not silence it for a year"
    assert not (tmp_path / "nowhere").exists() and age.note_mailed(str(tmp_path / "nowhere")) is None


@pytest.fixture
def old(installation, tmp_path):
    """An installation with an old database, one record, and a sendmail that counts."""
    write_mmdb(tmp_path / "c.mmdb", {"192.0.2.0/24": {"country_code": "FR"}}, int(time.time()) - 100 * DAY)
    write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": {"asn": 64496}}, int(time.time()))
    script = tmp_path / "sendmail"
    script.write_text(f"#!/bin/sh\ncat >> {tmp_path}/messages\n")
    script.chmod(0o755)
    installation.configure(
        # The page has the ages of all databases in each mail, as it has the day's other facts.
        f"[report]\nsendmail_path = {script}\nhtml = no\n[geolocation]\ncountry_db_path = {tmp_path}/c.mmdb\n"
        f"[ASN_ASO]\nasn_db_path = {tmp_path}/a.mmdb\n"
    )
    stamp = time.strftime("%Y-%m-%dT00:00:00+00:00", time.gmtime(time.time() - 3 * DAY))
    installation.log.write_text(
        f"{stamp} mx postfix/smtpd[7]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed:"
        " (reason unavailable), sasl_username=u\n"
    )
    return installation


def mails(installation) -> tuple[int, int]:
    """How many mails there are, and how many times they tell the age."""
    try:
        text = " ".join((installation.directory / "messages").read_text().replace("=\n", "").split())
    except FileNotFoundError:
        return 0, 0
    return text.count("Auto-Submitted:"), text.count("100 days old")


def test_extract_does_not_tell_it_and_status_and_printed_reports_always_do(old):
    old.extract()
    for _ in range(2):
        assert b"100 days old" in old.run("status").stdout
        assert b"100 days old" in old.run("report", "--stdout").stdout


def test_mails_tell_it_once_a_month_however_many_go_out(old):
    assert old.run("report", "--due").returncode == 0
    number, told = mails(old)
    assert number >= 2 and told == 1
    assert old.run("report").returncode == 0
    assert mails(old) == (number + 1, 1)
    (old.state / age.MARKER).unlink()
    assert old.run("report").returncode == 0
    assert mails(old) == (number + 2, 2)


def test_a_mail_that_did_not_go_out_has_not_told_it(old, tmp_path):
    (tmp_path / "sendmail").write_text("#!/bin/sh\nexit 75\n")
    assert old.run("report", "--due").returncode == 1
    assert not (old.state / age.MARKER).exists()
