"""The report as text, as it is mailed and printed."""

from maillogsentinel.detect.left_out import ALWAYS_SAID
from maillogsentinel.report import wording
from maillogsentinel.report.columns import aligned, box, clip, width
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.verdict import critical_line, doubtful_line

_HEADER_CELLS = 100
_VALUE_CELLS = 72
_USER_CELLS = 48
_HOSTNAME_CELLS = 64


def render(summary: Summary) -> str:
    """Return the whole report; its lines end in a newline and have no trailing spaces."""
    blocks = [_header(summary), _total(summary)]
    blocks += [[f"{table.title}:", *_ranking(table)] for table in wording.tables(summary)]
    if summary.tally.total:
        blocks.append(_reverse_dns(summary))
    found = [f"{severity}:  {_one_line(sentence)}" for severity, sentence in wording.alarming(summary)]
    if found or ALWAYS_SAID.intersection(summary.not_looked_for):
        found = found or ["nothing beyond the daily noise"]
        beside = [f"  * {sentence}" for sentence in wording.beside_findings(summary)]
        blocks.append([_rule(wording.FINDINGS_TITLE), *(f"  {line}" for line in found), *beside])
    if summary.not_covered:
        blocks.append([_rule(wording.GAPS_TITLE), wording.GAPS_SENTENCE, *_gaps(summary)])
    if summary.losses:
        blocks.append([_rule(wording.LOSS_TITLE), *(f"  * {line}" for line in wording.losses(summary))])
    if summary.troubles:
        times = [(f"{number} times", _one_line(kind)) for kind, number in summary.troubles]
        blocks.append([_rule(wording.TROUBLE_TITLE), *(f"  {line}" for line in _numbers_right(times))])
    if summary.notices:
        blocks.append([_rule(wording.NOTICES_TITLE), *(f"  * {_one_line(notice)}" for notice in summary.notices)])
    blocks.append(wording.csv_lines(summary))
    blocks.append([f"For more details and documentation, visit: {wording.DOCUMENTATION}"])
    if summary.test:
        blocks.insert(0, [f"*** {wording.SAMPLE} ***"])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _total(summary: Summary) -> list[str]:
    """The total; directly below it what nobody may miss."""
    first = [("CRITICAL", critical_line(summary)), ("WARNING", doubtful_line(summary))]
    total, *others = wording.total_lines(summary)
    return [
        total,
        *(f"{how}: {_one_line(line).rstrip('.')}; see '{wording.FINDINGS_TITLE}'." for how, line in first if line),
        *others,
    ]


def _header(summary: Summary) -> list[str]:
    lines = (
        f"MailLogSentinel v{summary.version}",
        f"Extraction interval : {summary.interval}",
        f"Report at {summary.reported_at}",
        f"Server: {wording.server(summary)}",
    )
    return box([clip(line, _HEADER_CELLS) for line in lines])


def _ranking(table: wording.Table) -> list[str]:
    limits = (_USER_CELLS, _VALUE_CELLS, _HOSTNAME_CELLS) if len(table.headings) > 1 else (_VALUE_CELLS,)
    rows = []
    for rank, (values, number) in enumerate(table.rows, 1):
        first, *others = map(clip, values, limits)
        rows.append(([f"{rank:4}. {first}", *others], number))
    if table.unknown:
        rows.append((["      (unknown)"], table.unknown))
    if not rows:
        return ["      (none)"]
    digits = max(len(str(number)) for _, number in rows)
    return aligned([[*values, f"{number:{digits}} times"] for values, number in rows])


def _reverse_dns(summary: Summary) -> list[str]:
    failed = summary.tally.dns_failed
    digits = max((len(str(number)) for number in failed.values()), default=1)
    meanings = wording.ERRNO_MEANING
    breakdown = [
        f"  Errno {errno} : {number:{digits}}" + (f"   ({meanings[errno]})" if errno in meanings else "")
        for errno, number in failed.items()
    ]
    return [
        _rule(wording.REVERSE_DNS_TITLE),
        wording.failed_lookups(summary),
        "Breakdown by error type:",
        *(breakdown or ["  (none)"]),
        f"Not asked: {summary.tally.dns_skipped}",
    ]


def _gaps(summary: Summary) -> list[str]:
    rows = [
        (f"  {gap.start} to {gap.end}", f"({_one_line(gap.why)})" if gap.why else "") for gap in summary.not_covered
    ]
    return aligned(rows)


def _numbers_right(rows: list[tuple[str, str]]) -> list[str]:
    widest = max(width(number) for number, _ in rows)
    return [f"{number:>{widest}}   {text}" for number, text in rows]


def _rule(title: str) -> str:
    return f"--- {title} ---"


def _one_line(text: str) -> str:
    return " ".join(text.split())
