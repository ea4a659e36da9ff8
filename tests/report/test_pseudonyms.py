"""Pseudonyms in mails: the same for the same user and key, nothing of a name left, and nothing else changed."""

import os
import re
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel import options
from maillogsentinel.anonymize import secret
from maillogsentinel.anonymize.names import Names
from maillogsentinel.detect.finding import Finding
from maillogsentinel.errors import SourceError
from maillogsentinel.model import safe_text
from maillogsentinel.report import as_json, text
from maillogsentinel.report.page import document
from maillogsentinel.report.pseudonyms import Pseudonyms
from maillogsentinel.report.tally import tally
from maillogsentinel.report.verdict import verdict

from .pages import PAGES
from .samples import HOSTILE, row, summary_of

KEY = secret.Secret(b"x" * 32)


@pytest.fixture(scope="module")
def pseudonyms():
    return Pseudonyms(Names(KEY))


def test_the_same_user_is_the_same_pseudonym_and_another_one_another(pseudonyms):
    users = [user for user in HOSTILE if user.strip()]
    again = Pseudonyms(Names(KEY))
    assert [pseudonyms.user(user) for user in users] == [again.user(user) for user in users]
    assert len({pseudonyms.user(user) for user in users}) == len(set(users))
    other = Pseudonyms(Names(secret.Secret(b"y" * 32)))
    assert all(pseudonyms.user(user) != other.user(user) for user in users)
    assert (pseudonyms.user(None), pseudonyms.user("")) == (None, "")


def test_a_users_mail_address_keeps_the_users_pseudonym_and_none_of_its_names(pseudonyms):
    address = pseudonyms.user("bob@mail.example.org")
    assert address.partition("@")[0] == pseudonyms.user("bob")
    assert "example" not in address
    assert pseudonyms.user("Bob").lower() == pseudonyms.user("bob")


def test_no_form_of_the_report_has_a_name_left_and_all_have_the_same_numbers(pseudonyms):
    users = ["alice@example.org", "bob", "carol", "x,y", "DOM\\\\ain"]
    rows = [row(user=user, ip=f"192.0.2.{n}", server=f"mx{n % 2}") for n, user in enumerate(users * 3)] + [
        row(user=None)
    ]
    before = summary_of(tally(rows, several_servers=True))
    after = pseudonyms.summary(before)
    for render in (text.render, document.render, as_json.render):
        shown = render(after)
        for user in (*users, "alice", "DOM"):
            assert user not in shown
        assert pseudonyms.user("bob") in shown
        assert "pseudonyms" in shown
    assert after.tally.total == before.tally.total
    assert sorted(number for _, number in after.tally.users.ranked) == sorted(n for _, n in before.tally.users.ranked)
    names = [name for name, _ in after.tally.users.ranked]
    assert names == sorted(names), "the order of equal ones tells something of the names"


def test_findings_and_what_is_new_have_no_name_left_in_any_form(pseudonyms):
    before = PAGES["compromised"]
    names = {finding.subject for finding in before.findings if finding.kind in ("login", "distributed")}
    names |= {name for novelty in before.news.kinds if novelty.kind == "users" for name, _ in novelty.examples}
    names |= {name for name, _ in before.tally.users.ranked if name}
    assert len(names) > 5
    after = pseudonyms.summary(before)
    for render in (text.render, document.render, as_json.render):
        shown = render(after)
        left = [name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", shown)]
        assert not left, (render.__module__, left)
    assert pseudonyms.user("kim@example.org") in verdict(after).sentence
    for one, other in zip(before.findings, after.findings, strict=True):
        assert (one.kind, one.attempts, one.users) == (other.kind, other.attempts, other.users)


def finding(kind, subject, sentence, examples=()):
    return Finding(kind, "warning", subject, sentence, 9, 3, 1, examples=examples)


def test_a_findings_users_are_replaced_in_its_sentence(pseudonyms):
    found = pseudonyms.finding(finding("login", "in", 'The user "in" logged in from 192.0.2.7.', ("192.0.2.7",)))
    name = pseudonyms.user("in")
    assert found.sentence == f'The user "{name}" logged in from 192.0.2.7.'
    assert (found.subject, found.examples) == (name, ("192.0.2.7",))
    users = ("a", "a@b", 'quo"te')
    sentence = (
        f"The address 192.0.2.7 tried the bait {', '.join(chr(34) + user + chr(34) for user in users)} and 2 more."
    )
    found = pseudonyms.finding(finding("bait", "192.0.2.7", sentence, users))
    listed = ", ".join(f'"{pseudonyms.user(user)}"' for user in users)
    assert found.sentence == f"The address 192.0.2.7 tried the bait {listed} and 2 more."
    assert (found.subject, found.examples) == ("192.0.2.7", tuple(map(pseudonyms.user, users)))
    long = "l" * 200
    found = pseudonyms.finding(finding("distributed", long, f'The user "{long[:64]}..." was tried.'))
    assert found.sentence == f'The user "{pseudonyms.user(long)}" was tried.'


def test_a_sentence_that_names_nobody_stays_whatever_the_examples_are(pseudonyms):
    sentence = "The address 192.0.2.7 tried 60 different users."
    found = pseudonyms.finding(finding("spraying", "192.0.2.7", sentence, ('"a", "b"', "with blanks")))
    assert found.sentence == sentence
    assert found.examples == (pseudonyms.user('"a", "b"'), pseudonyms.user("with blanks"))


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.lists(st.text('aeiou".\\ ', min_size=1).map(lambda text: safe_text(text.encode())), max_size=4), st.booleans()
)
def test_no_quoted_name_survives_in_a_sentence_whether_it_is_known_or_not(users, known):
    pseudonyms = Pseudonyms(Names(KEY))
    sentence = "Tried: " + " ".join(f'"{user}"' for user in users) + "!"
    found = pseudonyms.finding(finding("bait", "192.0.2.7", sentence, tuple(users) if known else ()))
    assert found.sentence.startswith("Tried: ")
    assert found.sentence.endswith("!")
    assert not set(found.sentence[7:-1]) & set("aeiou.\\"), found.sentence


def test_the_key_is_made_once_and_closed_to_others(tmp_path):
    path = str(tmp_path / "pseudonyms.key")
    before = os.umask(0)
    try:
        first = secret.kept(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(tmp_path) == ["pseudonyms.key"]
    assert secret.kept(path).key(b"x") == first.key(b"x") == secret.from_file(path).key(b"x")
    os.chmod(path, 0o644)
    with pytest.raises(SourceError, match="chmod 600"):
        secret.kept(path)
    with pytest.raises(SourceError, match="Cannot write the key file"):
        secret.kept(str(tmp_path / "missing/pseudonyms.key"))


def test_the_option_is_off_by_default():
    assert options.PSEUDONYMISE.parse(options.PSEUDONYMISE.default) is False
