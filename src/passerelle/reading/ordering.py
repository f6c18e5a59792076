"""Which version is the newer one, as a text whose bytes compare as the versions do."""

from collections.abc import Callable
from datetime import datetime

from passerelle.contracts.source import Column, Table
from passerelle.ids import canonical_text
from passerelle.reading.canonical import INTEGER, canonicalizer, decimal_of
from passerelle.reading.hl7v2 import Message, message_of
from passerelle.reading.moments import AmbiguousTime, Clock, hl7_moment, moment_reader
from passerelle.reading.unreadable import Row, Unreadable
from passerelle.records import Reason

OrderReader = Callable[[Row, str], str]
_Text = Callable[[str], str]

_DIGITS = 38
_HIGHEST = 10**_DIGITS - 1
_DECIMALS = 12


def order_reader(table: Table, *, zone: str) -> OrderReader:
    """What reads the order of a row, given the row and the snapshot text of its export.

    - `column`: moments as UTC with microseconds, days as ISO, numbers zero-padded, other texts as they are;
    - `message`: EVN-2 (MSH-7 when it is empty), then MSH-7, then MSH-13 zero-padded;
    - `snapshot`: the snapshot text.

    The result raises Unreadable: BAD_ORDER when nothing readable is there, AMBIGUOUS_TIME when the local time occurs
    twice or never. The place is the column or the field of the message.
    """
    if table.order.snapshot:
        return _snapshot
    if table.order.message:
        by_message = message_order(zone)
        return lambda row, _: by_message(message_of(row))
    name = table.order.column
    if name is None:
        raise ValueError("an order has exactly one origin")
    return _by_column(table, name, zone)


def _snapshot(_row: Row, snapshot: str) -> str:
    if not snapshot:
        raise Unreadable(Reason.BAD_ORDER)
    return snapshot


def _by_column(table: Table, name: str, zone: str) -> OrderReader:
    column = table.columns[name]
    slot = list(table.columns).index(name)
    text_of = _text_reader(column, table.dialect.decimal if table.dialect else ".", zone)

    def order(row: Row, _snapshot: str) -> str:
        text = row[slot]
        if not text:
            raise Unreadable(Reason.BAD_ORDER, name)
        try:
            return text_of(text)
        except AmbiguousTime:
            raise Unreadable(Reason.AMBIGUOUS_TIME, name) from None
        except (ValueError, OverflowError, Unreadable):
            raise Unreadable(Reason.BAD_ORDER, name) from None

    return order


def _text_reader(column: Column, decimal: str, zone: str) -> _Text:
    if column.type == "datetime":
        read, clock = moment_reader(column.format), Clock(zone)
        return lambda text: utc_text(clock.utc(read(text).at))
    if column.type == "integer":
        return _integer
    if column.type == "decimal":
        return lambda text: _decimal(text, decimal)
    if column.type == "string":
        return canonical_text
    return canonicalizer(column, zone=zone, decimal=decimal)


def utc_text(at: datetime) -> str:
    """An instant in UTC, always of the same length."""
    return f"{at.isoformat(timespec='microseconds')}Z"


def _integer(text: str) -> str:
    if not INTEGER.fullmatch(text) or len(text) > _DIGITS:
        raise ValueError("not an integer, or too long a one")
    return _padded(int(text))


def _decimal(text: str, mark: str) -> str:
    scaled = decimal_of(text, mark).scaleb(_DECIMALS)
    if len(text) > _DIGITS - _DECIMALS or scaled != scaled.to_integral_value():
        raise ValueError("too many digits")
    return _padded(int(scaled))


def _padded(number: int) -> str:
    """Negative numbers start with 0 and count down from the highest, others start with 1."""
    return f"1{number:0{_DIGITS}d}" if number >= 0 else f"0{_HIGHEST + number:0{_DIGITS}d}"


def message_order(zone: str) -> Callable[[Message], str]:
    """What reads the order of an HL7 v2 message: EVN-2, then MSH-7, then MSH-13.

    The result raises Unreadable as `order_reader` says.
    """
    clock = Clock(zone)

    def moment(text: str, place: str) -> str:
        try:
            return utc_text(clock.utc(hl7_moment(text).at))
        except AmbiguousTime:
            raise Unreadable(Reason.AMBIGUOUS_TIME, place) from None
        except (ValueError, OverflowError):
            raise Unreadable(Reason.BAD_ORDER, place) from None

    def order(message: Message) -> str:
        sent, recorded = message.text("MSH", 7), message.text("EVN", 2)
        if sent is None and recorded is None:
            raise Unreadable(Reason.BAD_ORDER, "EVN-2")
        first = moment(recorded, "EVN-2") if recorded else moment(sent or "", "MSH-7")
        second = first if sent == recorded or not recorded else moment(sent, "MSH-7") if sent else ""
        number = message.text("MSH", 13) or ""
        if number and not (number.isdigit() and number.isascii() and len(number) <= 15):
            raise Unreadable(Reason.BAD_ORDER, "MSH-13")
        return f"{first} {second} {number.zfill(15) if number else ''}"

    return order
