"""The current view is a function of what is stored, not of the order in which it came."""

import hashlib
import itertools
from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import BrokenPromise
from passerelle.stores.files import ViewFile
from passerelle.stores.lake import EXCLUDED_SCHEMA, Lake


def id16(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Version:
    """One record: its key, its order, the resources it emits."""

    key: str
    order: str
    emits: tuple[str, ...]
    refs: tuple[str, ...] = ()


def stored(lake: Lake, name: str, versions: list[Version]):
    with lake.writer(name) as writer:
        for row, one in enumerate(versions):
            if not one.emits:
                writer.add_withdrawal(id16(one.key), one.order, row)
            for made in one.emits:
                body = f"{made}@{one.order}".encode()
                refs = [id16(ref) for ref in one.refs]
                digest = hashlib.blake2b(body, digest_size=16).digest()
                writer.add(id16(made), "Patient", id16(one.key), one.order, row, refs, digest, body)
        return writer.close()


def bodies(lake: Lake, batches: list[list[Version]], excluded=()):
    files = [
        ViewFile(stored(lake, f"b{number}/map-p0", versions).name, number, number)
        for number, versions in enumerate(batches, start=1)
    ]
    table = pa.Table.from_arrays(
        [pa.array([pair[place] for pair in excluded], pa.int64()) for place in (0, 1)], schema=EXCLUDED_SCHEMA
    )
    with lake.view(files, table) as view:
        return sorted(body.decode() for part in view.rows() for body in part.column("body").to_pylist())


def test_the_highest_order_wins_and_not_the_last_arrival(data):
    told = bodies(Lake(data), [[Version("k", "2", ("a",))], [Version("k", "1", ("a",))]])

    assert ["a@2"] == told


def test_a_version_replaces_all_that_its_earlier_version_emitted(data):
    told = bodies(Lake(data), [[Version("k", "1", ("a", "b"))], [Version("k", "2", ("a",))]])

    assert ["a@2"] == told


def test_a_tombstone_empties_its_key(data):
    assert [] == bodies(Lake(data), [[Version("k", "1", ("a",))], [Version("k", "2", ())]])


def test_the_version_below_stands_when_the_highest_is_left_out(data):
    told = bodies(Lake(data), [[Version("k", "1", ("a",))], [Version("k", "2", ("a",))]], excluded=[(2, 0)])

    assert ["a@1"] == told


def test_a_reference_to_nothing_waits_and_so_does_what_refers_to_it(data):
    lake = Lake(data)
    file = stored(
        lake,
        "b1/map-p0",
        [Version("k", "1", ("a",), ("missing",)), Version("l", "1", ("b",), ("a",)), Version("m", "1", ("c",))],
    )
    with lake.view([ViewFile(file.name, 1, 1)]) as view:
        waiting = view.settle()

        assert [(1, 0), (1, 1)] == sorted(
            zip(waiting.column("batch_id").to_pylist(), waiting.column("row").to_pylist(), strict=True)
        )
        assert {"Patient": 1} == view.count_by_type()


def test_a_file_deleted_from_the_lake_is_named(data):
    lake = Lake(data)
    file = stored(lake, "b1/map-p0", [Version("k", "1", ("a",))])
    (data / file.name).unlink()

    with pytest.raises(BrokenPromise, match="is gone"):
        lake.view([ViewFile(file.name, 1, 1)])


def test_the_same_rows_give_the_same_bytes_in_any_order(data):
    versions = [Version(f"k{number}", "1", (f"r{number}",)) for number in range(9_000)]
    lake = Lake(data)

    hashes = set()
    for turn, order in enumerate((versions, versions[::-1])):
        with lake.writer(f"b{turn}/map-p0") as writer:
            for one in order:
                (made,) = one.emits
                writer.add(id16(made), "Patient", id16(one.key), "1", int(one.key[1:]), (), id16("d"), made.encode())
            hashes.add(writer.close().sha256)

    assert 1 == len(hashes)


@given(st.permutations([("k", "1"), ("k", "2"), ("l", "1"), ("k", "3"), ("l", "2")]), st.integers(1, 4))
def test_any_split_into_batches_gives_the_same_view(tmp_path_factory, versions, cut):
    made = [Version(key, order, (f"{key}-r",)) for key, order in versions]
    batches = (
        [list(part) for part in itertools.batched(made, cut)]
        if hasattr(itertools, "batched")
        else [made[place : place + cut] for place in range(0, len(made), cut)]
    )

    assert ["k-r@3", "l-r@2"] == bodies(Lake(tmp_path_factory.mktemp("lake")), batches)
