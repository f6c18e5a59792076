"""The one text of a key value: however a source writes the same value, its key is the same."""

import re
from collections.abc import Callable
from decimal import Decimal

from passerelle.contracts.source import Column
from passerelle.ids import canonical_text
from passerelle.reading.moments import Clock, moment_reader, partial_iso, read_time
from passerelle.reading.unreadable import Unreadable
from passerelle.records import Reason

Canonical = Callable[[str], str]

INTEGER = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 4_000
"""Python refuses to read longer numbers; no key is that long."""


def canonicalizer(column: Column, *, zone: str, decimal: str, name: str = "") -> Canonical:
    """What turns a column's texts into canonical key text.

    Strings are in NFC and otherwise untouched, integers and decimals have no needless zeros, days and moments are ISO
    (moments on the clock of `zone`), booleans `true` or `false`. The result raises Unreadable, with `name` as the
    place, when a text is not of the column's type.
    """
    if column.type == "string":
        return canonical_text
    read, reason = _reader(column, zone, decimal)

    def canonical(text: str) -> str:
        try:
            return read(text)
        except (ValueError, OverflowError):
            raise Unreadable(reason, name) from None

    return canonical


def _reader(column: Column, zone: str, decimal: str) -> tuple[Canonical, Reason]:
    if column.type == "integer":
        return _integer, Reason.NOT_A_NUMBER
    if column.type == "decimal":
        return _decimal(decimal), Reason.NOT_A_NUMBER
    if column.type == "boolean":
        return _boolean(column), Reason.NOT_A_BOOLEAN
    if column.type == "time":
        return lambda text: read_time(text, column.format).isoformat(), Reason.NOT_A_DATETIME
    if column.type == "date":
        read = moment_reader(column.format)
        return lambda text: partial_iso(read(text)), Reason.NOT_A_DATE
    return _datetime(column, zone), Reason.NOT_A_DATETIME


def _integer(text: str) -> str:
    if not INTEGER.fullmatch(text) or len(text) > _MOST_DIGITS:
        raise ValueError("not an integer")
    return str(int(text))


def decimal_of(text: str, mark: str) -> Decimal:
    """The number a text with this decimal mark writes.

    Raises:
        ValueError: it writes none.
    """
    if not re.fullmatch(rf"[+-]?[0-9]+(?:{re.escape(mark)}[0-9]+)?", text):
        raise ValueError("not a decimal")
    return Decimal(text.replace(mark, "."))


def _decimal(mark: str) -> Canonical:
    def canonical(text: str) -> str:
        plain = format(decimal_of(text, mark), "f")
        if "." in plain:
            plain = plain.rstrip("0").rstrip(".")
        return "0" if plain == "-0" else plain

    return canonical


def _boolean(column: Column) -> Canonical:
    meaning = dict.fromkeys(column.false or ("false",), "false") | dict.fromkeys(column.true or ("true",), "true")

    def canonical(text: str) -> str:
        if text not in meaning:
            raise ValueError("not a boolean")
        return meaning[text]

    return canonical


def _datetime(column: Column, zone: str) -> Canonical:
    read, clock = moment_reader(column.format), Clock(zone)

    def canonical(text: str) -> str:
        moment = read(text)
        if moment.precision != "time":
            return partial_iso(moment)
        wall = clock.wall(moment.at)
        if moment.at.tzinfo is not None and clock.is_turned_at(wall):
            return moment.at.astimezone(clock.zone).isoformat()
        return wall.isoformat()

    return canonical
