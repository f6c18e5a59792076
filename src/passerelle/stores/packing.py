"""Rows that wait to be written sorted: packed soon after they come, so that a partition of them takes little memory."""

import marshal
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import pyarrow as pa

_RUN_ROWS = 4_096
"""So many rows wait as they came before they are packed."""
_SHARES = 64
"""Rows are kept apart by the first bits of their id, which is a hash; one share is unpacked and sorted at a time."""
_CODEC = pa.Codec("zstd", compression_level=1)
R = TypeVar("R", bound=tuple[Any, ...])


class PackedRows(Generic[R]):
    """Rows that begin with an id and hold nothing but what `marshal` knows; given back sorted, and once."""

    def __init__(self) -> None:
        self._run: list[R] = []
        self._shares: list[list[tuple[int, bytes]]] = [[] for _ in range(_SHARES)]
        """By share, what each run had of it: the size when unpacked, and the rows packed."""
        self._packed = 0

    def __len__(self) -> int:
        return self._packed + len(self._run)

    def add(self, row: R) -> None:
        """The row is kept."""
        self._run.append(row)
        if len(self._run) == _RUN_ROWS:
            self._pack()

    def _pack(self) -> None:
        split: list[list[R]] = [[] for _ in range(_SHARES)]
        for row in self._run:
            split[row[0][0] * _SHARES >> 8].append(row)
        for share, rows in zip(self._shares, split, strict=True):
            plain = marshal.dumps(rows)
            share.append((len(plain), _CODEC.compress(plain, asbytes=True)))
        self._packed += len(self._run)
        self._run = []

    def drain(self) -> Iterator[R]:
        """Every row, sorted; what was given is forgotten."""
        self._pack()
        for share in self._shares:
            rows: list[R] = []
            for size, packed in share:
                rows += marshal.loads(_CODEC.decompress(packed, size, asbytes=True))  # noqa: S302 written above
            self._packed -= len(rows)
            share.clear()
            rows.sort()
            yield from rows
