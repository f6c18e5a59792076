"""The current view is the same whatever the order in which records came, and however they were put together."""

import os
import tempfile
from pathlib import Path

import pytest
import region as regions
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from shop import Shop, record

from passerelle.stores import sums


@pytest.fixture(scope="module")
def shop(migrated_sqlite, tmp_path_factory):
    """The shop, in memory where the system offers it: many instances are made, and none must survive."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield Shop(tmp_path_factory.mktemp("shop"), migrated_sqlite)
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="passerelle-shop-") as folder:
        yield Shop(Path(folder), migrated_sqlite)


def told(shop, deliveries):
    """What stands and what became of each record after these deliveries; the sums hold."""
    opened = shop.open()
    try:
        opened.deliver(*deliveries)
        stores = opened.instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        return opened.view(), opened.verdicts()
    finally:
        opened.close()


def assert_same(shop, *arrangements):
    first, *others = [told(shop, deliveries) for deliveries in arrangements]
    for view, verdicts in others:
        assert regions.compared(first[0], view) == []
        assert {key: (said, verdicts.get(key)) for key, said in first[1].items() if said != verdicts.get(key)} == {}


KEYS = st.sampled_from(["1", "2"])
SIGNS = st.sampled_from(["a", "b", ""])
CHANGED = st.integers(1, 3)
GONE = st.sampled_from(["", "", "", "O"])
RECORDS = st.one_of(
    st.builds(lambda key, sex, gone, at: record("people", key, sex, gone=gone, changed=at), KEYS, st.sampled_from("FM?Z"), GONE, CHANGED),
    st.builds(lambda key, person, label, gone, at: record("files", key, person, label, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
    st.builds(lambda key, file, kind, gone, at: record("acts", key, file, kind, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
    st.builds(lambda key, person, label, gone, at: record("teams", key, person, label, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
    st.builds(lambda key, team, rank, role, gone, at: record("members", key, team, rank, role, gone=gone, changed=at), KEYS, KEYS, KEYS, st.sampled_from(["a", "b", "c", ""]), GONE, CHANGED),
    st.builds(lambda key, person, label, gone, at: record("signs", key, person, label, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
)  # fmt: skip


@st.composite
def arranged(draw, most):
    """Records that differ, and two ways to deliver them: all at once, and in pieces of any order."""
    records = draw(st.lists(RECORDS, min_size=2, max_size=most, unique=True))
    pieces = draw(st.lists(st.integers(0, 3), min_size=len(records), max_size=len(records)))
    deliveries = [[one for one, piece in zip(records, pieces, strict=True) if piece == number] for number in range(4)]
    return records, [delivery for delivery in deliveries if delivery]


def examined(shop, arrangement):
    records, deliveries = arrangement
    for delivery in deliveries:
        note(" + ".join(f"{one.table} {one.line.strip()}" for one in delivery))
    assert_same(shop, [records], deliveries)


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=8, derandomize=True, suppress_health_check=QUIET)
@given(arrangement=arranged(8))
def test_any_arrangement_gives_the_same_view_and_the_same_verdicts(shop, arrangement):
    examined(shop, arrangement)


@pytest.mark.heavy
@settings(max_examples=400, suppress_health_check=QUIET)
@given(arrangement=arranged(14))
def test_many_arrangements_give_the_same_view_and_the_same_verdicts(shop, arrangement):
    examined(shop, arrangement)
