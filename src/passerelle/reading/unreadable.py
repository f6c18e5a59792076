"""What every reader promises, and what it raises when it cannot keep it."""

import codecs
from functools import cache
from typing import Any, Protocol

from passerelle.records import Reason

Row = list[Any]
"""The values of `table.columns` in order (text or None), then one list of occurrences per in-record repeat."""


class Unreadable(Exception):
    """A raw record, key or order cannot be read: why, and at which column or field. Never a value."""

    def __init__(self, reason: Reason, place: str = "") -> None:
        super().__init__(f"{reason.value} at {place}" if place else reason.value)
        self.reason = reason
        self.place = place


class Reader(Protocol):
    """Reads the raw records of one table."""

    slots: tuple[str, ...]
    repeats: tuple[str, ...]

    def parse(self, raw: bytes) -> Row:
        """The record as a row.

        Raises:
            Unreadable: the bytes are not one record of this table.
        """
        ...


CONTROLS = bytes(code for code in range(32) if code != 9)


@cache
def harmless_in(charset: str) -> bytes:
    """Every byte that is no part of a control character; a tab is harmless.

    What is left after deleting them needs a closer look: of UTF-8 also the byte with which C1 controls begin, and
    some signs with them.
    """
    if codecs.lookup(charset).name == "utf-8":
        suspect = CONTROLS + b"\xc2"
    else:
        suspect = bytes(code for code in range(256) if _is_control(code, charset))
    return bytes(code for code in range(256) if code not in suspect)


def _is_control(code: int, charset: str) -> bool:
    """Whether the byte is a C0 or C1 control: the latter are what bytes of Windows become when read as Latin-1."""
    sign = bytes([code]).decode(charset, "replace")
    return sign != "\t" and (sign < " " or "\x80" <= sign <= "\x9f")
