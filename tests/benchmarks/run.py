"""Measure every claim about speed and memory beside its peer and print the table (``make bench``)."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from claims import LOCATION_DATABASE, NAMES, Claims, Row, install_peers, measure
from materials import Materials
from measure import PYTHON, REPOSITORY

HEADINGS = Row("claim (ours : peer)", "ours", "peer", "ratio", "of CPU", "limit", "verdict")


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table whose columns line up."""
    rows = [HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def first_line(*command: str) -> str:
    """Return the first line that a command prints, or a question mark."""
    try:
        found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "?"
    return found.split("\n")[0].strip() or "?"


def facts(lines: int, load_before: float) -> str:
    """Return the line that says where and of what the table was made; the load tells whether the machine was quiet."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    changed = "" if first_line("git", "status", "--porcelain", "--", "maillogsentinel") == "?" else " with changes"
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"{first_line(PYTHON, '--version')}, {system}, {os.cpu_count()} cores, {memory:.0f} GiB memory,"
        f" {datetime.date.today()}, commit {first_line('git', 'rev-parse', '--short', 'HEAD')}{changed};"
        f" log of {lines} lines; location database {'present' if Path(LOCATION_DATABASE).exists() else 'MISSING'};"
        f" load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="this benchmark alone (repeatable)")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median counts (5)")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size: to try the benchmarks, no claim")
    parser.add_argument("--scratch", default="/var/tmp", help="where 7 GB of files may lie meanwhile (/var/tmp)")
    return parser.parse_args()


def main() -> None:
    given = parse_arguments()
    begin, load = time.monotonic(), os.getloadavg()[0]
    install_peers()
    part = 20 if given.quick else 1
    with tempfile.TemporaryDirectory(prefix="maillogsentinel-bench-", dir=given.scratch) as scratch:
        materials = Materials(Path(scratch), 2_000_000 // part, 20_000 // part, 5_000_000 // part, 200_000 // part)
        try:
            claims = Claims(materials, given.runs)
            rows = [row for name in NAMES if name in (given.only or NAMES) for row in measure(claims, name)]
        finally:
            materials.close()
        print(table(rows))
        print()
        print(facts(materials.lines, load))
    minutes = (time.monotonic() - begin) / 60
    once = "pflogsumm, the long log and merges once"
    print(f"Medians of {given.runs} runs, {once}; took {minutes:.1f} minutes.", flush=True)
    if given.quick:
        print("--quick: the claims are about larger files; these numbers only show that the benchmarks work.")


if __name__ == "__main__":
    sys.exit(main())
