"""Cursors: what orders the changes of a source, compared, made earlier, and written down."""

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from passerelle.contracts.source import Column
from passerelle.landing.bounds import Json

_DAY_LENGTH = 10
Comparable = datetime | Decimal


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursor column of one table."""

    column: Column
    zone: ZoneInfo
    latest: datetime

    def place_of(self, value: Any) -> Comparable | None:
        """What the cursor is compared by; None for one that is no moment, or that lies after the clock that counts.

        A mark never moves to such a cursor: what the source writes afterwards would stay unseen.
        """
        if isinstance(value, (bool, bytes)) or value is None:
            return None
        if isinstance(value, (int, float, Decimal)):
            return Decimal(str(value)) if math.isfinite(value) else None
        moment = self._moment(value)
        return moment if moment is not None and moment <= self.latest else None

    def _moment(self, value: Any) -> datetime | None:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime.combine(value, time())
        else:
            parsed = _parsed(str(value), self.column.format)
            if parsed is None:
                return None
            moment = parsed
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def earlier(self, value: Any, seconds: int) -> Any:
        """The cursor that many seconds (of a number: units) before, of the same type and written the same way."""
        if isinstance(value, (int, float, Decimal)):
            return value - seconds
        if isinstance(value, datetime):
            return value - timedelta(seconds=seconds)
        if isinstance(value, date):
            return value - _whole_days(seconds)
        text = str(value)
        parsed = _parsed(text, self.column.format)
        if parsed is None:
            return value
        if self.column.format:
            return (parsed - timedelta(seconds=seconds)).strftime(self.column.format)
        if len(text) == _DAY_LENGTH:
            return (parsed - _whole_days(seconds)).date().isoformat()
        return (parsed - timedelta(seconds=seconds)).isoformat(text[_DAY_LENGTH])

    def like(self, text: str, example: Any) -> Any:
        """What was typed as a bound, as a value that can be compared with the example."""
        if isinstance(example, (int, float, Decimal)):
            try:
                return Decimal(text)
            except ArithmeticError:
                return example
        parsed = _parsed(text, None)
        if parsed is None:
            return text
        if isinstance(example, datetime):
            aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=self.zone)
            return aware if example.tzinfo else aware.astimezone(self.zone).replace(tzinfo=None)
        if isinstance(example, date):
            return parsed.date()
        if self.column.format:
            return parsed.strftime(self.column.format)
        written_as = str(example)
        if len(written_as) <= _DAY_LENGTH:
            return parsed.date().isoformat()
        return parsed.isoformat(written_as[_DAY_LENGTH])


def is_later(one: Comparable | None, other: Comparable | None) -> bool:
    """True if the first is known and lies behind the second; a number and a moment are never compared."""
    if one is None or other is None:
        return one is not None
    return type(one) is type(other) and one > other  # type: ignore[operator]


def _whole_days(seconds: int) -> timedelta:
    return timedelta(days=math.ceil(seconds / 86_400))


def _parsed(text: str, written: str | None) -> datetime | None:
    try:
        return datetime.strptime(text, written) if written else datetime.fromisoformat(text)  # noqa: DTZ007 - zone follows
    except ValueError:
        return None


_WRITE = {datetime: "datetime", date: "date", Decimal: "decimal", UUID: "uuid"}


def written(value: Any) -> Json:
    """The value as JSON that keeps its type."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    kind = next((name for known, name in _WRITE.items() if isinstance(value, known)), None)
    if kind is None:
        return value
    return {kind: value.isoformat() if isinstance(value, date) else str(value)}


def read(told: Json) -> Any:
    """The value that was written."""
    if not isinstance(told, dict):
        return told
    ((kind, text),) = told.items()
    if kind == "bytes":
        return bytes.fromhex(text)
    if kind == "datetime":
        return datetime.fromisoformat(text)
    if kind == "date":
        return date.fromisoformat(text)
    return Decimal(text) if kind == "decimal" else UUID(text)
