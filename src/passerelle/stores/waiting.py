"""Rows that wait to be written sorted, in Arrow: as they are while they are few, packed from then on.

A partition's resources are a million Python objects or a few hundred megabytes of text; here they are columns, and what
is beyond an allowance is compressed. The same rows come back in the same order whether they were packed or not.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_BLOCK_ROWS = 4_096
"""So many rows are Python objects before they become columns."""
_PLAIN_BESIDE_PACKED = 8 * 1024 * 1024
_SHARES = 32
"""Many rows are sorted in shares by the first bits of their id, which is a hash: one share at a time is unpacked."""
_PACKING = pa.ipc.IpcWriteOptions(compression="lz4")


class WaitingRows:
    """Rows of a schema whose first column is an id; given back sorted by the columns named, and once."""

    def __init__(self, schema: pa.Schema, order: Sequence[str], plain_bytes: int) -> None:
        """Nothing waits yet; what is beyond so many bytes will be packed."""
        self._schema = schema
        self._order = [(name, "ascending") for name in order]
        self._fresh: list[Sequence[Any]] = []
        self._plain: list[pa.RecordBatch] = []
        self._size, self._most = 0, plain_bytes
        self._packed: list[list[pa.Buffer]] = [[] for _ in range(_SHARES)]
        self._settled = 0

    def __len__(self) -> int:
        return self._settled + len(self._fresh)

    def add(self, row: Sequence[Any]) -> None:
        """The row, with a value for each column of the schema, is kept."""
        self._fresh.append(row)
        if len(self._fresh) == _BLOCK_ROWS:
            self._settle()

    def _settle(self) -> None:
        columns = zip(*self._fresh, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        block = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._settled += block.num_rows
        self._fresh = []
        self._plain.append(block)
        self._size += block.nbytes
        if self._size > self._most:
            self._pack()

    def _pack(self) -> None:
        while self._plain:
            for share, rows in zip(self._packed, self._in_shares(self._plain.pop()), strict=True):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, self._schema, options=_PACKING) as out:
                    out.write_batch(rows)
                share.append(sink.getvalue())
        # So many they are: from now on few of them wait as they are.
        self._size, self._most = 0, min(self._most, _PLAIN_BESIDE_PACKED)
        _give_back()

    def _sorted(self, rows: pa.RecordBatch | pa.Table) -> Any:
        return rows.take(pc.sort_indices(rows, sort_keys=self._order))

    def _in_shares(self, block: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The block's rows, share by share."""
        rows = self._sorted(block)
        firsts = memoryview(rows.column(0).buffers()[1]).cast("B")[:: rows.schema.field(0).type.byte_width]
        bounds = [bisect_left(firsts, share * 256 // _SHARES, hi=rows.num_rows) for share in range(_SHARES)]
        for begin, end in zip(bounds, [*bounds[1:], rows.num_rows], strict=True):
            yield rows.slice(begin, end - begin)

    def drain(self, size: int) -> Iterator[pa.RecordBatch]:
        """Every row, sorted, so many at once and in the end what is left; what was given is forgotten."""
        if self._fresh:
            self._settle()
        yield from _regrouped(self._in_order(), self._schema, size)
        self._settled = 0

    def _in_order(self) -> Iterator[pa.Table]:
        if not any(self._packed):
            plain = pa.Table.from_batches(self._plain, self._schema).combine_chunks()
            self._plain, self._size = [], 0
            yield self._sorted(plain)
            return
        shares: list[list[pa.RecordBatch]] = [[] for _ in range(_SHARES)]
        while self._plain:
            for share, rows in zip(shares, self._in_shares(self._plain.pop()), strict=True):
                share.append(rows)
        self._size = 0
        for share, packed in zip(shares, self._packed, strict=True):
            share.extend(batch for buffer in packed for batch in pa.ipc.open_stream(buffer))
            packed.clear()
            yield self._sorted(pa.Table.from_batches(share, self._schema).combine_chunks())
            share.clear()
            _give_back()


def _give_back() -> None:
    """Arrow keeps what it has freed for itself: of many rows that is as much again as what waits, and is given back."""
    pa.default_memory_pool().release_unused()


def _regrouped(tables: Iterable[pa.Table], schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
    left = schema.empty_table()
    for table in tables:
        left = pa.concat_tables([left, table]) if left.num_rows else table
        while left.num_rows >= size:
            yield from _as_one(left.slice(0, size))
            left = left.slice(size)
    if left.num_rows:
        yield from _as_one(left)


def _as_one(rows: pa.Table) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = rows.to_batches()
    return batches if len(batches) == 1 else rows.combine_chunks().to_batches()
