"""What a window is, whatever kind of source it reads: bounds that are written first, and records that come after."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from passerelle.contracts.source import Source, Table
from passerelle.records import Reason

Json = Any
"""What JSON can hold: bounds and checkpoints are stored as JSON."""


class Raw(NamedTuple):
    """One record as it came."""

    data: bytes
    snapshot: str = ""
    """The number or date of the full export that it lies in."""
    stopped: tuple[Reason, str] | None = None
    """Why the whole file, which this is, cannot be split; and where."""
    late: bool = False
    """Its cursor lies before what earlier windows had read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which table is landed, by which clock, and the window that was asked for by name."""

    source: Source
    table_name: str
    as_of: datetime
    since: str | None = None
    until: str | None = None

    @property
    def table(self) -> Table:
        """The table's contract."""
        return self.source.tables[self.table_name]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a window will read: `clear` tells of nobody, `private` may and is sealed."""

    clear: Json
    private: Json


class Reading(Protocol):
    """A window being read."""

    told: Counter[str]
    """What happened on the way, for the run log."""

    def records(self) -> Iterator[Raw]:
        """The records of the window, from where reading goes on."""

    def checkpoint(self) -> Json | None:
        """Where reading stands behind the last record that was given; None if it goes on by counting."""

    def mark(self) -> Json:
        """What later windows of the table begin from, once all records were read."""


class Reader(Protocol):
    """A source opened for one land."""

    def open(self, mark: Json | None, told: Counter[str]) -> Bounds | None:
        """The bounds of a new window; None if it is known beforehand that nothing new is there."""

    def read(self, bounds: Bounds, mark: Json | None, parts: int, checkpoint: Json | None) -> Reading:
        """The window with these bounds; its first `parts` partitions were landed before, up to the checkpoint."""

    def close(self) -> None:
        """The source is left."""
