"""One file of a log, read to the end of its last complete line, and found again where reading stopped."""

import bz2
import gzip
import lzma
import os
import subprocess

import pytest

from maillogsentinel.sources import segment as module
from maillogsentinel.sources.position import HEAD, Mark, fits, make_mark, with_head
from maillogsentinel.sources.rotation import LogFile, MovedError
from maillogsentinel.sources.segment import Known, Placed, is_copy, open_segment
from maillogsentinel.sources.stream import BLOCK


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}
kinds = pytest.mark.parametrize("kind", PACKERS)


class Log:
    """A file, opened as a segment as often as one likes."""

    def __init__(self, directory, kind=""):
        self.path = str(directory / f"mail.log.1{kind}")
        self.kind = kind

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(PACKERS[self.kind](data))

    def open(self, *marks, placed=()):
        self.descriptor = os.open(self.path, os.O_RDONLY)
        status = os.fstat(self.descriptor)
        file = LogFile(os.path.basename(self.path), status.st_ino, status.st_size, status.st_mtime_ns)
        return open_segment(self.descriptor, self.path, file, list(marks), Placed(set(placed)))


def lines(segment, final=False):
    return b"".join(block.data[block.begin : block.end] for block in segment.blocks(final))


def numbered(first, last):
    return b"".join(b"line %06d of a mail log\n" % number for number in range(first, last))


@kinds
def test_a_new_file_is_read_whole_and_is_known_afterwards(tmp_path, kind):
    log = Log(tmp_path, kind)
    log.write(numbered(0, 30_000))
    segment = log.open()
    assert segment.known is Known.NEW
    assert lines(segment) == numbered(0, 30_000)
    mark = segment.mark()._replace(id=5)
    again = log.open(mark)
    assert (again.known, again.mark_id, again.offset) == (Known.CONTINUED, 5, len(numbered(0, 30_000)))
    assert lines(again) == b""


@kinds
@pytest.mark.parametrize("count", [1, 100, 15_000])
def test_reading_goes_on_behind_the_position(tmp_path, kind, count):
    log = Log(tmp_path, kind)
    log.write(numbered(0, count))
    segment = log.open()
    lines(segment)
    log.write(numbered(0, count + 20_000))
    assert lines(log.open(segment.mark()._replace(id=1))) == numbered(count, count + 20_000)


def test_a_position_in_a_log_is_found_in_its_compressed_copy(tmp_path):
    plain = Log(tmp_path)
    plain.write(numbered(0, 20_000))
    segment = plain.open()
    lines(segment)
    for kind in list(PACKERS)[1:]:
        packed = Log(tmp_path, kind)
        packed.write(numbered(0, 20_100))
        assert lines(packed.open(segment.mark()._replace(id=1))) == numbered(20_000, 20_100)


def test_gzip_members_are_one_stream_even_within_a_line(tmp_path):
    data = numbered(0, 20_000)
    log = Log(tmp_path, ".gz")
    with open(log.path, "wb") as file:
        file.write(gzip.compress(data[:100_003]) + gzip.compress(b"") + gzip.compress(data[100_003:]) + b"\0" * 512)
    assert lines(log.open()) == data


@kinds
def test_only_the_last_line_may_lack_its_newline(tmp_path, kind):
    log = Log(tmp_path, kind)
    log.write(numbered(0, 100) + b"and no newline")
    segment = log.open()
    assert lines(segment, final=True) == numbered(0, 100) + b"and no newline"
    if not kind:
        segment = log.open()
        assert lines(segment, final=False) == numbered(0, 100)
        assert segment.waiting()
        assert segment.offset == len(numbered(0, 100))


@kinds
@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 17])
def test_a_line_of_more_than_a_block_is_passed_over_and_no_other(tmp_path, kind, size):
    log = Log(tmp_path, kind)
    log.write(numbered(0, 10) + b"x" * size + b"\n" + numbered(10, 20))
    segment = log.open()
    found = lines(segment)
    assert found.replace(b"x" * size + b"\n", b"") == numbered(0, 20)
    assert segment.offset == size + 1 + len(numbered(0, 20))
    assert lines(log.open(segment.mark()._replace(id=1))) == b""


def test_a_long_line_that_is_not_complete_waits(tmp_path):
    log = Log(tmp_path)
    log.write(numbered(0, 10) + b"x" * (3 * BLOCK))
    segment = log.open()
    assert lines(segment) == numbered(0, 10)
    assert segment.waiting()
    log.write(numbered(0, 10) + b"x" * (3 * BLOCK) + b"\n" + numbered(10, 20))
    assert lines(log.open(segment.mark()._replace(id=1))) == numbered(10, 20)


@kinds
def test_bytes_of_every_kind_are_kept(tmp_path, kind):
    data = bytes(range(256)) * 3000 + b"\n"
    log = Log(tmp_path, kind)
    log.write(data)
    assert lines(log.open()) == data


def test_another_file_is_new_and_a_shorter_or_changed_one_is_told_as_such(tmp_path):
    log = Log(tmp_path)
    log.write(numbered(0, 1000))
    segment = log.open()
    lines(segment)
    segment.stamp = 77
    mark = segment.mark()._replace(id=1)
    for data, known in (
        (numbered(1, 1000), Known.NEW),
        (numbered(0, 500), Known.SHORTER),
        (numbered(0, 1), Known.SHORTER),
        (numbered(0, 500) + numbered(501, 2000), Known.CHANGED),
    ):
        log.write(data)
        found = log.open(mark)
        assert (found.known, found.offset) == (known, 0)
        assert found.stamp == (0 if known is Known.NEW else 77)


def test_what_begins_like_a_file_that_stands_elsewhere_is_a_file_of_its_own(tmp_path):
    log = Log(tmp_path)
    log.write(numbered(0, 100))
    segment = log.open()
    lines(segment)
    mark = segment.mark()._replace(id=1)
    log.write(numbered(0, 1) + numbered(5, 200))
    assert log.open(mark).known is Known.CHANGED
    assert log.open(mark, placed={1}).known is Known.NEW


def test_a_file_that_is_cut_or_rewritten_while_it_is_read_has_moved(tmp_path):
    log = Log(tmp_path)
    for change in (b"", numbered(7, 9000)):
        log.write(numbered(0, 10_000))
        segment = log.open()
        next(segment.blocks(False))
        log.write(change)
        with pytest.raises(MovedError):
            segment.mark()
    log.write(numbered(0, 100))
    listed = LogFile("mail.log.1", 1, 10**6, 0)
    with pytest.raises(MovedError):
        open_segment(os.open(log.path, os.O_RDONLY), log.path, listed, [], Placed(set()))


def test_a_copy_is_the_beginning_of_the_live_log(tmp_path):
    def opened(name, data):
        (tmp_path / name).write_bytes(data)
        return os.open(tmp_path / name, os.O_RDONLY)

    live = opened("live", numbered(0, 1000))
    assert is_copy(opened("a", numbered(0, 1000)), live)
    assert is_copy(opened("b", numbered(0, 1000)[:7001]), live)
    assert is_copy(opened("c", b"line"), live)
    assert not is_copy(opened("d", b""), live)
    assert not is_copy(opened("e", numbered(0, 1001)), live)
    assert not is_copy(opened("f", numbered(0, 500) + numbered(501, 700)), live)
    assert not is_copy(opened("g", numbered(1, 500)), live)


def test_a_mark_within_a_first_line_is_the_mark_of_that_torn_file_only():
    torn = make_mark(1, b"2026-11-", 8, b"2026-11-", 0)
    assert with_head([torn], b"2026-11-") == [torn]
    assert with_head([torn], b"2026-11-22T00:00:00+00:00 mx postfix/smtpd[1]: x\n") == []


def test_the_furthest_read_mark_of_a_beginning_comes_first():
    data = numbered(0, 1000)
    near, far = (make_mark(number, data, at, data[:at], 0) for number, at in ((1, 5400), (2, 10_800)))
    assert with_head([near, far], data[:HEAD]) == [far, near]
    assert with_head([near, far], numbered(1, 1000)[:HEAD]) == []
    assert fits(far, data[: far.offset])
    assert not fits(far, data[: far.offset - 1])


def test_a_mark_of_nothing_fits_no_file():
    assert with_head([Mark(1, 0, b"", b"", 0, 0, b"", 0)], b"anything\n") == []


def test_the_first_bytes_decide_whatever_the_block_size_is(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 64)
    log = Log(tmp_path)
    log.write(numbered(0, 1000))
    assert lines(log.open()) == numbered(0, 1000)
