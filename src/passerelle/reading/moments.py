"""Texts that name a day or a moment, and the instants they mean on a clock that is turned twice a year."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

HL7 = "hl7"
Precision = Literal["year", "month", "day", "time"]

_ISO_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_ISO_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_HL7_MOMENT = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,4}))?)?)?)?)?([+-][0-9]{4})?"
)
_ISO_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_HL7_TIME = re.compile(r"([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,4})?)?")
_DIRECTIVES = {"d": 2, "m": 2, "Y": 4, "H": 2, "M": 2, "S": 2}


class AmbiguousTime(ValueError):
    """A local time that occurs twice, or never, on the night the clocks change."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a text says: a wall-clock time, or an aware one when it carries an offset, and how precise it is."""

    at: datetime
    precision: Precision


MomentReader = Callable[[str], Moment]
"""Raises ValueError when the text does not name a day or moment that exists."""


def moment_reader(written: str | None) -> MomentReader:
    """A reader of texts in a declared format: None is ISO 8601, `hl7` the HL7 TS, anything else strptime's."""
    if written is None:
        return iso_moment
    if written == HL7:
        return hl7_moment
    return _declared(written)


def iso_moment(text: str) -> Moment:
    """The moment of an ISO 8601 text: year, month, day, or day and time."""
    if _ISO_DATETIME.fullmatch(text):
        return Moment(datetime.fromisoformat(text), "time")
    found = _ISO_DATE.fullmatch(text)
    if not found:
        raise ValueError("not ISO 8601")
    return _partial(int(found[1]), found[2], found[3])


def hl7_moment(text: str) -> Moment:
    """The moment of an HL7 TS."""
    if len(text) == 14 and text.isdigit() and text.isascii():
        return Moment(
            datetime(  # noqa: DTZ001 - a wall-clock time
                int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:])
            ),
            "time",
        )
    found = _HL7_MOMENT.fullmatch(text)
    if not found:
        raise ValueError("not an HL7 TS")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if hour is None:
        return _partial(int(year), month, day)
    at = datetime(  # noqa: DTZ001 - a wall-clock time, unless an offset follows
        int(year), int(month), int(day), int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0"))
    )
    if offset:
        at = at.replace(tzinfo=datetime.strptime(offset, "%z").tzinfo)
    return Moment(at, "time")


def _partial(year: int, month: str | None, day: str | None) -> Moment:
    precision: Precision = "day" if day else "month" if month else "year"
    return Moment(datetime(year, int(month or 1), int(day or 1)), precision)  # noqa: DTZ001 - a wall-clock time


def _declared(written: str) -> MomentReader:
    """A reader of one strptime format; the usual ones are read without strptime, which is slow."""
    precision: Precision = "time" if any(f"%{letter}" in written for letter in "HIMSfcXTR") else "day"
    plain = _plain(written)
    groups = [name for name in ("Y", "m", "d", "H", "M", "S") if plain and name in plain.groupindex]
    is_whole = groups == ["Y", "m", "d", "H", "M", "S"][: len(groups)]

    def read(text: str) -> Moment:
        found = plain.fullmatch(text) if plain and is_whole else None
        if found:
            numbers = [*map(int, found.group(*groups)), 0, 0, 0]
            year, month, day, hour, minute, second = numbers[:6]
            at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a wall-clock time
            return Moment(at, precision)
        if not text.isascii():
            raise ValueError("not in the declared format")
        return Moment(datetime.strptime(text, written), precision)  # noqa: DTZ007 - %z may be in the format

    return read


def _plain(written: str) -> re.Pattern[str] | None:
    """The format as a regular expression, when it consists of two-digit parts and a four-digit year alone."""
    pieces = re.split(r"%(.)", written)
    letters = pieces[1::2]
    if not {"d", "m", "Y"} <= set(letters) <= set(_DIRECTIVES) or len(set(letters)) != len(letters):
        return None
    made = re.escape(pieces[0])
    for letter, literal in zip(letters, pieces[2::2], strict=True):
        made += f"(?P<{letter}>[0-9]{{{_DIRECTIVES[letter]}}}){re.escape(literal)}"
    return re.compile(made)


def read_time(text: str, written: str | None) -> time:
    """The time of day a text names.

    Raises:
        ValueError: it names none.
    """
    if written == HL7:
        found = _HL7_TIME.fullmatch(text)
        if not found:
            raise ValueError("not an HL7 TM")
        return time(int(found[1]), int(found[2]), int(found[3] or 0))
    if written is not None:
        return datetime.strptime(text, written).time()  # noqa: DTZ007 - a time of day
    if not _ISO_TIME.fullmatch(text):
        raise ValueError("not ISO 8601")
    return time.fromisoformat(text)


def partial_iso(moment: Moment) -> str:
    """The day in ISO, as precise as it was written."""
    day = moment.at.date().isoformat()
    return day[: {"year": 4, "month": 7}.get(moment.precision, 10)]


class Clock:
    """The clock on a source's wall. Its offset is remembered per day; days on which it is turned take the slow way."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._offsets: dict[date, timedelta | None] = {}

    def utc(self, at: datetime) -> datetime:
        """The instant of a wall-clock or aware time, in UTC without tzinfo.

        Raises:
            AmbiguousTime: the wall showed this time twice, or never.
        """
        if at.tzinfo is not None:
            return at.astimezone(UTC).replace(tzinfo=None)
        offset = self._offset(at.date())
        if offset is None:
            local = at.replace(tzinfo=self.zone)
            offset = local.utcoffset()
            if offset is None or offset != local.replace(fold=1).utcoffset():
                raise AmbiguousTime("the clocks were turned")
        return at - offset

    def wall(self, at: datetime) -> datetime:
        """The time as the wall shows it: without tzinfo."""
        return at if at.tzinfo is None else at.astimezone(self.zone).replace(tzinfo=None)

    def is_turned_at(self, at: datetime) -> bool:
        """Whether the wall shows this wall-clock time twice or never."""
        try:
            self.utc(at)
        except AmbiguousTime:
            return True
        return False

    def _offset(self, day: date) -> timedelta | None:
        """The offset of a whole day; None when the clocks are turned on it."""
        if day not in self._offsets:
            midnight = datetime.combine(day, time(), self.zone)
            after = datetime.combine(min(day, date.max - timedelta(days=1)) + timedelta(days=1), time(), self.zone)
            first, last = midnight.utcoffset(), after.utcoffset()
            self._offsets[day] = first if first == last else None
        return self._offsets[day]
