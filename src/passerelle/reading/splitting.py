r"""Files into raw records, as a stream: the file may be larger than memory.

A quote that is never closed makes the rest of the file one record: nothing after it can be told apart.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from passerelle.contracts.source import Dialect, Table
from passerelle.reading.delimited import HEADER_MARK, CellReader, dialect_of, header_names, place_in_header
from passerelle.reading.hl7v2 import MOST_BYTES
from passerelle.reading.unreadable import Unreadable
from passerelle.records import Reason

_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20
_MESSAGE_START = re.compile(rb"[\r\n\x0b]MSH(?=[^0-9A-Za-z\r\n])")
_ENVELOPE = re.compile(rb"(?:FHS|BHS|BTS|FTS)[^0-9A-Za-z\r\n][^\r\n]*")
_START_LENGTH = 5
_FRAME_START, _FRAME_END = b"\x0b", b"\x1c"
_FRAMED = _FRAME_START + b"MSH"
_AROUND = b"\r\n" + _FRAME_START + _FRAME_END
_MOST_WAITING = 4 * MOST_BYTES
"""Bytes without the start of a message; the memory holds them."""


def split_file(table: Table, file: BinaryIO) -> Iterator[bytes]:
    """The raw records of a delimited or HL7 v2 file.

    Raises:
        Unreadable: its header cannot be read or lacks a declared column, so that no record of it can be.
    """
    if table.format == "hl7v2":
        return split_messages(file)
    if table.format == "delimited":
        return split_lines(table, file)
    raise ValueError(f"records of format {table.format} do not come in files")


def split_lines(table: Table, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a delimited file after its header, without their ends. Empty lines are no records.

    Raises:
        Unreadable: the header cannot be read or lacks a declared column.
    """
    dialect = dialect_of(table)
    declared = header_names(table)
    lines = _whole_lines(file, dialect)
    header = next(lines, b"")
    if not header:
        raise Unreadable(Reason.EMPTY_FILE, declared[0])
    if header.startswith(_BOM) and dialect.charset.lower().replace("_", "-") in {"utf-8", "utf8"}:
        if dialect.byte_order_mark == "refuse":
            raise Unreadable(Reason.BYTE_ORDER_MARK, declared[0])
        header = header[len(_BOM) :]
    written = CellReader(dialect).read(header, None)
    front = HEADER_MARK + header + HEADER_MARK
    if tuple(written) == declared:
        for line in lines:
            # A line that begins as one with its header in front brings none: it stops at that sign.
            yield front + line if line.startswith(HEADER_MARK) else line
        return
    if len(written) == 1 and len(declared) > 1 and written[0] not in declared:
        raise Unreadable(Reason.WRONG_DELIMITER, f"`delimiter: {json.dumps(dialect.delimiter)}`")
    for name in declared:
        place_in_header(name, written)
    for line in lines:
        yield front + line


def _whole_lines(file: BinaryIO, dialect: Dialect) -> Iterator[bytes]:
    """Lines, joined where a quote spans them, without their ends and without empty ones."""
    quote, delimiter = dialect.quote.encode(dialect.charset), dialect.delimiter.encode(dialect.charset)
    waiting: list[bytes] = []
    for line in file:
        if waiting or quote in line:
            is_open = _ends_in_quotes(line, quote, delimiter, inside=bool(waiting))
            waiting.append(line)
            if is_open:
                continue
            line = b"".join(waiting)  # noqa: PLW2901 - the whole of it
            waiting.clear()
        if bare := _without_end(line):
            yield bare
    if waiting:
        yield _without_end(b"".join(waiting))


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _ends_in_quotes(line: bytes, quote: bytes, delimiter: bytes, *, inside: bool) -> bool:
    """Whether a quote is still open at the end of the line. A quote opens only where a cell begins."""
    place = 0
    while True:
        if inside or line.startswith(quote, place):
            end = line.find(quote, place if inside else place + len(quote))
            while end >= 0 and line.startswith(quote, end + len(quote)):
                end = line.find(quote, end + 2 * len(quote))
            if end < 0:
                return True
            place, inside = end + len(quote), False
        place = line.find(delimiter, place)
        if place < 0:
            return False
        place += len(delimiter)


def split_messages(file: BinaryIO) -> Iterator[bytes]:
    """The messages of a file: each begins with MSH at the start of a line. What is none of them is a record as well.

    Vertical tabs and file separators around messages, batch headers (FHS, BHS) and trailers (BTS, FTS) belong to no
    message. A message whose frame was opened and never closed was cut; it keeps the vertical tab, which no message
    begins with.

    Raises:
        Unreadable: a trailer counts other messages than there are, or a message is so long that it can be none.
    """
    batch = _Counted()
    for piece in _pieces(file):
        heads, record, trailers = _bare_message(piece)
        for line in heads:
            batch.pass_by(line)
        if record:
            batch.messages += 1
            yield record
        for line in trailers:
            batch.pass_by(line)


@dataclass
class _Counted:
    """How many messages the batch has so far."""

    messages: int = 0

    def pass_by(self, line: bytes) -> None:
        """A header of a batch begins to count; its trailer says what there must be."""
        if line.startswith(b"BHS"):
            self.messages = 0
        elif line.startswith(b"BTS"):
            said = line.split(line[3:4])[1].strip()
            if said and (said.lstrip(b"0") or b"0") != b"%d" % self.messages:
                raise Unreadable(Reason.NOT_A_RECORD, "BTS-1")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The file, cut where messages begin. Each byte is looked at once, but for the few that a start may lie across."""
    waiting = bytearray()
    while chunk := file.read(_CHUNK):
        looked = max(len(waiting) - _START_LENGTH, 0)
        waiting += chunk
        start = 0
        for found in _MESSAGE_START.finditer(waiting, looked):
            begins = found.start() + (found[0][:1] != b"\x0b")
            yield bytes(waiting[start:begins])
            start = begins
        del waiting[:start]
        if len(waiting) > _MOST_WAITING:
            raise Unreadable(Reason.NOT_A_RECORD, "MSH")
    yield bytes(waiting)


def _bare_message(raw: bytes) -> tuple[list[bytes], bytes, list[bytes]]:
    """The headers before a message, the message alone, and the trailers behind it."""
    heads: list[bytes] = []
    trailers: list[bytes] = []
    bare = raw.removeprefix(_BOM)
    is_framed = bare.startswith(_FRAMED)
    bare = bare.strip(_AROUND)
    while found := _ENVELOPE.match(bare):
        heads.append(found[0])
        bare = bare[found.end() :].strip(_AROUND)
    while found := _ENVELOPE.fullmatch(bare[max(bare.rfind(b"\r"), bare.rfind(b"\n")) + 1 :]):
        trailers.append(found[0])
        bare = bare[: -len(found[0])].strip(_AROUND)
    if is_framed and _FRAME_END not in raw:
        bare = _FRAME_START + bare
    return heads, bare, trailers[::-1]
