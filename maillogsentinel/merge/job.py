"""A merge from its inputs to the lines of OUT."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from maillogsentinel.errors import MailLogSentinelError, UsageError
from maillogsentinel.merge.intake import Intake, Reject
from maillogsentinel.merge.merging import LINES, MEMORY, MOST, Merging, Write
from maillogsentinel.merge.spool import Spool
from maillogsentinel.store import csvfile


class Merged(NamedTuple):
    """What a merge came to."""

    records: int
    read: int
    """Records in the inputs, those among them that stand in several."""


def merge(
    paths: Iterable[str],
    directory: str,
    delimiter: str,
    write: Write,
    reject: Reject,
    progress: Callable[[int, str], None] = lambda done, name: None,
    memory: int = MEMORY,
    most: int = MOST,
) -> Merged:
    """Write the header and the records of the inputs at `paths`, merged, in pieces of whole lines.

    `directory` is where temporary files may lie; `progress` is told how many bytes of an input were read. Raises
    UsageError or StoreError with a sentence for each input that cannot be merged; then what was written is worthless.
    """
    spool = Spool(directory)
    try:
        intake = Intake(spool, delimiter, reject, progress)
        inputs, errors = [], []
        for path in paths:
            try:
                inputs.append(intake.read(path))
            except MailLogSentinelError as error:
                errors.append(error)
        if errors:
            usage = [error for error in errors if isinstance(error, UsageError)]
            raise type((usage or errors)[0])("\n".join(dict.fromkeys(map(str, errors))))
        write(csvfile.header(delimiter))
        merging = Merging(spool, directory, intake.precision.width, delimiter, memory)
        most = max(2, min(most, LINES // max(1, intake.longest)))
        return Merged(merging.run(inputs, write, most), sum(one.rows for one in inputs))
    finally:
        spool.close()
