"""Rows of every version and of somebody's spreadsheet become those that this version would have written."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel.errors import UsageError
from maillogsentinel.merge.rows import MAX_LINE, Rows, read_header
from maillogsentinel.model import Row, safe_text
from maillogsentinel.parse.postfix import address
from maillogsentinel.store import csvfile

OURS = csvfile.header(",")
OLDER = b"server;date;ip;user;hostname;reverse_dns_status\r\n"
ROW = Row("mx", "2025-05-17 11:13", "192.0.2.7", "bob", None, "Errno 1", "DE", "64496", "Example")
RAW = st.one_of(
    st.binary(max_size=12),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="nul'=+-@＝＋,;|\t\"\\xu0F\r N/A", max_size=8).map(str.encode),
)
TEXT = st.one_of(st.none(), RAW.map(safe_text))
CANONICAL = st.builds(
    Row,
    server=RAW.map(safe_text),
    date=st.sampled_from(["2025-05-17 11:13", "2024-02-29 00:00"]),
    ip=st.sampled_from([None, "192.0.2.7", "255.255.255.255", "2001:db8::1", "2001:db8:0:1::", "::1", "fe80::1:0"]),
    user=TEXT,
    hostname=st.sampled_from([None, "a.example.org"]),
    reverse_dns_status=st.sampled_from(["OK", "Errno 1", "Skipped"]),
    country_code=st.sampled_from([None, "DE"]),
    asn=st.sampled_from([None, "64496"]),
    aso=TEXT.filter(lambda text: text not in ("", "N/A") and not (text or "").isdigit()),
)


def taken(header, *lines, out=","):
    return Rows(read_header(header, "x.csv"), out).take(b"".join(lines))


def only(header, line):
    """The one row of a file, as this version writes it."""
    found = taken(header, line)
    assert (found.rejected, len(found.lines)) == ([], 1)
    return found.lines[0].decode()


@settings(max_examples=400, deadline=None, database=None)
@given(CANONICAL, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from([",", ";", "\t", "|"]))
def test_what_this_version_wrote_stays_as_it_is(row, delimiter, out):
    line = csvfile.encode(row, delimiter)
    found = taken(csvfile.header(delimiter), line, out=out)
    assert (found.rejected, found.lines) == ([], [csvfile.encode(row, out)[:-1]])
    assert found.dates == [row.date.encode()]
    assert found.plain == (delimiter == out)


@settings(max_examples=400, deadline=None, database=None)
@given(st.lists(RAW, min_size=9, max_size=9), st.booleans())
def test_whatever_stands_there_is_safe_afterwards_and_then_stays(cells, older):
    cells = [cell.decode("utf-8", "surrogateescape").replace("\n", "").replace("\r", "") for cell in cells]
    cells[1:3] = ["17/05/2025 11:13" if older else "2025-05-17 11:13", "192.0.2.7"]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    found = taken(OURS, line.getvalue().encode("utf-8", "surrogateescape"))
    for once in found.lines:
        text = once.decode("utf-8")
        assert text.splitlines() == [text]
        for cell in next(csv.reader([text], strict=True)):
            assert cell[:1] not in tuple("=+-@＝＋－＠")
        assert taken(OURS, once + b"\n").lines == [once]
    assert len(found.lines) + len(found.rejected) == 1


def test_an_older_version_is_read():
    line = b"mx;17/05/2025 11:13;192.0.2.7;bob;N/A;ERRNO 1\r\n"
    assert only(OLDER, line) == "mx,2025-05-17 11:13,192.0.2.7,bob,null,Errno 1,null,null,null"
    line = b"mx;17/05/2025 11:13;192.0.2.7;bob;a.example.org;OK\r\n"
    assert only(OLDER, line) == "mx,2025-05-17 11:13,192.0.2.7,bob,a.example.org,OK,null,null,null"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (r"mx;17/05/2025 11:13;192.0.2.7;D\x41;null;OK;N/A;N/A;N/A", r"192.0.2.7,D\\x41,null,OK,null,null,null"),
        ("mx;17/05/2025 11:13;192.0.2.7;=1+1;null;errno 2;;;", "192.0.2.7,'=1+1,null,Errno 2,null,null,null"),
        ("mx;17/05/2025 11:13;192.0.2.7;'x;null;OK;FR;Example;64496", "192.0.2.7,''x,null,OK,FR,64496,Example"),
        ("mx;17/05/2025 11:13;192.0.2.7;a,b;null;OK;FR;AS64496;Example", '192.0.2.7,"a,b",null,OK,FR,64496,Example'),
        ("mx;2025-05-17 11:13;unknown;null;null;Skipped;N/A;N/A;N/A", "null,null,null,Skipped,null,null,null"),
        ("mx;2025-05-17 11:13;2001:DB8:0:0::1;;null;OK;FR;1;Ex", "2001:db8::1,,null,OK,FR,1,Ex"),
        ("mx;2025-05-17 11:13;::ffff:192.0.2.7;N/A;null;OK;FR;1;Ex", "192.0.2.7,N/A,null,OK,FR,1,Ex"),
        ("mx;2025-05-17 11:13;192.0.2.7;a\tb\x85;null;OK;FR;1;Ex", r"192.0.2.7,a\x09b\u0085,null,OK,FR,1,Ex"),
        ("mx;2025-05-17 11:13;192.0.2.7;D\\a\\\\b;null;OK;FR;1;Ex", r"192.0.2.7,D\\a\\b,null,OK,FR,1,Ex"),
    ],
)  # fmt: skip
def test_forms_of_values(cells, expected):
    header = csvfile.header(";").replace(b"\n", b"\r\n")
    assert only(header, cells.encode() + b"\r\n") == "mx,2025-05-17 11:13," + expected


def test_columns_in_another_order_and_spelling_are_read():
    header = "\ufeffDate;Server;IP;User;Country Code\n".encode()
    assert only(header, b"01/02/2025 03:04;mx;192.0.2.7;bob;FR\n") == (
        "mx,2025-02-01 03:04,192.0.2.7,bob,null,Skipped,FR,null,null"
    )


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"mx,2025-05-17 11:13,192.0.2.7,bob\n",
        b"when;who\n",
        b"server,date,ip,user,password\n",
        b"server,date,ip,user,user\n",
        b"\x1f\x8b\x08\x00garbage\n",
        b"x" * 100_000 + b"\n",
    ],
)
def test_another_header_is_refused_with_the_name_of_the_file(line):
    with pytest.raises(UsageError, match=r"^x\.csv has another header"):
        read_header(line, "x.csv")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"mx,2025-05-17 11:13,192.0.2.7,bo\n", "4 columns in place of 9"),
        (b"mx,2025-05-17 11:13,192.0.2.7,bob,null,OK,FR,1,Example,x\n", "10 columns in place of 9"),
        (b"mx,2025-02-30 11:13,192.0.2.7,bob,null,OK,FR,1,Example\n", "date"),
        (b"mx,2025-05-17 24:00,192.0.2.7,bob,null,OK,FR,1,Example\n", "date"),
        (b"mx,17.05.2025,192.0.2.7,bob,null,OK,FR,1,Example\n", "date"),
        (b"mx,\xd9\xa1025-05-17 11:13,192.0.2.7,bob,null,OK,FR,1,Example\n", "date"),
        (b"mx,2025-05-17 11:13,192.0.2.256,bob,null,OK,FR,1,Example\n", "ip"),
        (b"mx,2025-05-17 11:13,192.0.2.7 x,bob,null,OK,FR,1,Example\n", "ip"),
        (b"\0" * 5000 + b"\n", "1 columns"),
        (b"mx,2025-05-17 11:13,192.0.2.7," + b"b" * MAX_LINE + b",null,OK,FR,1,Example\n", "longer than 65536 bytes"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_and_costs_no_other(line, why):
    good = csvfile.encode(ROW, ",")
    found = taken(OURS, good, line, good)
    assert found.lines == [good[:-1]] * 2
    ((number, reason, row),) = found.rejected
    assert (number, row) == (1, line[:-1]) and why in reason


def test_a_row_that_would_be_too_long_once_it_is_safe_is_rejected_at_once():
    """Else a second merge would reject what the first one wrote."""
    begin, end = b"mx,2025-05-17 11:13,192.0.2.7,", b",null,OK,FR,1,Example\n"
    most = (MAX_LINE - len(begin + end) + 1) // 4
    found = taken(OURS, begin + b"\x01" * most + end, begin + b"\x01" * (most + 1) + end)
    (line,) = found.lines
    assert taken(OURS, line + b"\n").lines == [line]
    ((number, why, row),) = found.rejected
    assert (number, why, len(row)) == (1, "longer than 65536 bytes", most + len(begin + end))


@pytest.mark.parametrize(
    "text",
    [
        "1:2",
        ":::::",
        "1::2::3",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::8:9",
        "abc",
        ":",
        "12345::",
        "::g",
        "1:2:3:4:5:6:7:",
    ],
)
def test_what_only_looks_like_an_address_is_rejected(text):
    ((_, why, _),) = taken(OURS, f"mx,2025-05-17 11:13,{text},bob,null,OK,FR,1,Example\n".encode()).rejected
    assert why == "the ip is no address"


@given(
    st.one_of(
        st.ip_addresses(v=6).map(str),
        st.lists(st.sampled_from(["0", "1", "ab", "ffff", "c000", "00", ""]), min_size=2, max_size=9).map(":".join),
        st.text(alphabet="0f1:", max_size=20),
    )
)
def test_an_address_comes_out_in_its_one_form_or_is_rejected(text):
    found = taken(OURS, f"mx,2025-05-17 11:13,{text},bob,null,OK,FR,1,Example\n".encode())
    canonical = address(text.encode())
    assert [line.split(b",")[2].decode() for line in found.lines] == (
        [canonical] if canonical else ["null"] * (not text)
    )


def test_rows_with_endless_addresses_are_read_like_others():
    """A pattern that goes back and forth in them would need half an hour."""
    row = b"mx,2025-05-17 11:13," + b":" * 60_000 + b"x,bob,null,OK,FR,1,Example\n"
    assert len(taken(OURS, *[row] * 50).rejected) == 50


def test_empty_lines_and_a_header_in_the_middle_are_no_rows():
    good = csvfile.encode(ROW, ",")
    found = taken(OURS, good, b"\n", OURS, b"\r\n", good)
    assert (found.lines, found.rejected) == ([good[:-1]] * 2, [])
