"""What the text of a column is in FHIR: dates, times, numbers, booleans, and plain texts.

A converter takes one text and gives the value, or refuses. What it gives is kept per distinct text in a bounded
dictionary (`remembered`), so that a column of a million rows is converted a few thousand times. A moment is seldom the
same twice; its day and its time of day are, and each is remembered.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from passerelle.contracts.source import Column
from passerelle.mapping.plan import Notes, Refusal
from passerelle.reading.moments import HL7, Moment, MomentReader, moment_reader, partial_iso, read_time
from passerelle.records import Reason
from passerelle.structure.primitives import BOUNDS, fault_of

Convert = Callable[[str], Any]
Half = TypeVar("Half")
Remembered = Callable[[Any, Notes], Any]

MOST_REMEMBERED = 20_000

TEXTS = frozenset({"string", "code", "uri", "url", "canonical", "oid", "uuid", "id", "markdown", "base64Binary"})
CONVERTIBLE: dict[str, frozenset[str]] = {
    "string": TEXTS,
    "integer": frozenset(BOUNDS) | {"decimal", "string", "code"},
    "decimal": frozenset({"decimal"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "dateTime"}),
    "datetime": frozenset({"dateTime", "instant", "date"}),
    "time": frozenset({"time"}),
}
"""Which primitive types of FHIR a column of each type may become without a rule."""
NATURAL = {kind: "dateTime" if kind == "datetime" else kind for kind in CONVERTIBLE}
"""The type in which a rule sees a column of each type."""

_UNREAD = {
    "integer": Reason.NOT_A_NUMBER,
    "decimal": Reason.NOT_A_NUMBER,
    "boolean": Reason.NOT_A_BOOLEAN,
    "date": Reason.NOT_A_DATE,
    "datetime": Reason.NOT_A_DATETIME,
    "time": Reason.NOT_A_DATETIME,
}
_FAULTS = {
    **dict.fromkeys(BOUNDS, Reason.NOT_A_NUMBER),
    "decimal": Reason.NOT_A_NUMBER,
    "boolean": Reason.NOT_A_BOOLEAN,
    "date": Reason.NOT_A_DATE,
    "dateTime": Reason.NOT_A_DATETIME,
    "instant": Reason.NOT_A_DATETIME,
    "time": Reason.NOT_A_DATETIME,
    "code": Reason.UNKNOWN_CODE,
}


ABSENT: dict[str, Any] = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
"""What says that a value is not known. One object, recognised by identity."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A value that comes with something to notice."""

    value: Any
    reason: Reason


@dataclass(frozen=True, slots=True)
class Written:
    """How a table writes its values: the decimal mark, the zone of its clocks, and whether its dates are HL7 v2."""

    zone: str
    decimal: str = "."
    hl7: bool = False


def remembered(
    convert: Callable[[Any], Any], place: str, missing: str, memo: dict[Any, Any] | None = None
) -> tuple[dict[Any, Any], Remembered]:
    """A dictionary of what was converted, and the function to call for what it does not hold.

    A conversion that gives nothing follows `missing`; what comes with a note is noted each time and not kept.
    """
    kept: dict[Any, Any] = {} if memo is None else memo

    def slow(given: Any, notes: Notes) -> Any:
        value = convert(given)
        if value is None:
            if missing == "stop":
                raise Refusal(Reason.MISSING_VALUE, place)
            return ABSENT if missing == "absent-reason" else None
        if type(value) is Noted:
            notes.append((value.reason, place))
            return value.value
        if len(kept) >= MOST_REMEMBERED:
            kept.clear()
        kept[given] = value
        return value

    return kept, slow


def chained(steps: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """One after the other; nothing stays nothing, and what was noticed on the way is kept."""
    if len(steps) == 1:
        return steps[0]

    def convert(given: Any) -> Any:
        value, reason = given, None
        for step in steps:
            value = step(value)
            if type(value) is Noted:
                value, reason = value.value, value.reason
            if value is None:
                break
        return value if reason is None else Noted(value, reason)

    return convert


def checked(wanted: str, place: str) -> Callable[[Any], Any]:
    """A step that lets a value of the primitive type through and refuses any other."""
    reason = _FAULTS.get(wanted, Reason.NOT_AN_IDENTIFIER)

    def check(value: Any) -> Any:
        if fault_of(wanted, value) is not None:
            raise Refusal(reason, place)
        return value

    return check


def typed_by(wanted: str, *, hl7: bool) -> Column:
    """The column as which a text without declared type is read, when an element of this type wants it."""
    kind = {"dateTime": "datetime", "instant": "datetime", **dict.fromkeys(BOUNDS, "integer")}.get(wanted, wanted)
    kind = kind if kind in CONVERTIBLE else "string"
    return Column.model_validate(
        {"type": kind, "format": HL7 if hl7 and kind in {"date", "datetime", "time"} else None}
    )


def converter(column: Column, wanted: str, written: Written, place: str) -> Convert:
    """The converter from a column to a primitive type of FHIR.

    Raises:
        KeyError: the column's type never becomes that type; `CONVERTIBLE` says which do.
    """
    if wanted not in CONVERTIBLE[column.type]:
        raise KeyError(wanted)
    if column.type == "string":
        return _text(wanted, place)
    if column.type == "boolean":
        return _boolean(column, place)
    if column.type in {"date", "datetime"}:
        return _moment(column, wanted, written, place)
    read = {"integer": _whole, "decimal": _real(written.decimal), "time": _time_of_day(column.format)}[column.type]
    steps: list[Convert] = [_reading(read, _UNREAD[column.type], place)]
    if wanted in {"string", "code"}:
        steps.append(str)
    elif column.type == "integer":
        steps.append(checked(wanted, place))
    return chained(steps)


def _reading(read: Convert, reason: Reason, place: str) -> Convert:
    """The reader, refusing where it raises ValueError."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except (ValueError, OverflowError):
            raise Refusal(reason, place) from None

    return convert


# Texts, numbers, booleans --------------------------------------------------------------------------------------------


def _text(wanted: str, place: str) -> Convert:
    if wanted in {"string", "markdown"}:
        return lambda text: None if text.isspace() else text
    return checked(wanted, place)


_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_EXACT_WHOLE = 2**53


def _whole(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    return int(text)


def _real(mark: str) -> Convert:
    decimal = re.compile(rf"[+-]?[0-9]+(?:{re.escape(mark)}[0-9]+)?(?:[eE][+-]?[0-9]{{1,3}})?")

    def read(text: str) -> int | float:
        if not decimal.fullmatch(text):
            raise ValueError("not a decimal")
        return exact_number(text.replace(mark, "."))

    return read


def exact_number(text: str) -> int | float:
    """The number as JSON holds it.

    Raises:
        ValueError: it has more digits than a double keeps, so that another number would be written.
    """
    exact = Decimal(text)
    if exact == exact.to_integral_value() and abs(exact) < _EXACT_WHOLE:
        return int(exact)
    number = float(text)
    if Decimal(repr(number)) != exact:
        raise ValueError("more digits than a double keeps")
    return number


def _boolean(column: Column, place: str) -> Convert:
    said = dict.fromkeys(column.false or ("false",), False) | dict.fromkeys(column.true or ("true",), True)

    def convert(text: str) -> bool:
        found = said.get(text)
        if found is None:
            raise Refusal(Reason.NOT_A_BOOLEAN, place)
        return found

    return convert


def _time_of_day(form: str | None) -> Convert:
    return lambda text: _hour_text(read_time(text, form))


# Days and moments ----------------------------------------------------------------------------------------------------


class WallClock:
    """The clock on the source's wall: which offset a local time has, and which local times are none or two."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._offsets: dict[str, str | None] = {}

    def instant(self, day: str, hour: str) -> str | Noted:
        """The local time with its offset; the day alone, and why, when the time is ambiguous or does not exist."""
        offset = self.offset_on(day)
        return f"{day}T{hour}{offset}" if offset else self._on_a_day_of_change(day, hour)

    def offset_on(self, day: str) -> str | None:
        """The offset that every time of the day has; nothing when the clocks are turned on it."""
        offset = self._offsets.get(day, "")
        if offset == "":
            if len(self._offsets) >= MOST_REMEMBERED:
                self._offsets.clear()
            offset = self._offsets[day] = self._offset_of_day(date.fromisoformat(day))
        return offset

    def shown(self, moment: datetime) -> str | Noted:
        """A moment that carries its own offset, as this clock shows it."""
        here = moment.astimezone(self._zone)
        offset = _offset_text(here.utcoffset())
        day = here.date().isoformat()
        return f"{day}T{_hour_text(here.time())}{offset}" if offset else Noted(day, Reason.AMBIGUOUS_TIME)

    def _offset_of_day(self, day: date) -> str | None:
        moments = [datetime.combine(day, time(hour), self._zone) for hour in (0, 6, 12, 18)]
        if day < date.max:
            moments.append(datetime.combine(day + timedelta(days=1), time(), self._zone))
        found = {moment.replace(fold=fold).utcoffset() for moment in moments for fold in (0, 1)}
        return _offset_text(found.pop()) if len(found) == 1 else None

    def _on_a_day_of_change(self, day: str, hour: str) -> str | Noted:
        local = datetime.fromisoformat(f"{day}T{hour[:8]}").replace(tzinfo=self._zone)
        earlier, later = local.utcoffset() or timedelta(), local.replace(fold=1).utcoffset() or timedelta()
        if earlier != later:
            return Noted(day, Reason.NO_SUCH_TIME if earlier < later else Reason.AMBIGUOUS_TIME)
        offset = _offset_text(earlier)
        return f"{day}T{hour}{offset}" if offset else Noted(day, Reason.AMBIGUOUS_TIME)


def _offset_text(offset: timedelta | None) -> str | None:
    """+01:00; nothing when the offset has seconds, as before standard time, which FHIR cannot write."""
    if offset is None or offset.seconds % 60:
        return None
    minutes = offset.days * 1440 + offset.seconds // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def _hour_text(hour: time) -> str:
    whole = hour.replace(microsecond=0, tzinfo=None).isoformat()
    return f"{whole}.{hour.microsecond:06}".rstrip("0") if hour.microsecond else whole


@cache
def wall_clock(zone: str) -> WallClock:
    """The clock of a zone; one per process, as it remembers days."""
    return WallClock(zone)


def local_time(text: str, zone: str) -> str | Noted:
    """A dateTime without offset, as a rule may give it, with the offset of the source's zone."""
    day, _, hour = text.partition("T")
    if not hour or hour[-1] == "Z" or hour[-6:-5] in {"+", "-"}:
        return text
    return wall_clock(zone).instant(day, hour)


def _moment(column: Column, wanted: str, written: Written, place: str) -> Convert:
    clock = wall_clock(written.zone)
    unread = _UNREAD[column.type]
    read = _reading(moment_reader(column.format), unread, place)

    def slow(text: str) -> str | Noted:
        moment: Moment = read(text)
        day = partial_iso(moment)
        if moment.precision != "time":
            return day
        if moment.at.tzinfo is not None:
            return clock.shown(moment.at)
        return clock.instant(day, _hour_text(moment.at.time()))

    def day_of(text: str) -> str:
        said = slow(text) if column.type == "datetime" else partial_iso(read(text))
        return (said.value if isinstance(said, Noted) else said)[:10]

    if wanted == "date" or column.type == "date":
        return day_of
    refusal = None if wanted == "dateTime" else (unread, place)
    return MomentConverter(halves_of(column.format, clock), slow, refusal)


class MomentConverter:
    """The text of a moment as a dateTime; with `refusal` as an instant, which is refused where a time of day is missing."""

    __slots__ = ("_refusal", "_slow", "halves")

    def __init__(self, halves: "Halves | None", slow: Convert, refusal: tuple[Reason, str] | None) -> None:
        self.halves = halves
        self._slow = slow
        self._refusal = refusal

    def __call__(self, text: str) -> Any:
        """The moment as FHIR writes it, or a day that is noted."""
        if self.halves is not None and (parts := self.halves.parts(text)) is not None:
            (begin, offset), hour = parts
            return f"{begin}{hour}{offset}"
        said = self._slow(text)
        if self._refusal is not None:
            unread, place = self._refusal
            if isinstance(said, Noted):
                raise Refusal(said.reason, place)
            if "T" not in said:
                raise Refusal(unread, place)
        return said


_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_ISO_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
_HL7_FORMS = ("%Y%m%d%H%M%S", "%Y%m%d%H%M")


@dataclass(slots=True)
class Halves:
    """Day and time of day of moments where the places of both are fixed; each is read once and remembered."""

    end: int
    """Where the day ends."""
    day: Callable[[str], str]
    hours_by_width: dict[int, Callable[[str], str]]
    clock: WallClock
    _days: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _hours: dict[str, str] = field(default_factory=dict)

    def parts(self, text: str) -> tuple[tuple[str, ...], str] | None:
        """How the day begins in FHIR with the offset of all its times, and the time of day.

        Nothing when the text is no moment of these forms, or the clocks are turned on its day.
        """
        before, after = text[: self.end], text[self.end :]
        day = self._days.get(before)
        if day is None:
            day = _kept(self._days, before, self._day_and_offset(before))
        hour = self._hours.get(after)
        if hour is None:
            read = self.hours_by_width.get(len(after))
            hour = _kept(self._hours, after, "" if read is None else read(after))
        return (day, hour) if day and hour else None

    def _day_and_offset(self, text: str) -> tuple[str, ...]:
        day = self.day(text)
        offset = self.clock.offset_on(day) if day else None
        return (f"{day}T", offset) if offset else ()


def _kept(held: dict[str, Half], text: str, told: Half) -> Half:
    if len(held) >= MOST_REMEMBERED:
        held.clear()
    held[text] = told
    return told


def halves_of(form: str | None, clock: WallClock) -> Halves | None:
    """What takes day and time of day apart in moments of this format; nothing where they have no fixed places."""
    forms = _ISO_FORMS if form is None else _HL7_FORMS if form == HL7 else (form,)
    cut = [one for one in map(_cut_in_two, forms) if one is not None]
    if not cut or len({(day, end) for day, end, _ in cut}) > 1:
        return None
    day, end, _ = cut[0]
    hours = {
        _width(written): _quietly(
            moment_reader("%d%m%Y" + written), lambda moment: _hour_text(moment.at.time()), "01012000"
        )
        for _, _, written in cut
    }
    return Halves(end, _quietly(moment_reader(day), partial_iso), hours, clock)


def _cut_in_two(form: str) -> tuple[str, int, str] | None:
    """The format of the day, its width, and the format of the time, where a day of fixed width stands before a time."""
    parts = re.findall(r"%(.)|([^%]+)", form)
    letters = [letter for letter, _ in parts if letter]
    if sorted(letters[:3]) != ["Y", "d", "m"] or letters[3:] not in (["H", "M"], ["H", "M", "S"]):
        return None
    after = [place for place, (letter, _) in enumerate(parts) if letter][2] + 1
    day, hour = (
        "".join(f"%{letter}" if letter else literal for letter, literal in half) for half in _cut(parts, after)
    )
    return day, _width(day), hour


def _width(form: str) -> int:
    return sum(_WIDTHS[letter] if letter else len(literal) for letter, literal in re.findall(r"%(.)|([^%]+)", form))


def _cut(parts: list[tuple[str, str]], after: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    return parts[:after], parts[after:]


def _quietly(read: MomentReader, write: Callable[[Moment], str], before: str = "") -> Callable[[str], str]:
    """The half as FHIR writes it; empty when it does not read."""

    def half(text: str) -> str:
        try:
            return write(read(before + text))
        except (ValueError, OverflowError):
            return ""

    return half
