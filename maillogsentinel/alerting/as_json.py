"""An alert for other programs: one line of JSON."""

import json
from datetime import UTC, datetime

from maillogsentinel.localtime import SECOND
from maillogsentinel.store.alerts import Alert


def line(alert: Alert, host: str) -> str:
    """Return `alert` as JSON in ASCII, without the line's end; times are UTC, as RFC 3339 has them."""
    finding = alert.finding
    return json.dumps(
        {
            "id": alert.name,
            "time": _time(alert.at),
            "host": host,
            **finding._asdict(),
            "first": _time(finding.first),
            "last": _time(finding.last),
        }
    )


def _time(stamp: int | None) -> str | None:
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp // SECOND, UTC).isoformat().replace("+00:00", "Z")
