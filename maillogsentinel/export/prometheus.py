"""The text exposition format of Prometheus, version 0.0.4."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

COUNTER, GAUGE = "counter", "gauge"
_PREFIX = "maillogsentinel_"


class Sample(NamedTuple):
    """One value, and what it belongs to."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Metric(NamedTuple):
    """One metric with all of its values; there may be none."""

    name: str
    """Without the prefix ``maillogsentinel_``; ends with its unit, counters with ``_total``."""
    kind: str
    """`COUNTER` or `GAUGE`."""
    help: str
    samples: Sequence[Sample]


def render(metrics: Iterable[Metric]) -> str:
    """Return what a scrape, or node_exporter's textfile collector, reads; metrics without a value are left out."""
    return "".join(f"{line}\n" for metric in metrics if metric.samples for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    name = _PREFIX + metric.name
    text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {metric.kind}"
    for value, labels in metric.samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{f'{{{inside}}}' if inside else ''} {value!r}"


def _escaped(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a path may be no UTF-8
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
