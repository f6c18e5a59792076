"""How the texts of a column become values that can be compared, as its contract declares them.

Check asks whether a text can be read as its type. What it then means is the mapping's business, which may be
stricter: partial dates are read here at their first day.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from passerelle.contracts.source import Column
from passerelle.doors.expectations import ColumnReader, Typed

HL7 = "hl7"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_ISO_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_ISO_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_ISO_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_HL7_MOMENT = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,4})?)?)?)?)?([+-][0-9]{4})?"
)
_HL7_TIME = re.compile(r"([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,4})?)?")


def column_readers(columns: Mapping[str, Column], *, decimal: str, zone: ZoneInfo) -> dict[str, ColumnReader]:
    """A reader for every column whose type can be compared: numbers, dates, times."""
    readers = {}
    for name, column in columns.items():
        if column.type in {"integer", "decimal"}:
            readers[name] = ColumnReader("number", _number(column.type, decimal))
        elif column.type == "date":
            readers[name] = ColumnReader("date", _guarded(_date(column.format)))
        elif column.type == "datetime":
            readers[name] = ColumnReader("datetime", _guarded(_datetime(column.format, zone)))
        elif column.type == "time":
            readers[name] = ColumnReader("time", _guarded(_time(column.format)))
    return readers


def _guarded(read: Callable[[str], Typed | None]) -> Callable[[str], Typed | None]:
    """The same reader, answering None where a day or an hour does not exist."""

    def guarded(text: str) -> Typed | None:
        try:
            return read(text)
        except (ValueError, OverflowError):
            return None

    return guarded


def _number(kind: str, mark: str) -> Callable[[str], Typed | None]:
    decimal = re.compile(rf"[+-]?[0-9]+(?:{re.escape(mark)}[0-9]+)?(?:[eE][+-]?[0-9]+)?")
    wanted = _INTEGER if kind == "integer" else decimal

    def read(text: str) -> Typed | None:
        return float(text.replace(mark, ".")) if wanted.fullmatch(text) else None

    return read


def _date(written: str | None) -> Callable[[str], Typed | None]:
    if written == HL7:
        return _hl7_date
    if written is not None:
        return lambda text: datetime.strptime(text, written).replace(tzinfo=UTC).date()
    return _iso_date


def _datetime(written: str | None, zone: ZoneInfo) -> Callable[[str], Typed | None]:
    if written == HL7:
        return lambda text: _wall_clock(_hl7_moment(text), zone)
    if written is not None:
        return lambda text: _wall_clock(datetime.strptime(text, written), zone)  # noqa: DTZ007 - a wall-clock time
    return lambda text: _iso_moment(text, zone)


def _time(written: str | None) -> Callable[[str], Typed | None]:
    if written == HL7:
        return _hl7_time
    if written is not None:
        return lambda text: datetime.strptime(text, written).replace(tzinfo=UTC).time()
    return lambda text: time.fromisoformat(text) if _ISO_TIME.fullmatch(text) else None


def _wall_clock(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """The moment as a clock on the source's wall shows it: what its other columns are written in."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(zone).replace(tzinfo=None)


def _iso_date(text: str) -> date | None:
    found = _ISO_DATE.fullmatch(text)
    return date(int(found[1]), int(found[2] or 1), int(found[3] or 1)) if found else None


def _iso_moment(text: str, zone: ZoneInfo) -> datetime | None:
    if _ISO_DATETIME.fullmatch(text):
        return _wall_clock(datetime.fromisoformat(text), zone)
    day = _iso_date(text)
    return datetime.combine(day, time()) if day else None


def _hl7_moment(text: str) -> datetime | None:
    found = _HL7_MOMENT.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    offset = datetime.strptime(found[7], "%z").tzinfo if found[7] else None
    return datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=offset)


def _hl7_date(text: str) -> date | None:
    moment = _hl7_moment(text)
    return moment.date() if moment else None


def _hl7_time(text: str) -> time | None:
    found = _HL7_TIME.fullmatch(text)
    return time(int(found[1]), int(found[2]), int(found[3] or 0)) if found else None
