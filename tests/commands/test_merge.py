"""``maillogsentinel merge``: several servers' CSVs into one, and what happens when that cannot be done."""

import csv
import gzip
import os
import resource
import signal
import stat
import subprocess
import sys

import pytest

from maillogsentinel.store import csvfile

HEADER = csvfile.header(",").decode()


def row(server="mx1", date="2025-05-17 11:13", user="bob", ip="192.0.2.7", rest="null,Errno 1,DE,64496,Example"):
    return f"{server},{date},{ip},{user},{rest}\n"


def text(*rows):
    return HEADER + "".join(rows)


@pytest.fixture
def place(tmp_path):
    """A directory with the CSVs of two servers, in order."""
    place = tmp_path / "fleet"
    place.mkdir()
    (place / "mx1.csv").write_text(text(row(), row(date="2025-05-17 11:15")))
    (place / "mx2.csv").write_text(text(row("mx2"), row("mx2", "2025-05-17 11:14")))
    return place


BOTH = text(
    row(), row("mx2"), row("mx2", "2025-05-17 11:14"), row(date="2025-05-17 11:15")
)  # fmt: skip


@pytest.fixture
def merge(program, place):
    """A function that merges files of the place and returns what the program did."""

    def merge(*names, out="all.csv", **options):
        return program("merge", "-o", str(out), *map(str, names), **{"cwd": place, **options})

    return merge


def silent(done):
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def told(done, status, *words):
    """The program failed with a sentence, in which these words stand, and without a traceback."""
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (status, b"")
    assert said.startswith("maillogsentinel: ") and "Traceback" not in said and "Internal" not in said
    for word in words:
        assert word in said


def test_records_of_all_servers_stand_in_the_order_of_time(merge, place):
    silent(merge("mx1.csv", "mx2.csv"))
    assert (place / "all.csv").read_text() == BOTH
    assert stat.S_IMODE((place / "all.csv").stat().st_mode) == 0o640
    assert sorted(os.listdir(place)) == ["all.csv", "mx1.csv", "mx2.csv"]


def test_what_was_collected_twice_counts_once(merge, place):
    (place / "older.csv.gz").write_bytes(gzip.compress(text(row()).encode()))
    silent(merge("mx1.csv", "older.csv.gz", "mx1.csv", "mx2.csv"))
    silent(merge("all.csv", "mx1.csv", out="again.csv"))
    assert (place / "all.csv").read_text() == (place / "again.csv").read_text() == BOTH


def test_a_csv_read_again_with_other_answers_takes_the_place_of_the_shorter_one(merge, place):
    other = "a.example.org,OK,DE,64496,Example"
    (place / "before.csv").write_text(text(row(), row(user="carol")))
    (place / "after.csv").write_text(text(row(rest=other), row(rest=other), row(user="carol", rest=other)))
    silent(merge("before.csv", "after.csv"))
    # Of carol there is one record in both: the larger row counts.
    assert (place / "all.csv").read_text() == text(row(rest=other), row(rest=other), row(user="carol"))


def test_an_hour_that_came_twice_is_in_the_order_of_its_text(merge, place):
    first = [row(date=f"2025-10-26 02:{minute}", user="first") for minute in (10, 30, 50)]
    second = [row(date=f"2025-10-26 02:{minute}", user="second") for minute in (10, 30, 50)]
    (place / "mx1.csv").write_text(text(*first, *second))
    silent(merge("mx1.csv"))
    lines = [line for pair in zip(first, second, strict=True) for line in pair]
    assert (place / "all.csv").read_text() == text(*lines)


def test_the_name_says_whether_the_result_is_compressed(merge, place):
    silent(merge("mx1.csv", "mx2.csv", out="all.csv.gz"))
    first = (place / "all.csv.gz").read_bytes()
    assert gzip.decompress(first).decode() == BOTH
    silent(merge("mx2.csv", "mx1.csv", out="all.csv.gz"))
    assert (place / "all.csv.gz").read_bytes() == first


def test_the_configured_delimiter_is_that_of_the_result(installation, place):
    installation.configure("[csv]\ndelimiter = ;\n")
    silent(installation.run("merge", "-o", str(place / "all.csv"), str(place / "mx1.csv")))
    assert (place / "all.csv").read_text() == text(row(), row(date="2025-05-17 11:15")).replace(",", ";")


def test_the_csv_that_extract_set_aside_and_the_new_one_come_together(installation):
    old = "server;date;ip;user;hostname;reverse_dns_status\r\nmx;01/05/2025 02:28;192.0.2.9;carol;null;ERRNO 1\r\n"
    installation.state.mkdir()
    installation.csv.write_bytes(old.encode())
    installation.log.write_text(
        "2025-05-17T11:13:00.000001+00:00 mx postfix/smtpd[7]: warning: unknown[192.0.2.7]: SASL LOGIN authentication"
        " failed: x, sasl_username=bob\n"
    )
    assert b"maillogsentinel merge" in installation.run("extract", "--offline").stderr
    (aside,) = installation.state.glob("*.foreign-*")
    out = installation.directory / "both.csv"
    silent(installation.run("merge", "-o", str(out), str(aside), str(installation.csv)))
    with open(out, newline="") as file:
        found = [(one["date"], one["user"], one["reverse_dns_status"]) for one in csv.DictReader(file)]
    assert found == [("2025-05-01 02:28", "carol", "Errno 1"), ("2025-05-17 11:13", "bob", "Skipped")]


def test_rows_that_cannot_be_read_are_kept_with_file_line_and_reason(merge, place):
    with open(place / "mx2.csv", "a") as file:
        file.write('mx2,2025-05-17 11:15,192.0.2.7,"=x\n' + row("mx2", "2025-05-17 11:16") + "mx2,2025-05-17 11:17,19")
    done = merge("mx1.csv", "mx2.csv")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"maillogsentinel: 2 rows could not be read and are not in all.csv: see all.csv.rejected\n"
    with open(place / "all.csv.rejected", newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "line", "reason", "row"],
            ["mx2.csv", "4", "4 columns in place of 9", 'mx2,2025-05-17 11:15,192.0.2.7,"=x'],
            ["mx2.csv", "6", "3 columns in place of 9", "mx2,2025-05-17 11:17,19"],
        ]
    assert (place / "all.csv").read_text() == BOTH + row("mx2", "2025-05-17 11:16")
    silent(merge("mx1.csv"))
    assert not (place / "all.csv.rejected").exists()


@pytest.mark.parametrize("how", ["name", "symlink", "hard link", "rejected"])
def test_an_input_that_would_be_overwritten_is_refused(merge, place, how):
    out = place / ("mx1.csv" if how == "name" else "all.csv")
    if how == "symlink":
        out.symlink_to(place / "mx1.csv")
    elif how == "hard link":
        out.hardlink_to(place / "mx1.csv")
    elif how == "rejected":
        (place / "all.csv.rejected").hardlink_to(place / "mx1.csv")
    before = (place / "mx1.csv").read_bytes()
    told(merge("mx1.csv", "mx2.csv", out=out), 2, "mx1.csv", "-o")
    assert (place / "mx1.csv").read_bytes() == before


def test_every_input_that_cannot_be_merged_is_named_and_the_result_stays(merge, place):
    (place / "all.csv").write_text("before")
    (place / "empty.csv").touch()
    (place / "empty.csv.gz").touch()
    (place / "foreign.csv").write_text("when,who\n")
    (place / "slice.csv").write_text(row())
    (place / "torn.csv.gz").write_bytes(gzip.compress(text(row()).encode())[:-9])
    (place / "plain.csv.gz").write_text(text(row()))
    names = [*sorted(name for name in os.listdir(place) if name != "all.csv"), "missing.csv", "."]
    done = merge(*names)
    told(done, 2)
    sentences = [line for line in done.stderr.decode().splitlines() if line.startswith("maillogsentinel: ")]
    assert len(sentences) == len(names) - 2
    for name in set(names) - {"mx1.csv", "mx2.csv", "."}:
        assert any(name in sentence for sentence in sentences), name
    assert (place / "all.csv").read_text() == "before"
    assert sorted(set(os.listdir(place)) - set(names)) == ["all.csv"]
    told(merge("mx1.csv", "torn.csv.gz"), 1, "torn.csv.gz", "breaks off")


def test_inputs_of_different_date_precision_are_refused(merge, place):
    (place / "mx3.csv").write_text(text(row("mx3", "2025-05-17 11:13:08")))
    told(merge("mx1.csv", "mx3.csv"), 2, "mx1.csv", "mx3.csv", "date_precision", "2025-05-17 11:13:08")
    (place / "mx3.csv").write_text(text(row("mx3"), row("mx3", "2025-05-17 11:13:08")))
    told(merge("mx3.csv"), 2, "mx3.csv")
    (place / "mx3.csv").write_text(text(row("mx3", "2025-05-17 11:13:08"), row("mx3", "2025-05-17 11:13:07")))
    silent(merge("mx3.csv"))
    assert (place / "all.csv").read_text() == text(row("mx3", "2025-05-17 11:13:07"), row("mx3", "2025-05-17 11:13:08"))


def test_servers_without_a_record_add_nothing(merge, place):
    (place / "mx3.csv").write_text(HEADER)
    (place / "mx4.csv").write_text(HEADER[:-1])
    silent(merge("mx1.csv", "mx2.csv", "mx3.csv", "mx4.csv"))
    assert (place / "all.csv").read_text() == BOTH
    silent(merge("mx3.csv"))
    assert (place / "all.csv").read_text() == HEADER


def test_wrong_usage_is_told(merge, place, program):
    told(merge("mx1.csv", out="/dev/full"), 2, "/dev/full")
    told(merge("mx1.csv", out=place), 2, str(place))
    told(merge("mx1.csv", out="gone/all.csv"), 1, "gone")
    told(merge("/dev/zero"), 2, "/dev/zero")
    assert program("merge", "-o", "x").returncode == program("merge", "x").returncode == 2


def test_a_pipe_can_be_an_input(merge, place):
    done = merge("/dev/stdin", "mx2.csv", stdin=(place / "mx1.csv").read_bytes())
    silent(done)
    assert (place / "all.csv").read_text() == BOTH


def test_few_open_files_are_enough_for_many_inputs(merge, place):
    for number in range(100):
        packed = gzip.compress if number % 3 == 0 else bytes
        dates = ("2025-05-17 11:14", "2025-05-17 11:13")[:: 1 if number % 3 == 1 else -1]
        content = packed(text(*(row(f"mx{number}", date) for date in dates)).encode())
        (place / f"many{number}.csv{'.gz' if number % 3 == 0 else ''}").write_bytes(content)

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    silent(merge(*sorted(place.glob("many*")), preexec_fn=few))
    assert (place / "all.csv").read_text().count("\n") == 201


def test_a_result_that_does_not_fit_leaves_everything_as_it_was(merge, place):
    (place / "all.csv").write_text("before")
    (place / "long.csv").write_text(text(*(row(user=f"user{number}") for number in range(500))))
    (place / "unordered.csv").write_text(text(row(user="late", date="2026-01-01 00:00"), *[row()] * 500))

    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    for name in ("long.csv", "unordered.csv"):
        before = sorted(os.listdir(place))
        told(merge(name, preexec_fn=little), 1, "all.csv" if name == "long.csv" else "temporary file")
        assert sorted(os.listdir(place)) == before
        assert (place / "all.csv").read_text() == "before"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_merge_that_is_killed_leaves_nothing_behind(place, how):
    os.mkfifo(place / "pipe")
    before = sorted(os.listdir(place))
    command = [sys.executable, "-m", "maillogsentinel", "merge", "-o", "all.csv", "mx1.csv", "pipe"]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(csvfile.__file__)) + "/.."}
    process = subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.DEVNULL)
    with open(place / "pipe", "wb") as pipe:
        # Once 4 MB have gone in, a sorted part has been written; the program waits for more.
        pipe.write(text(*[row(user="x" * 200)] * 16_000).encode())
        pipe.flush()
        process.send_signal(how)
        assert process.wait(30) != 0
    assert sorted(os.listdir(place)) == before


def test_an_input_that_is_replaced_meanwhile_is_noticed(place):
    from maillogsentinel.errors import StoreError
    from maillogsentinel.merge.spool import Original

    path = place / "mx1.csv"
    original = Original(str(path), path.stat())
    with open(path, "a") as file:
        file.write(row(date="2025-05-17 11:16"))
    assert original.read(6, 0) == b"server"  # it grew: its server goes on
    with open(path, "r+") as file:
        file.truncate(10)
    os.rename(place / "mx2.csv", path)
    with pytest.raises(StoreError, match=r"mx1\.csv was replaced or changed"):
        original.read(6, 0)
