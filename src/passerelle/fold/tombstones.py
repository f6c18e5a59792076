"""Which records are tombstones, as far as they were read: what lies at a place never changes."""

from collections.abc import Mapping
from typing import Final

from passerelle.records import PARTITION_ROWS

_UNKNOWN, _LIVING, _GONE = range(3)
_MOST_PARTITIONS: Final = 400


class Tombstones:
    """A byte for each record of the partitions that were looked into, bounded."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, int], bytearray] = {}

    def note(self, told: Mapping[tuple[int, int], bool]) -> None:
        """By batch and row: whether the record there is a tombstone."""
        for (batch_id, row), is_gone in told.items():
            part, index = divmod(row, PARTITION_ROWS)
            known = self._told.get((batch_id, part))
            if known is None:
                if len(self._told) >= _MOST_PARTITIONS:
                    self._told.clear()
                known = self._told[batch_id, part] = bytearray(PARTITION_ROWS)
            known[index] = _GONE if is_gone else _LIVING

    def is_gone(self, batch_id: int, row: int) -> bool | None:
        """Whether the record there is a tombstone; nothing when nobody has looked."""
        known = self._told.get((batch_id, row // PARTITION_ROWS))
        told = _UNKNOWN if known is None else known[row % PARTITION_ROWS]
        return None if told == _UNKNOWN else told == _GONE
