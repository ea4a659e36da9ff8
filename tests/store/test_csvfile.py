"""A record becomes one line that every CSV reader takes apart as it was, and that no spreadsheet calculates."""

import csv
import io
import os
import stat

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maillogsentinel.model import Row, raw_bytes, safe_text
from maillogsentinel.store import csvfile

DELIMITERS = [",", ";", "\t", "|"]
RAW = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="nul'=+-@＝＋－＠＇,;|\t\"\\\n\r ", max_size=12).map(str.encode),
)
TEXT = st.one_of(st.none(), RAW.map(safe_text))
ROWS = st.builds(
    Row,
    server=RAW.map(safe_text),
    date=st.just("2025-05-17 11:13"),
    ip=st.one_of(st.none(), st.just("192.0.2.7"), st.just("2001:db8::1")),
    user=TEXT,
    hostname=TEXT,
    reverse_dns_status=st.sampled_from(["OK", "Errno 1", "Skipped"]),
    country_code=st.one_of(st.none(), st.just("DE")),
    asn=st.one_of(st.none(), st.just("64496")),
    aso=TEXT,
)


def row(**values):
    usual = ("mx", "2025-05-17 11:13", "192.0.2.7", "bob", None, "Skipped", None, None, None)
    return Row(*usual)._replace(**values)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_every_record_is_one_line_and_comes_back(delimiter):
    @settings(max_examples=40, deadline=None, database=None)
    @given(st.lists(ROWS, max_size=4))
    @example([row(user=text) for text in ("", "null", "'null", "''", "'", "nullx", "=1", '"', '""', ",;|", " a ")])
    def check(rows):
        data = csvfile.header(delimiter) + b"".join(csvfile.encode(one, delimiter) for one in rows)
        text = data.decode("utf-8")
        lines = text.split("\n")
        assert len(lines) == len(rows) + 2
        assert text.splitlines() == lines[:-1]
        assert list(csvfile.decode(lines[1:-1], delimiter)) == rows
        # Any other reader of CSV sees the same cells.
        cells = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        assert cells[0] == list(Row._fields)
        for record, one in zip(cells[1:], rows, strict=True):
            assert [csvfile.uncell(cell) for cell in record] == list(one)
            for cell in record:
                assert cell[:1] not in tuple("=+-@＝＋－＠")
        for one in rows:
            if one.user is not None:
                assert raw_bytes(one.user) is not None

    check()


@settings(max_examples=100, deadline=None, database=None)
@given(RAW, st.sampled_from(DELIMITERS))
def test_the_bytes_of_a_user_can_be_had_back_from_the_csv(raw, delimiter):
    line = csvfile.encode(row(user=safe_text(raw)), delimiter).decode()
    (found,) = csvfile.decode([line], delimiter)
    assert raw_bytes(found.user) == raw


@pytest.mark.parametrize("char", "=+-@'\uff1d\uff0b\uff0d\uff20\uff07")
def test_what_a_spreadsheet_would_calculate_gets_a_guard(char):
    assert csvfile.cell(char, ",") == "'" + char
    assert csvfile.cell(f"{char}cmd|' /C calc'!A0", ",") == f"'{char}cmd|' /C calc'!A0"
    assert csvfile.cell(f"a{char}", ",") == f"a{char}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, "null"),
        ("null", "'null"),
        ("'null", "''null"),
        ("Null", "Null"),
        ("null ", "null "),
        ("nullable", "nullable"),
        ("", ""),
        (" ", " "),
        ('a"b', '"a""b"'),
        ("a,b", '"a,b"'),
        ("a;b", "a;b"),
        ("=a,b", '"\'=a,b"'),
    ],
)
def test_nobody_and_a_user_called_null_and_an_empty_name_differ(value, cell):
    assert csvfile.cell(value, ",") == cell
    assert csvfile.uncell(next(csv.reader([cell]), [""])[0] if cell else "") == value


@pytest.mark.parametrize("value", ["2001:db8::1", "192.0.2.7", "DE", "64496", "mail.example.org"])
def test_ordinary_values_have_no_quotes_with_any_delimiter(value):
    for delimiter in DELIMITERS:
        assert csvfile.cell(value, delimiter) == value


def test_the_columns_are_those_of_the_contract():
    assert csvfile.header(",") == b"server,date,ip,user,hostname,reverse_dns_status,country_code,asn,aso\n"
    assert csvfile.header("\t").count(b"\t") == 8


def test_lines_that_are_no_record_are_passed_over_and_cost_no_other():
    good = csvfile.encode(row(), ",").decode()
    bad = ["\n", "a,b\n", '"unfinished,2025-05-17 11:13\n', good[:-1] + ",x\n", '"' + "x" * 200_000 + "\n", "\0\n"]
    lines = [line for text in bad for line in (good, text)] + [good]
    assert list(csvfile.decode(lines, ",")) == [row()] * (len(bad) + 1)


def test_a_new_csv_is_whole_and_protected(tmp_path):
    before = os.umask(0)
    try:
        path = tmp_path / "x.csv"
        csvfile.create(str(path), ";")
    finally:
        os.umask(before)
    assert path.read_bytes() == csvfile.header(";")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file another group needs root")
def test_the_csv_belongs_to_the_group_adm(tmp_path):
    path = tmp_path / "x.csv"
    csvfile.create(str(path), ",")
    assert path.group() == "adm"


def test_a_link_in_the_way_is_not_followed(tmp_path):
    target = tmp_path / "target"
    (tmp_path / "x.csv.new").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        csvfile.create(str(tmp_path / "x.csv"), ",")
    assert not target.exists()


def test_writing_goes_to_the_offset_and_never_stops_early(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    descriptor = os.open(path, os.O_RDWR)
    csvfile.write_all(descriptor, b"ab" * 1_000_000, 5)
    csvfile.write_all(descriptor, b"", 3)
    os.close(descriptor)
    assert path.read_bytes() == b"01234" + b"ab" * 1_000_000
