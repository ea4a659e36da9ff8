"""A page as a real parser reads it: its elements, tables, words, and the colours in which each text stands."""

import re
from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"meta", "br", "col", "wbr"}
TRANSPARENT = ""


class Words(NamedTuple):
    """A text, and what decides how it looks."""

    text: str
    colour: str
    background: str
    classes: tuple[str, ...]
    """Of all elements around it, the innermost last."""


class Page(HTMLParser):
    """Takes a page apart and fails where elements are not balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[Words] = []
        self.tables: dict[str, list[list[str]]] = {}
        """Cells of the tables with data, by caption."""
        self.headings: list[tuple[str, str]] = []
        self.scopes: list[tuple[str, str | None]] = []
        self._rows: list[list[list[str]]] = []
        self._captions: list[str | None] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        found = dict(attrs)
        if tag in VOID:
            return
        self.open.append((tag, found))
        if tag == "table":
            self._rows.append([])
            self._captions.append(None)
        elif tag == "tr":
            self._rows[-1].append([])
        elif tag in ("td", "th"):
            self._rows[-1][-1].append("")
            if tag == "th":
                self.scopes.append((tag, found.get("scope")))
        elif tag in ("h1", "h2", "h3"):
            self.headings.append((tag, ""))
        elif tag == "caption":
            self._captions[-1] = ""

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag
        if tag == "table":
            rows, caption = self._rows.pop(), self._captions.pop()
            if caption is not None:
                assert caption not in self.tables, caption
                self.tables[caption] = rows

    def handle_data(self, data):
        if not data.strip():
            return
        inside = [tag for tag, _ in self.open]
        if "style" not in inside and "title" not in inside:
            self.words.append(self._looks(data))
        if "caption" in inside:
            self._captions[-1] += data
        elif self._rows and self._rows[-1] and self._rows[-1][-1]:
            self._rows[-1][-1][-1] += data
        for tag in ("h1", "h2", "h3"):
            if tag in inside:
                self.headings[-1] = (tag, self.headings[-1][1] + data)

    def _looks(self, data: str) -> Words:
        colour = background = ""
        classes: list[str] = []
        for _, found in self.open:
            style = found.get("style") or ""
            match = re.search(r"(?:^|;)color:(#[0-9a-f]{6})", style)
            colour = match[1] if match else colour
            match = re.search(r"(?:^|;)background:(#[0-9a-f]{6})", style)
            background = match[1] if match else background
            classes += (found.get("class") or "").split()
        return Words(data, colour, background, tuple(classes))

    @property
    def text(self) -> str:
        return "\n".join(words.text for words in self.words)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
