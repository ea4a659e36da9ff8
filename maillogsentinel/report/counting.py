"""One pass over the records of a report: the numbers, and what detection makes of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.detect.patterns import Attempt, Patterns, patterns
from maillogsentinel.detect.thresholds import thresholds
from maillogsentinel.model import Row
from maillogsentinel.report.rows import Files, Records
from maillogsentinel.report.tally import Chosen, Tally, Tallying
from maillogsentinel.store.database import Database


class Counted(NamedTuple):
    """What the records of a span amount to."""

    tally: Tally
    patterns: Patterns


def count(
    config: Config,
    records: Records,
    span: tuple[date, date],
    database: Database | None,
    chosen: Chosen,
    *,
    thorough: bool,
) -> Counted:
    """Return what the `records` from the first to the last day of `span` amount to. Raises StoreError.

    `chosen` says which names are listed apart; it is asked only if the numbers shall be `thorough`.
    """
    temp_dir = config[options.STATE_DIR] if database else None
    several = isinstance(records, Files)
    with Tallying(temp_dir, several_servers=several, chosen=chosen if thorough else None) as counting:
        attempts = _attempts(records.rows(*span), counting)
        found = patterns(attempts, thresholds(config), temp_dir, several)
        for _ in attempts:  # where there is nothing to look for, nothing was taken
            pass
        return Counted(counting.finish(), found)


def _attempts(rows: Iterable[Row], counting: Tallying) -> Iterator[tuple[Attempt, int]]:
    """Yield what detection needs of `rows`, each counted on the way."""
    for batch in counting.batches(rows):
        counting.add(batch)
        servers, _, ips, users, _, _, countries, asns, asos = zip(*batch, strict=True)
        for who, number in Counter(zip(servers, ips, users, countries, asns, asos, strict=True)).items():
            yield Attempt(*who), number
