"""A strict reader of Prometheus' text format, written from its specification (exposition formats, 0.0.4)."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (-?[0-9.e+-]+)")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def parse(text: str) -> dict[str, tuple[str, str, dict[tuple[tuple[str, str], ...], float]]]:
    """Return each metric's type, help and values by labels. Raises AssertionError for a fault."""
    found: dict[str, tuple[str, str, dict[tuple[tuple[str, str], ...], float]]] = {}
    helps: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            assert name not in helps, line
            helps[name] = _plain(words)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in found and kind in ("counter", "gauge"), line
            assert name.endswith("_total") == (kind == "counter"), line
            found[name] = kind, helps[name], {}
        else:
            sample = _SAMPLE.fullmatch(line)
            assert sample, line
            inside = sample[2] or ""
            labels = tuple((name, _plain(value)) for name, value in _LABEL.findall(inside))
            assert _LABEL.sub("", inside) == "", line
            values = found[sample[1]][2]
            assert list(found)[-1] == sample[1] and labels not in values, line
            values[labels] = float(sample[3])
    return found
