"""Which records share a value with another record, judged over a whole batch without keeping the values.

Each chunk keeps a keyed 16-byte digest per record. The key is needed because short numbers could be tried out.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from passerelle.ids import canonical_text

DIGEST_BYTES = 16
PROCESS_SECRET = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Marks:
    """One digest per record that has a value: `rows[i]` belongs to bytes `16*i` to `16*i + 15`."""

    rows: tuple[int, ...]
    digests: bytes

    def pairs(self) -> Iterable[tuple[int, bytes]]:
        """Row and digest of every marked record."""
        steps = range(0, len(self.digests), DIGEST_BYTES)
        return ((row, self.digests[at : at + DIGEST_BYTES]) for row, at in zip(self.rows, steps, strict=True))


def mark(rows: Sequence[int], columns: Sequence[Sequence[str | None]], *, ignore_row_if: str, secret: bytes) -> Marks:
    """The digests of the records' values in these columns; records without a value are left out as told."""
    marked: list[int] = []
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
    return Marks(tuple(marked), b"".join(digests))


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
    kept = list(chunks)
    seen: Counter[bytes] = Counter()
    for chunk in kept:
        seen.update(digest for _, digest in chunk.pairs())
    shared = [row for chunk in kept for row, digest in chunk.pairs() if seen[digest] > 1] if _repeats(seen) else []
    return Uniqueness(seen.total(), len(seen), tuple(sorted(shared)))


def _repeats(seen: Mapping[bytes, int]) -> bool:
    return any(times > 1 for times in seen.values())
