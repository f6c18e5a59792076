"""Rows that were packed come back as if they had been kept in a list and sorted."""

import hashlib
import random

from passerelle.stores.packing import PackedRows


def rows(count: int) -> list[tuple[bytes, int, str, tuple[bytes, ...], bytes | None]]:
    made = []
    for number in range(count):
        made_id = hashlib.blake2b(str(number % (count - 50)).encode(), digest_size=16).digest()
        made.append((made_id, number, f"2026-{number}", (made_id, b"x"), None if number % 7 else b"{}"))
    return made


def test_more_rows_than_are_packed_at_once_come_back_sorted():
    listed = rows(10_000)
    random.Random(3).shuffle(listed)
    packed = PackedRows()
    for row in listed:
        packed.add(row)

    assert 10_000 == len(packed)
    assert sorted(listed) == list(packed.drain())
    assert 0 == len(packed)


def test_ids_that_all_begin_alike_come_back_sorted():
    listed = [(b"\xff" + bytes([number % 251]), number) for number in range(9_000)]
    packed = PackedRows()
    for row in listed:
        packed.add(row)

    assert sorted(listed) == list(packed.drain())


def test_nothing_gives_nothing():
    assert [] == list(PackedRows().drain())
