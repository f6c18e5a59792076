"""Which records share a value with another record, judged over a whole batch without keeping the values.

Each chunk keeps a keyed 16-byte digest per record. The key is needed because short numbers could be tried out.
Digests of a batch are sorted as Arrow: a Python object and an entry of a table for each would take ten times as much.
"""

import hashlib
import secrets
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from passerelle.ids import canonical_text

DIGEST_BYTES = 16
PROCESS_SECRET = secrets.token_bytes(32)
_MARKED = pa.schema([("row", pa.int64()), ("digest", pa.binary(DIGEST_BYTES))])


@dataclass(frozen=True, slots=True)
class Marks:
    """One digest per record that has a value: `rows[i]` belongs to bytes `16*i` to `16*i + 15`."""

    rows: "array[int]"
    digests: bytes

    def as_arrow(self) -> pa.RecordBatch:
        """Row and digest of every marked record; nothing is copied."""
        columns = [
            pa.Array.from_buffers(field.type, len(self.rows), [None, pa.py_buffer(held)])
            for field, held in zip(_MARKED, (self.rows, self.digests), strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_MARKED)


def mark(rows: Sequence[int], columns: Sequence[Sequence[str | None]], *, ignore_row_if: str, secret: bytes) -> Marks:
    """The digests of the records' values in these columns; records without a value are left out as told."""
    marked = array("q")
    digests: list[bytes] = []
    start = hashlib.blake2b(key=secret, digest_size=DIGEST_BYTES)
    for row, values in zip(rows, zip(*columns, strict=True), strict=True):
        if _is_ignored(values, ignore_row_if):
            continue
        state = start.copy()
        for value in values:
            raw = b"" if value is None else b"\x01" + canonical_text(value).encode("utf-8")
            state.update(len(raw).to_bytes(4, "big") + raw)
        marked.append(row)
        digests.append(state.digest())
    return Marks(marked, b"".join(digests))


def _is_ignored(values: tuple[str | None, ...], ignore_row_if: str) -> bool:
    if ignore_row_if == "never":
        return False
    missing = [value is None for value in values]
    return any(missing) if ignore_row_if == "any_value_is_missing" else all(missing)


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """What the whole batch says of one uniqueness: how many have a value, how many values, which rows share one."""

    marked: int
    distinct: int
    shared: tuple[int, ...]


def judge_uniqueness(chunks: Iterable[Marks]) -> Uniqueness:
    """Rows whose digest occurs more than once in the batch, whichever chunks they lie in."""
    marked = pa.Table.from_batches([chunk.as_arrow() for chunk in chunks], _MARKED).sort_by("digest")
    digests = marked.column("digest").combine_chunks()
    is_as_next = pc.equal(digests[:-1], digests[1:])
    repeated = pc.sum(is_as_next).as_py() or 0
    shared: list[int] = []
    if repeated:
        nothing = pa.array([False])
        is_shared = pc.or_(pa.concat_arrays([is_as_next, nothing]), pa.concat_arrays([nothing, is_as_next]))
        shared = marked.column("row").filter(is_shared).to_pylist()
    return Uniqueness(marked.num_rows, marked.num_rows - repeated, tuple(sorted(shared)))
