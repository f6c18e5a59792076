"""What every reader promises, and what it raises when it cannot keep it."""

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
HARMLESS = bytes(code for code in range(256) if code not in CONTROLS)
"""Every byte but the C0 controls; a tab is harmless. What is left after deleting them needs a closer look."""
