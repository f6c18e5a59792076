"""Instants of the ledger: whole microseconds since 1970 in UTC, from the clock of the host that writes them.

They say when something was done, never enter data, and order nothing that matters: fences and counters do.
"""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now() -> int:
    """This instant."""
    return time.time_ns() // 1000


def of(moment: datetime) -> int:
    """The instant of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def written(instant: int) -> str:
    """The instant as ISO text, for people."""
    return (_EPOCH + instant * _MICROSECOND).isoformat()
