"""Pictures of pages by a headless Chromium, and the pixels in them.

``screenshots.py docs/report.png`` makes the one in README anew.
"""

import html
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path

CHROMIUM = shutil.which("chromium") or ""
MISSING = "" if CHROMIUM else "install the Debian package chromium"

_FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --hide-scrollbars --disable-dev-shm-usage""".split()  # noqa: SIM905
_DARK = "--blink-settings=preferredColorScheme=0"
_PROBE = (
    "<script>parent.document.body.append('[' + name + ' ' + innerWidth + ' ' + document.documentElement.scrollWidth"
    " + ' ' + document.documentElement.scrollHeight + ']')</script>"
)


def _chromium(page: str, width: int, height: int, *flags: str) -> str:
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        path = Path(profile, "page.html")
        path.write_text(page, encoding="utf-8")
        command = [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}/data", f"--window-size={width},{height}", *flags]
        done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout


def measured(pages: list[str], width: int) -> list[tuple[int, int, int]]:
    """Return of each page the width of the window, and its own width and height in it, in CSS pixels.

    The windows are frames: Chromium's own is never narrower than 500 pixels.
    """
    frame = f'<iframe width="{width}" height="800" style="border:0"'
    frames = [
        f'{frame} name="{place}" srcdoc="{html.escape(page.replace("</body>", f"{_PROBE}</body>"))}"></iframe>'
        for place, page in enumerate(pages)
    ]
    seen = _chromium(f"<!DOCTYPE html><html><body>{''.join(frames)}</body></html>", 1000, 900, "--dump-dom")
    found = {int(one[0]): one[1:] for one in re.findall(r"\[([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)\]", seen)}
    return [(int(found[place][0]), int(found[place][1]), int(found[place][2])) for place in range(len(pages))]


class Picture:
    """A PNG of Chromium, eight bits a channel."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        packed, at = b"", 8
        while at < len(data):
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            body = data[at + 8 : at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height, depth, colour = struct.unpack(">IIBB", body[:10])
                assert (depth, colour) in ((8, 2), (8, 6))
                self.channels = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                packed += body
            at += length + 12
        self.rows = self._unfiltered(zlib.decompress(packed))

    def _unfiltered(self, raw: bytes) -> list[bytearray]:
        """The lines of pixels (PNG specification, 9.2)."""
        size, step = self.width * self.channels, self.channels
        rows: list[bytearray] = []
        before = bytearray(size)
        for start in range(0, len(raw), size + 1):
            kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + size])
            for at in range(size):
                left = line[at - step] if at >= step else 0
                above, corner = before[at], before[at - step] if at >= step else 0
                if kind == 1:
                    line[at] = (line[at] + left) & 255
                elif kind == 2:
                    line[at] = (line[at] + above) & 255
                elif kind == 3:
                    line[at] = (line[at] + (left + above) // 2) & 255
                elif kind == 4:
                    line[at] = (line[at] + _paeth(left, above, corner)) & 255
            rows.append(line)
            before = line
        return rows

    def colour(self, across: int, down: int) -> str:
        """Return the colour of a pixel as ``#rrggbb``."""
        at = across * self.channels
        return "#" + self.rows[down][at : at + 3].hex()

    def colours(self) -> Counter[str]:
        """Return how often each colour occurs."""
        step = self.channels
        found: Counter[bytes] = Counter()
        for row in self.rows:
            found.update(bytes(row[at : at + 3]) for at in range(0, len(row), step))
        return Counter({f"#{colour.hex()}": count for colour, count in found.items()})


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    near_left, near_above, near_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    if near_left <= near_above and near_left <= near_corner:
        return left
    return above if near_above <= near_corner else corner


def taken(page: str, width: int, height: int, dark: bool = False) -> Picture:
    """Return a picture of the page's beginning, `width` by `height` pixels."""
    with tempfile.TemporaryDirectory(prefix="chromium-") as directory:
        target = Path(directory, "picture.png")
        _chromium(page, width, height, *([_DARK] if dark else []), f"--screenshot={target}")
        return Picture(target.read_bytes())


def small(picture: Picture) -> bytes:
    """Return the picture as a PNG of few bytes: without transparency, of which there is none, and packed well."""
    rows = []
    for row in picture.rows:
        pixels = bytearray()
        for at in range(0, len(row), picture.channels):
            pixels += row[at : at + 3]
        rows.append(b"\0" + bytes(pixels))
    head = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


if __name__ == "__main__":
    top = Path(__file__).parents[2]
    sys.path[:0] = [str(top), str(top / "tests")]
    from maillogsentinel.report.page.document import render
    from report.pages import PAGES

    found = taken(render(PAGES["compromised"]), 760, 1180)
    Path(sys.argv[1]).write_bytes(small(found))
