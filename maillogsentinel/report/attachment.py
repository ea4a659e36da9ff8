"""What goes with a mail: the whole CSV, the days' records, those compressed, or nothing but the path."""

import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from maillogsentinel.config import Config
from maillogsentinel.options import ATTACHMENT_MAX_BYTES
from maillogsentinel.report.wording import size
from maillogsentinel.sources.rotation import COMPRESSED


class Attachment(NamedTuple):
    """A file for a mail, and the sentence of the mail's text that says what it is."""

    filename: str
    data: bytes | None
    """None: nothing is attached, and the sentence says why and where the CSV is."""
    maintype: str
    subtype: str
    sentence: str


def choose_attachment(
    config: Config,
    csv_path: str,
    csv_size: int,
    whole_csv: Callable[[], bytes],
    day_rows: Callable[[], Iterable[bytes]],
    header: bytes,
    days_label: str,
    not_whole: str = "",
) -> Attachment:
    """Return the best attachment of at most ``attachment_max_bytes``, as it is before the mail's encoding.

    `csv_size` is the committed length; `whole_csv` gives the CSV, or raises OSError. `day_rows` gives the CSV text of
    the days covered in pieces of any length; it is called up to twice, and not asked for more than the limit allows.
    `header` is the CSV's first line with its newline. `days_label` goes into a file name: ``2025-05-27``. `not_whole`
    says why the whole CSV is not to be attached, whatever its size; empty: it may be.
    """
    limit = config[ATTACHMENT_MAX_BYTES]
    if not limit:
        return _nothing(csv_path, "Nothing is attached, as [report] attachment_max_bytes is 0.")
    if not csv_size:
        return _nothing(csv_path, "Nothing is attached, as there is no record yet.")
    whole = csv_path.rpartition("/")[2]
    packed = whole.endswith(COMPRESSED)
    stem, _, extension = (whole.rpartition(".")[0] if packed else whole).rpartition(".")
    name = f"{stem or extension}-{days_label}.{extension if stem else 'csv'}"
    try:
        if csv_size <= limit and not not_whole:
            data = whole_csv()
            kind = ("application", "octet-stream") if packed else ("text", "csv")
            return Attachment(whole, data, *kind, f"Please see attached: {whole}")
        too_large = not_whole or (
            f"the whole CSV, {size(csv_size)}, is larger than [report] attachment_max_bytes, {size(limit)}"
        )
        nor_days = (
            "and the records of these days are too large even compressed"
            if not_whole
            else "and so are the records of these days compressed"
        )
        return (
            _days(header, day_rows(), limit, name, too_large)
            or _compressed_days(header, day_rows(), limit, name, too_large)
            or _nothing(csv_path, f"Nothing is attached: {too_large}, {nor_days}.")
        )
    except OSError as error:
        return _nothing(csv_path, f"Nothing is attached, as the CSV cannot be read: {error.strerror}.")


def _nothing(csv_path: str, why: str) -> Attachment:
    return Attachment("", None, "", "", f"{why} The CSV is {csv_path}")


def _days(header: bytes, pieces: Iterable[bytes], limit: int, name: str, too_large: str) -> Attachment | None:
    collected = [header]
    length = len(header)
    for piece in pieces:
        length += len(piece)
        if length > limit:
            return None
        collected.append(piece)
    if length == len(header):
        return Attachment("", None, "", "", f"Nothing is attached: these days have no record, and {too_large}.")
    return Attachment(
        name,
        b"".join(collected),
        "text",
        "csv",
        f"Please see attached: {name} (the records of these days; {too_large})",
    )


def _compressed_days(
    header: bytes, pieces: Iterable[bytes], limit: int, name: str, too_large: str
) -> Attachment | None:
    # 31: the gzip form (RFC 1952) with the largest window; it holds no time, so equal records make equal bytes.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [packer.compress(header)]
    length = len(packed[0])
    for piece in pieces:
        packed.append(packer.compress(piece))
        length += len(packed[-1])
        if length > limit:
            return None
    packed.append(packer.flush())
    if length + len(packed[-1]) > limit:
        return None
    return Attachment(
        f"{name}.gz",
        b"".join(packed),
        "application",
        "gzip",
        f"Please see attached: {name}.gz (the records of these days, compressed; {too_large})",
    )
