r"""HL7 v2 messages, split once and read on demand.

A path names one value: `PID-5.1.1` is segment, field, component, subcomponent, in the first segment of that name and
the first repetition of that field. A path that stops early means the first part below it: `PV1-2` is `PV1-2.1.1`.
Escapes (`\F\ \S\ \T\ \R\ \E\ \P\ \Xhh\ \.br\`) are read once; unknown ones stay as they are. An explicit nothing
(`""`) is None, like an empty field.

Every line is a segment, and a message has one MSH. Where a line is none, or a header begins in the middle of a line,
another message or a line end inside a text lies there: the message stops, as nobody knows whose the rest is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from passerelle.contracts.source import Repeat, Table
from passerelle.reading.unreadable import CONTROLS, Row, Unreadable, harmless_in
from passerelle.records import Reason

NOTHING = '""'
_NO_VALUE = frozenset({"", NOTHING})
_ABSENT = "\0"
"""Stands for a delimiter that MSH-2 does not declare: a message with this character in it is not read."""
_BEHIND_ESCAPE = 7
"""Where in MSH the sign that MSH-2 declares for escapes can stand again."""
_LINE_ENDS = b"\r\n"
_CONTROL = re.compile(f"[{re.escape((CONTROLS.translate(None, _LINE_ENDS)).decode('ascii'))}\x80-\x9f]")
MOST_BYTES = 16 * 1024 * 1024
"""A longer message is none."""
_HEADER = re.compile(r"MSH([^\w\s])((?:(?!\1)[^\w\s]){3,5})\1", re.IGNORECASE)
_PATH = re.compile(r"([A-Z][A-Z0-9]{2})-([0-9]+)(?:\.([0-9]+)(?:\.([0-9]+))?)?")
_PLACE = re.compile(r"([0-9]+)(?:\.([0-9]+)(?:\.([0-9]+))?)?")
_CHARSETS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2, and the charset in which hexadecimal escapes are read."""

    field: str
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = _ABSENT
    codec: str = "utf-8"


@cache
def delimiters_of(field: str, encoding: str, codec: str) -> Delimiters | None:
    """The delimiters that a header declares; None when they contradict each other."""
    signs = field + encoding
    if not 1 <= len(encoding) <= 5 or len(set(signs)) != len(signs) or any(sign.isalnum() for sign in signs):
        return None
    component, repetition, escape, subcomponent, truncation = list(encoding.ljust(5, _ABSENT))
    return Delimiters(field, component, repetition, escape, subcomponent, truncation, codec)


def unescaped(text: str, delimiters: Delimiters) -> str:
    """The text with its escapes read once."""
    return _escapes(delimiters.escape).sub(_reading(delimiters), text)


@cache
def _escapes(sign: str) -> re.Pattern[str]:
    sign = re.escape(sign)
    return re.compile(f"{sign}((?:(?!{sign}).)*){sign}", re.DOTALL)


@cache
def _reading(delimiters: Delimiters) -> Callable[[re.Match[str]], str]:
    said = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation,
        ".br": "\n",
        "H": "",
        "N": "",
    }
    said = {name: sign for name, sign in said.items() if sign != _ABSENT}

    def read(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("X"):
            try:
                return bytes.fromhex(name[1:]).decode(delimiters.codec)
            except ValueError:
                return found[0]
        return said.get(name, found[0])

    return read


def part_of(text: str, component: int, subcomponent: int, delimiters: Delimiters) -> str | None:
    """One leaf of one repetition of a field, unescaped; None when it is empty or an explicit nothing."""
    if delimiters.component in text:
        parts = text.split(delimiters.component)
        text = parts[component - 1] if component <= len(parts) else ""
    elif component > 1:
        return None
    if delimiters.subcomponent in text:
        parts = text.split(delimiters.subcomponent)
        text = parts[subcomponent - 1] if subcomponent <= len(parts) else ""
    elif subcomponent > 1:
        return None
    if delimiters.escape in text:
        text = unescaped(text, delimiters)
    return None if text in _NO_VALUE else text


class Message:
    """One message: its segments as text, their fields split when they are first asked for."""

    __slots__ = ("_fields", "_firsts", "_places", "delimiters", "has_escapes", "segments")

    def __init__(self, segments: list[str], delimiters: Delimiters) -> None:
        self.segments = segments
        self.delimiters = delimiters
        self.has_escapes = segments[0].find(delimiters.escape, _BEHIND_ESCAPE) >= 0 or any(
            delimiters.escape in segment for segment in segments[1:]
        )
        self._fields: dict[int, list[str]] = {}
        self._firsts: dict[str, list[str]] = {}
        self._places: dict[str, list[int]] = {}
        for place, segment in enumerate(segments):
            name = segment[:3]
            if name in self._places:
                self._places[name].append(place)
            else:
                self._places[name] = [place]

    def count(self, name: str) -> int:
        """How many segments of this name are there."""
        return len(self._places.get(name, ()))

    def first(self, name: str) -> list[str] | None:
        """The fields of the first segment of this name, at their numbers; the name is at 0."""
        fields = self._firsts.get(name)
        if fields is None and name in self._places:
            fields = self._firsts[name] = self._split(self._places[name][0])
        return fields

    def every(self, name: str) -> list[list[str]]:
        """The fields of every segment of this name."""
        return [self._split(place) for place in self._places.get(name, ())]

    def text(self, name: str, field: int, component: int = 1, subcomponent: int = 1) -> str | None:
        """One value, as a path names it."""
        fields = self.first(name)
        return None if fields is None else self.leaf(fields, field, component, subcomponent)

    def leaf(self, fields: Sequence[str], field: int, component: int = 1, subcomponent: int = 1) -> str | None:
        """One value of a split segment: of the first repetition of the field."""
        if field >= len(fields) or not fields[field]:
            return None
        text = fields[field]
        if self.delimiters.repetition in text:
            text = text[: text.index(self.delimiters.repetition)]
        return part_of(text, component, subcomponent, self.delimiters)

    def part(self, text: str, component: int, subcomponent: int = 1) -> str | None:
        """One value of one repetition."""
        return part_of(text, component, subcomponent, self.delimiters)

    def repetitions(self, fields: Sequence[str], field: int) -> list[str]:
        """The repetitions of a field that are not empty, still escaped."""
        if field >= len(fields) or not fields[field]:
            return []
        said = fields[field].split(self.delimiters.repetition)
        return [text for text in said if text not in _NO_VALUE]

    def whole(self) -> str:
        r"""The message with its segments ended by \r, for comparing."""
        return "\r".join(self.segments)

    def forget(self) -> None:
        """What was split is given back: many rows may wait with their messages. It is split again when asked for."""
        self._fields.clear()
        self._firsts.clear()

    def _split(self, place: int) -> list[str]:
        fields = self._fields.get(place)
        if fields is None:
            segment = self.segments[place]
            fields = segment.split(self.delimiters.field)
            if place == 0:
                fields.insert(1, self.delimiters.field)
            self._fields[place] = fields
            self.adapt(fields)
        return fields

    def adapt(self, fields: list[str]) -> None:
        """A profile may change the fields of a segment when it is split, before anybody reads them."""


class MessageRow(list[Any]):
    """A row that still knows its message: a fold asks for more than the columns that a table declares."""

    __slots__ = ("message",)

    message: Message


def message_of(row: Row) -> Message:
    """The message a row was read from.

    Raises:
        TypeError: the row was not read from a message.
    """
    if not isinstance(row, MessageRow):
        raise TypeError("only a row that the HL7 v2 reader made knows its message")
    return row.message


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. Parts that are not said are 1."""

    segment: str
    field: int
    component: int
    subcomponent: int


def parse_path(text: str) -> Path:
    """The parts of a path like `PID-5.1`.

    Raises:
        ValueError: it is none.
    """
    found = _PATH.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no HL7 v2 path; wanted: segment, field, component as in PID-5.1")
    if text in {"MSH-1", "MSH-2"}:
        raise ValueError(f"{text} declares the delimiters and is no value")
    return Path(found[1], int(found[2]), int(found[3] or 1), int(found[4] or 1))


def message_from(raw: bytes, charset: str, make: Callable[[list[str], Delimiters], Message] = Message) -> Message:
    r"""The message in these bytes, decoded by MSH-18 (by `charset` when it is empty); lines may end in \r, \n or both.

    Raises:
        Unreadable: it is no message, or its bytes are not text in its charset.
    """
    header = _header(raw)
    if not header[8].strip() or not header[9].strip():
        raise Unreadable(Reason.NOT_A_RECORD)
    codec = _declared(header, charset)
    try:
        delimiters = delimiters_of(raw[3:4].decode("ascii"), header[1].decode("ascii"), codec)
        text = raw.decode("ascii" if raw.isascii() else codec)
    except UnicodeDecodeError:
        raise Unreadable(Reason.UNDECODABLE_BYTES) from None
    if delimiters is None:
        raise Unreadable(Reason.NOT_A_RECORD, "MSH-2")
    if b"\n" in raw:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    segments = [segment for segment in text.split("\r") if segment]
    _judge_segments(segments, delimiters.field)
    message = make(segments, delimiters)
    if raw.translate(None, harmless_in(codec) + _LINE_ENDS) and _CONTROL.search(text):
        raise Unreadable(Reason.FORBIDDEN_CHARACTER, _place_of_control(message))
    return message


def charset_of(raw: bytes, default: str) -> str:
    """The charset that MSH-18 declares; the default when it is empty.

    Raises:
        Unreadable: it is no message, or declares a charset that is none.
    """
    return _declared(_header(raw), default)


def _header(raw: bytes) -> list[bytes]:
    """The fields of MSH, MSH-2 at 1."""
    if raw[:3] != b"MSH" or not 8 <= len(raw) <= MOST_BYTES:
        raise Unreadable(Reason.NOT_A_RECORD)
    header = _first_line(raw).split(raw[3:4])
    if len(header) < 10:
        raise Unreadable(Reason.NOT_A_RECORD)
    return header


def _judge_segments(segments: list[str], separator: str) -> None:
    """Each line is a segment, and only the first is a header."""
    is_segment = _segment_start(separator).match
    before = ""
    for place, segment in enumerate(segments):
        if not is_segment(segment) or (place and segment.startswith("MSH")):
            raise Unreadable(Reason.NOT_A_RECORD, before)
        before = segment[:3]
        if "MSH" in segment[3:].upper() and any(
            len(set(found[2])) == len(found[2]) for found in _HEADER.finditer(segment, 3)
        ):
            raise Unreadable(Reason.NOT_A_RECORD, before)


@cache
def _segment_start(separator: str) -> re.Pattern[str]:
    return re.compile(f"[A-Z][A-Z0-9]{{2}}(?:{re.escape(separator)}|$)")


def _first_line(raw: bytes) -> bytes:
    ends = [place for place in (raw.find(b"\r"), raw.find(b"\n")) if place >= 0]
    return raw[: min(ends)] if ends else raw


def _declared(header: list[bytes], default: str) -> str:
    return _codec(header[17] if len(header) > 17 else b"", header[1], default)


def _codec(declared: bytes, encoding: bytes, default: str) -> str:
    name = declared.split(encoding[1:2] or b"~")[0].decode("latin-1").strip().upper()
    if not name:
        return default
    if name not in _CHARSETS:
        raise Unreadable(Reason.UNDECODABLE_BYTES, "MSH-18")
    return _CHARSETS[name]


def _place_of_control(message: Message) -> str:
    for segment in message.segments:
        for number, field in enumerate(segment.split(message.delimiters.field)):
            if _CONTROL.search(field):
                return f"{segment[:3]}-{number + (segment[:3] == 'MSH')}"
    return ""


_Wanted = tuple[int, int, int]
"""The slot of a column, and the component and subcomponent it reads, counted from 0."""


def _fill(
    row: Row, fields: Sequence[str], by_field: Sequence[tuple[int, Sequence[_Wanted]]], delimiters: Delimiters
) -> None:
    """The columns of one segment are in the row. What `Message.leaf` does, each field split once."""
    count = len(fields)
    repetition, escape = delimiters.repetition, delimiters.escape
    for field, wanted in by_field:
        if field >= count or not (text := fields[field]):
            continue
        if repetition in text:
            text = text[: text.index(repetition)]
        parts = text.split(delimiters.component)
        for slot, component, subcomponent in wanted:
            if component >= len(parts) or not (value := parts[component]):
                continue
            if delimiters.subcomponent in value:
                leaves = value.split(delimiters.subcomponent)
                value = leaves[subcomponent] if subcomponent < len(leaves) else ""
            elif subcomponent:
                continue
            if escape in value:
                value = unescaped(value, delimiters)
            row[slot] = None if value in _NO_VALUE else value


Virtual = Callable[[Message], str | None]
_Occurrences = Callable[[Message], list[Row]]


class Hl7Reader:
    """Reads messages by the declared paths of a table.

    `virtual` fills columns whose path starts with `@`; those it does not know stay None, for the fold to fill.
    """

    def __init__(
        self,
        table: Table,
        *,
        make: Callable[[list[str], Delimiters], Message] = Message,
        virtual: Mapping[str, Virtual] | None = None,
        judge: Callable[[Message], None] | None = None,
    ) -> None:
        repeats = {name: repeat for name, repeat in table.repeats.items() if repeat.path is not None}
        self.slots = tuple(table.columns)
        self.repeats = tuple(repeats)
        self._charset = table.messages.charset if table.messages else "utf-8"
        self._make = make
        self._judge = judge
        self._occurrences = [_occurrences_of(repeat) for repeat in repeats.values()]
        self._virtual: list[tuple[int, Virtual]] = []
        plan: dict[str, dict[int, list[_Wanted]]] = {}
        for slot, (name, column) in enumerate(table.columns.items()):
            said = column.path or name
            if said.startswith("@"):
                if virtual and said in virtual:
                    self._virtual.append((slot, virtual[said]))
                continue
            path = parse_path(said)
            wanted = plan.setdefault(path.segment, {}).setdefault(path.field, [])
            wanted.append((slot, path.component - 1, path.subcomponent - 1))
        self._plan = [(segment, list(by_field.items())) for segment, by_field in plan.items()]
        self._said = [column.path or name for name, column in table.columns.items()]

    def parse(self, raw: bytes) -> Row:
        """The message as a row of the declared columns and repeats.

        Raises:
            Unreadable: it is no message of this table.
        """
        message = message_from(raw, self._charset, self._make)
        if message.count("PID") != 1:
            raise Unreadable(Reason.NOT_A_RECORD, "PID" if message.count("PID") else "")
        row = MessageRow([None] * len(self.slots))
        row.message = message
        if self._judge:
            self._judge(message)
        for name, by_field in self._plan:
            fields = message.first(name)
            if fields is not None:
                _fill(row, fields, by_field, message.delimiters)
        if message.has_escapes:
            for said, value in zip(self._said, row, strict=True):
                _check(value, said)
        for slot, read in self._virtual:
            row[slot] = read(message)
        for name, occurrences in zip(self.repeats, self._occurrences, strict=True):
            found = occurrences(message)
            row.append(found)
            if message.has_escapes:
                _check_all(found, name)
        message.forget()
        return row


def _occurrences_of(repeat: Repeat) -> _Occurrences:
    """What reads the occurrences of a repeat: of a segment (`ZBE`) or of a field (`PID-3`)."""
    said = repeat.path or ""
    if "-" in said:
        path = parse_path(said)
        if repeat.repeats:
            raise ValueError(f"the repetitions of {said} do not repeat further")
        read_one = _component_reader(repeat)

        def of_field(message: Message) -> list[Row]:
            fields = message.first(path.segment)
            return read_one(message, fields, path.field) if fields is not None else []

        return of_field
    read_segment = _segment_reader(repeat)
    return lambda message: [read_segment(message, fields) for fields in message.every(said)]


def _component_reader(repeat: Repeat) -> Callable[[Message, Sequence[str], int], list[Row]]:
    places = [_place(place, repeat.path) for place in repeat.fields.values()]
    if any(third is not None for _, _, third in places):
        raise ValueError(f"inside {repeat.path} a place is a component or a subcomponent: 4 or 4.2")
    wanted = [(component, subcomponent or 1) for component, subcomponent, _ in places]

    def read(message: Message, fields: Sequence[str], field: int) -> list[Row]:
        return [
            [part_of(text, one, two, message.delimiters) for one, two in wanted]
            for text in message.repetitions(fields, field)
        ]

    return read


def _segment_reader(repeat: Repeat) -> Callable[[Message, Sequence[str]], Row]:
    wanted = [
        (field, component or 1, subcomponent or 1)
        for field, component, subcomponent in (_place(place, repeat.path) for place in repeat.fields.values())
    ]
    nested = [
        (_place((inner.path or "").rpartition("-")[2], repeat.path)[0], _component_reader(inner))
        for inner in repeat.repeats.values()
    ]

    def read(message: Message, fields: Sequence[str]) -> Row:
        row: Row = [message.leaf(fields, *place) for place in wanted]
        row += [read_one(message, fields, field) for field, read_one in nested]
        return row

    return read


def _place(text: str, path: str | None) -> tuple[int, int | None, int | None]:
    found = _PLACE.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no place inside {path}; wanted: numbers as in 4 or 4.2")
    return int(found[1]), int(found[2]) if found[2] else None, int(found[3]) if found[3] else None


def _check_all(rows: list[Row], place: str) -> None:
    for row in rows:
        for value in row:
            if isinstance(value, list):
                _check_all(value, place)
            else:
                _check(value, place)


def _check(value: str | None, place: str) -> None:
    """No escape stood for a control character."""
    if value is not None and not value.isprintable() and _CONTROL.search(value):
        raise Unreadable(Reason.FORBIDDEN_CHARACTER, place)
