"""The escaping that every text gets where it enters the program: nothing unsafe survives, and nothing is lost."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maillogsentinel.model import Failure, raw_bytes, safe_text

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Unicode's property Bidi_Control."""
TEXTS = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="\\xu0123456789ABCDEF\x00\x85\u2028é\ufffd", max_size=40).map(str.encode),
)


@settings(max_examples=200, deadline=None, database=None)
@given(TEXTS)
@example(b"\\x41")
@example(b"\\\\x41\\")
@example(b"\\u2028")
@example(b"\xed\xa0\x80")
@example(b"\xc0\x80")
@example("\U0001f600".encode()[:3])
def test_what_was_made_safe_can_be_undone(raw):
    assert raw_bytes(safe_text(raw)) == raw


@settings(max_examples=200, deadline=None, database=None)
@given(TEXTS)
def test_nothing_unsafe_survives(raw):
    text = safe_text(raw)
    text.encode("utf-8")  # no lone surrogate: it can be written anywhere
    assert [text] == (text.splitlines() or [""])
    for char in text:
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert char not in BIDI
    assert safe_text(text.encode()) == text.replace("\\", "\\\\")


def escaped(code):
    """What the contract says of a character."""
    char = chr(code)
    if char == "\\":
        return "\\\\"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02X}"
    if 0x80 <= code < 0xA0 or char in BIDI or char in "\u2028\u2029":
        return f"\\u{code:04X}"
    return char


def test_every_character_is_either_kept_or_escaped_as_the_contract_says():
    for start in range(0, 0x110000, 256):
        if not 0xD800 <= start < 0xE000:
            codes = range(start, start + 256)
            assert safe_text("".join(map(chr, codes)).encode()) == "".join(map(escaped, codes))


@pytest.mark.parametrize("byte", range(0x80, 0x100))
def test_a_byte_that_is_not_utf_8_shows_its_number(byte):
    assert safe_text(bytes((byte,))) == f"\\x{byte:02X}"
    assert safe_text(b"a" + bytes((byte,)) + b"\xc3\xa9") == f"a\\x{byte:02X}é"


def test_no_two_inputs_look_alike():
    alike = [
        b"\x85",
        "\u0085".encode(),
        b"\\x85",
        b"\\u0085",
        b"\\\\x85",
        "\u2028".encode(),
        b"\\u2028",
        b"\x0a",
        b"\\x0A",
    ]
    assert len({safe_text(raw) for raw in alike}) == len(alike)


def test_bidirectional_controls_are_all_that_unicode_knows():
    known = [chr(code) for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in
             ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")]  # fmt: skip
    assert set(known) <= set(BIDI)
    assert set(BIDI) - set(known) == set("\u061c\u200e\u200f")  # the marks, whose class is that of letters


def test_plain_text_is_left_alone():
    text = "bob@example.org, 'x' \"y\" = + - @ <> [] {} ~ é 漢 😀 \ufeff\u200b"
    assert safe_text(text.encode()) == text


def test_a_failure_cannot_be_changed():
    failure = Failure(1, None, None, None, None, "LOGIN", "", None, None, 1)
    with pytest.raises(AttributeError):
        failure.user = "x"  # type: ignore[misc]
