"""The labelled corpus: every line comes out as its label says, through the program's own commands.

Its lines belong to other projects and do not stand here: MAILLOGSENTINEL_CORPUS names the directory that holds them.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from maillogsentinel import cli
from maillogsentinel.model import raw_bytes
from maillogsentinel.store import csvfile

CORPUS = Path(os.environ.get("MAILLOGSENTINEL_CORPUS") or "/nonexistent")
FIELDS = ("ip", "user", "hostname", "mechanism", "reason", "service")
LINES = ("real-lines.jsonl", "derived-lines.jsonl")
WHOLE = sorted(path.name for path in CORPUS.glob("postfix/*.log")) or ["none"]

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="set MAILLOGSENTINEL_CORPUS to the directory of the labelled log lines"
)


def labelled(*names):
    """The lines of the corpus files, and what each must come to (None: no record)."""
    entries = [json.loads(line) for name in names for line in (CORPUS / name).read_text().splitlines()]
    assert all("\n" not in entry["line"] for entry in entries)
    return [(entry["line"].encode("utf-8", "surrogateescape"), entry["expect"]) for entry in entries]


def wanted(expect):
    return None if expect is None else {**{key: expect[key] for key in FIELDS}, "repeat": expect.get("repeat", 1)}


def explained(text):
    """What explain --json said of each line."""
    found = [json.loads(line) for line in text.splitlines()]
    for entry in found:
        assert entry.pop("why")
    return [
        {key: value for key, value in entry.items() if key != "verdict"} if entry["verdict"] == "failure" else None
        for entry in found
    ]


def records(installation, lines):
    """What extract makes of a log of these lines: how often each pair of address and user stands in the CSV."""
    installation.log.write_bytes(b"".join(line + b"\n" for line in lines))
    installation.extract()
    data = installation.csv.read_text(encoding="utf-8").splitlines()
    rows = list(csvfile.decode(data[1:], ","))
    assert len(rows) == len(data) - 1
    return Counter((row.ip, None if row.user is None else raw_bytes(row.user)) for row in rows)


def expected_records(expectations):
    found = Counter()
    for expect in expectations:
        if expect:
            user = None if expect["user"] is None else expect["user"].encode("utf-8", "surrogateescape")
            found[expect["ip"], user] += expect.get("repeat", 1)
    return found


@pytest.mark.parametrize("name", LINES)
def test_each_file_as_one_stream_is_explained_as_labelled(program, name):
    entries = labelled(name)
    done = program("explain", "--json", stdin=b"".join(line + b"\n" for line, _ in entries))
    assert (done.returncode, done.stderr) == (0, b"")
    found = explained(done.stdout)
    assert len(found) == len(entries)
    for (line, expect), got in zip(entries, found, strict=True):
        assert got == wanted(expect), line


@pytest.mark.parametrize("name", LINES)
def test_each_line_by_itself_is_explained_as_labelled(tmp_path, capsys, name):
    path = tmp_path / "line"
    for line, expect in labelled(name):
        path.write_bytes(line)
        assert cli.main(["explain", "--json", str(path)]) == 0
        assert explained(capsys.readouterr().out) == [wanted(expect)], line


def test_the_corpus_has_its_157_failures_which_are_163_records(installation):
    entries = labelled(*LINES)
    assert len(entries) == 370
    assert sum(expect is not None for _, expect in entries) == 157
    found = records(installation, [line for line, _ in entries])
    assert found == expected_records(expect for _, expect in entries)
    assert found.total() == 163
    assert sum(count for (_, user), count in found.items() if user is not None) >= 37


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_log_of_postfix_is_explained_as_labelled(program, name):
    entries = labelled(f"postfix/{Path(name).stem}.expected.jsonl")
    assert (CORPUS / "postfix" / name).read_bytes() == b"".join(line + b"\n" for line, _ in entries)
    done = program("explain", "--json", str(CORPUS / "postfix" / name))
    assert (done.returncode, done.stderr) == (0, b"")
    for (line, expect), got in zip(entries, explained(done.stdout), strict=True):
        assert got == wanted(expect), line


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_log_of_postfix_becomes_the_labelled_records(installation, name):
    entries = labelled(f"postfix/{Path(name).stem}.expected.jsonl")
    found = records(installation, [line for line, _ in entries])
    assert found == expected_records(expect for _, expect in entries)
    assert found.total() > 0
