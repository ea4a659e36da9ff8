import csv
import gzip
import os
import random

import pytest

from maillogsentinel.report.attachment import choose_attachment

from .samples import configured

HEADER = b"server,date,ip,user\n"
ROW = b"mx,2025-05-27 11:13,192.0.2.7,bob\n"


def choose(tmp_path, limit, whole=HEADER + ROW * 9, pieces=(ROW, ROW), size=None, name="maillogsentinel.csv"):
    path = tmp_path / name
    path.write_bytes(whole)
    config = configured(tmp_path, attachment_max_bytes=limit)
    size = len(whole) if size is None else size
    return choose_attachment(config, str(path), size, path.read_bytes, lambda: iter(pieces), HEADER, "2025-05-27")


def test_the_whole_csv_goes_along_up_to_the_limit(tmp_path):
    whole = HEADER + ROW * 9
    found = choose(tmp_path, len(whole))
    assert found == ("maillogsentinel.csv", whole, "text", "csv", "Please see attached: maillogsentinel.csv")
    assert choose(tmp_path, len(whole) - 1).data == HEADER + ROW * 2


def test_a_larger_csv_gives_way_to_the_days_records(tmp_path):
    found = choose(tmp_path, len(HEADER + ROW * 2))
    assert found[:4] == ("maillogsentinel-2025-05-27.csv", HEADER + ROW * 2, "text", "csv")
    assert found.sentence.startswith("Please see attached: maillogsentinel-2025-05-27.csv (the records of these days; ")
    assert list(csv.reader(found.data.decode().splitlines()))[1][3] == "bob"


def test_days_that_are_too_large_are_compressed(tmp_path):
    pieces = [ROW] * 5000
    found = choose(tmp_path, 5000, whole=HEADER + ROW * 6000, pieces=pieces)
    assert found[0::2][:2] == ("maillogsentinel-2025-05-27.csv.gz", "application")
    assert found.subtype == "gzip"
    assert gzip.decompress(found.data) == HEADER + b"".join(pieces)
    assert "compressed" in found.sentence
    assert found.data == choose(tmp_path, 5000, whole=HEADER + ROW * 6000, pieces=pieces).data


def test_what_is_too_large_even_compressed_gives_way_to_the_path(tmp_path):
    noise = [random.Random(1).randbytes(10_000)]
    found = choose(tmp_path, 5000, whole=HEADER + ROW * 600, pieces=noise)
    assert found.data is None
    assert found.sentence.endswith(f" The CSV is {tmp_path}/maillogsentinel.csv")
    assert "attachment_max_bytes, 4.9K" in found.sentence


def test_the_compressed_form_is_just_as_large_as_allowed_or_not_attached(tmp_path):
    pieces = [ROW] * 5000
    packed = len(choose(tmp_path, 5000, whole=HEADER + ROW * 6000, pieces=pieces).data)
    assert len(choose(tmp_path, packed, whole=HEADER + ROW * 6000, pieces=pieces).data) == packed
    assert choose(tmp_path, packed - 1, whole=HEADER + ROW * 6000, pieces=pieces).data is None


def test_rows_are_not_read_on_once_the_limit_is_passed(tmp_path):
    read = []

    def endless():
        while True:
            read.append(None)
            yield os.urandom(1000)

    config = configured(tmp_path, attachment_max_bytes=20_000)
    found = choose_attachment(config, "/x.csv", 10**12, bytes, endless, HEADER, "2025-05-27")
    assert found.data is None
    # 20 and a piece plain, and again compressed, of which zlib holds back some 64K.
    assert len(read) < 150


def test_zero_never_attaches(tmp_path):
    found = choose(tmp_path, 0)
    assert found.data is None
    assert found.sentence == (
        f"Nothing is attached, as [report] attachment_max_bytes is 0. The CSV is {tmp_path}/maillogsentinel.csv"
    )


def test_days_without_a_record_are_not_attached_as_an_empty_file(tmp_path):
    found = choose(tmp_path, 100, pieces=())
    assert found.data is None
    assert found.sentence.startswith("Nothing is attached: these days have no record, and the whole CSV, ")


def test_before_the_first_record_there_is_nothing_to_attach(tmp_path):
    assert choose(tmp_path, 100, size=0).sentence.startswith("Nothing is attached, as there is no record yet.")


def test_a_csv_that_cannot_be_read_does_not_keep_the_report(tmp_path):
    config = configured(tmp_path)
    gone = tmp_path / "gone.csv"
    found = choose_attachment(config, str(gone), 10, gone.read_bytes, list, HEADER, "2025-05-27")
    assert found.data is None
    assert found.sentence.startswith("Nothing is attached, as the CSV cannot be read: No such file or directory.")


@pytest.mark.parametrize(
    ("name", "slice_"), [("failures", "failures-2025-05-27.csv"), ("a.b.txt", "a.b-2025-05-27.txt")]
)
def test_the_names_of_attachments_come_from_that_of_the_csv(tmp_path, name, slice_):
    assert choose(tmp_path, 9999, name=name).filename == name
    assert choose(tmp_path, 100, name=name).filename == slice_
