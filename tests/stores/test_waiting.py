"""Rows that wait in Arrow come back as they were, sorted, whatever was packed and however their ids begin."""

import hashlib
import random

import pyarrow as pa
import pytest

from passerelle.stores.waiting import WaitingRows

SCHEMA = pa.schema(
    [
        pa.field("id", pa.binary(16)),
        pa.field("row", pa.int64()),
        pa.field("refs", pa.list_(pa.field("element", pa.binary(16)))),
        pa.field("body", pa.binary()),
    ]
)
EVERYTHING, NOTHING = 0, 1 << 30


def rows(count: int) -> list[tuple[bytes, int, tuple[bytes, ...], bytes | None]]:
    made = []
    for number in range(count):
        digest = hashlib.sha256(str(number).encode()).digest()
        made.append((digest[:16], number, (digest[16:],) * (number % 3), None if number % 5 == 0 else digest * 9))
    return made


def given_back(waiting: WaitingRows, size: int) -> list[tuple]:
    drained = list(waiting.drain(size))
    assert all(batch.num_rows == size for batch in drained[:-1])
    columns = [column.to_pylist() for column in pa.Table.from_batches(drained, waiting._schema).columns]
    return [(one, row, tuple(refs), body) for one, row, refs, body in zip(*columns, strict=True)]


@pytest.mark.parametrize("plain", [EVERYTHING, 3_000_000, NOTHING], ids=["packed", "some packed", "as they are"])
@pytest.mark.parametrize("count", [1, 4_096, 30_000])
def test_rows_come_back_sorted(count, plain):
    listed = rows(count)
    random.Random(3).shuffle(listed)
    waiting = WaitingRows(SCHEMA, ["id", "row"], plain)
    for row in listed:
        waiting.add(row)

    assert count == len(waiting)
    assert sorted(listed) == given_back(waiting, 1_000)
    assert 0 == len(waiting)


@pytest.mark.parametrize("first", [b"\x00", b"\x7f", b"\x80", b"\xff"])
def test_ids_that_all_begin_alike_come_back_sorted(first):
    listed = [(first + bytes([number % 251] * 15), number, (), b"") for number in range(9_000)]
    waiting = WaitingRows(SCHEMA, ["id", "row"], NOTHING)
    for row in listed:
        waiting.add(row)

    assert sorted(listed) == given_back(waiting, 4_000)


def test_nothing_comes_back_when_nothing_was_given():
    assert [] == list(WaitingRows(SCHEMA, ["id"], NOTHING).drain(10))
