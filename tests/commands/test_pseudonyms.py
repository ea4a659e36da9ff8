"""[report] pseudonymise_users: no name of a user leaves by mail, in no part of it; on the machine all names stay."""

import email
import email.policy
import gzip
from datetime import UTC, datetime, timedelta

import pytest

USERS = ["alice@corp.example", "bob", "carol,x", "Dave", "zoe\\zorro"]


def day(ago):
    return (datetime.now(UTC) - timedelta(days=ago)).strftime("%Y-%m-%d")


@pytest.fixture
def host(installation, tmp_path):
    """An installation whose mails go into a directory, with pseudonyms in them."""
    installation.mails = tmp_path / "mails"
    installation.mails.mkdir()
    sendmail = tmp_path / "sendmail"
    sendmail.write_text(f"#!/bin/sh\ncat > {installation.mails}/$(ls {installation.mails} | wc -l)\n")
    sendmail.chmod(0o755)
    installation.more = f"[reverse_dns]\nenabled = no\n[report]\nsendmail_path = {sendmail}\n"
    installation.configure(f"{installation.more}pseudonymise_users = yes\n")
    installation.log.write_text(
        "".join(
            f"{day(ago)}T01:00:00+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.{number}]: SASL LOGIN"
            f" authentication failed: x, sasl_username={user}\n"
            for ago in (2, 1)
            for number, user in enumerate(USERS)
        )
    )
    return installation


def parts(path):
    """The decoded text of each part of a mail, with all its headers."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    found = {"": str(message.items())}
    for part in message.walk():
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            name = part.get_filename() or part.get_content_type()
            found[name] = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    return found


def nameless(found):
    for where, text in found.items():
        for name in ("alice", "corp", "bob", "carol", "Dave", "dave", "zoe", "zorro"):
            assert name not in text, (where, name)


@pytest.mark.parametrize("form", ["text", "html", "json"])
def test_no_part_of_a_mail_has_a_name_and_the_attachment_has_pseudonyms(host, form):
    host.extract()
    assert host.run("report", "--day", day(1), "--format", form).returncode == 0
    (mail,) = host.mails.iterdir()
    found = parts(mail)
    nameless(found)
    attached = found[f"maillogsentinel-{day(1)}-pseudonyms.csv"]
    assert len(attached.splitlines()) == 1 + len(USERS)
    assert "192.0.2.3" in attached
    assert any("User names in this mail are pseudonyms" in text for text in found.values())
    key = host.state / "pseudonyms.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_the_same_users_are_the_same_in_the_next_mail(host):
    assert host.run("report", "--due").returncode == 0
    first, second = (parts(host.mails / name) for name in ("0", "1"))
    nameless(first | second)

    def users(found, ago):
        lines = found[f"maillogsentinel-{day(ago)}-pseudonyms.csv"].splitlines()
        return [line.split(",")[3] for line in lines[1:]]

    assert users(first, 2) == users(second, 1)
    assert len(set(users(first, 2))) == len(USERS)


def test_what_is_printed_or_written_into_a_file_keeps_the_names(host, tmp_path):
    host.extract()
    shown = host.run("report", "--day", day(1), "--stdout").stdout.decode()
    assert host.run("report", "--day", day(1), "-o", str(tmp_path / "out")).returncode == 0
    for text in (shown, (tmp_path / "out").read_text(), host.csv.read_text()):
        assert all(name in text for name in ("alice@corp.example", "bob", "Dave"))
        assert "pseudonym" not in text
    assert not (host.state / "pseudonyms.key").exists()


def test_records_too_many_to_attach_are_compressed_or_left_out_but_never_with_names(host):
    host.configure(f"{host.more}pseudonymise_users = yes\nattachment_max_bytes = 400\n")
    host.extract()
    for limit, name in ((400, f"maillogsentinel-{day(1)}-pseudonyms.csv.gz"), (100, None)):
        host.configure(f"{host.more}pseudonymise_users = yes\nattachment_max_bytes = {limit}\n")
        assert host.run("report", "--day", day(1)).returncode == 0
        found = parts(max(host.mails.iterdir(), key=lambda path: int(path.name)))
        nameless(found)
        if name:
            assert "the whole CSV has the names of the users" in found["text/plain"]
            assert len(found[name].splitlines()) == 1 + len(USERS)
        else:
            assert (
                "Nothing is attached: the whole CSV has the names of the users, and the records" in found["text/plain"]
            )


def test_without_a_good_key_nothing_is_mailed(host):
    host.extract()
    (host.state / "pseudonyms.key").write_text("short\n")
    (host.state / "pseudonyms.key").chmod(0o600)
    done = host.run("report", "--day", day(1))
    assert done.returncode == 1
    assert b"pseudonyms.key has 5 bytes" in done.stderr
    assert not list(host.mails.iterdir())


def test_pseudonyms_are_those_of_anonymize_with_the_same_key(host):
    host.extract()
    host.run("report", "--day", day(1))
    (mail,) = host.mails.iterdir()
    done = host.run("anonymize", "--key", str(host.state / "pseudonyms.key"), stdin=host.log.read_bytes())
    logged = {line.rsplit("=", 1)[1] for line in done.stdout.decode().splitlines()}
    attached = parts(mail)[f"maillogsentinel-{day(1)}-pseudonyms.csv"]
    (bob,) = [line.split(",")[3] for line in attached.splitlines() if ",192.0.2.1," in line]
    assert bob in logged
