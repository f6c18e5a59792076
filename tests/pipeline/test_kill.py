"""A run is killed with SIGKILL again and again, and resumed: what stands at the end is what an undisturbed run leaves."""

import os
import random

import pytest
import region as regions
from landing_builders import Killed, killed_at
from shop import Shop, corrected, record

from passerelle.contracts.house import load_house
from passerelle.pipeline.replaying import replay
from passerelle.pipeline.territory import run_territory
from passerelle.simulator.serving import serve
from passerelle.simulator.territory import simulate
from passerelle.stores import sums
from passerelle.stores.cut_sums import LINK_SOURCE
from passerelle.stores.ledger import cuts, links

PERSONS, SEED, DIRT = 20, 7, 0.08
SOON, LATE = 1.2, 2.5
"""Seconds within which a run of everything, or of the territory alone, is killed: all of it takes longer."""


@pytest.fixture(scope="module")
def workers():
    return regions.Workers()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A small region's sources: where their files lie, and the address of the housing desk."""
    folder = tmp_path_factory.mktemp("few") / "territory"
    simulate(PERSONS, SEED, folder, dirt=DIRT)
    with serve(folder) as server:
        yield {"sources": folder / "sources", "url": server.url}


@pytest.fixture(scope="module")
def calm(sources, migrated_sqlite, tmp_path_factory):
    """An instance that everything was run in, once, with its export beside it. Nobody writes into it."""
    place = regions.Place(tmp_path_factory.mktemp("calm"), template=migrated_sqlite, **sources)
    instance = place.open()
    regions.run_with(instance, place)
    run_territory(instance, place.root / "export")
    instance.place = place
    yield instance
    instance.close()


@pytest.fixture
def place(sources, ledger_url, tmp_path):
    """An instance on each database that nothing was run in yet."""
    return regions.Place(tmp_path / "killed", ledger=ledger_url, **sources)


def seed():
    """Printed, so that a failure can be repeated as far as a machine repeats itself."""
    chosen = int(os.environ.get("PASSERELLE_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"PASSERELLE_TEST_SEED={chosen}")
    return random.Random(chosen)


def killed(place, workers, chance, kills, *, sources, longest):
    """The run was killed so often before it was done: moments are drawn until it was."""
    died = []
    while len(died) < kills:
        moment = chance.uniform(0.05, longest)
        if workers.kill_after(place, sources, moment, place.root / "export"):
            died.append(moment)
        else:
            longest = moment
    print(f"killed after seconds ({len(sources)} sources):", *(f"{moment:.2f}" for moment in died))
    return len(died)


def killed_and_resumed(place, workers, kills):
    """How often everything was killed, resumed each time: most often among the sources, then in the territory."""
    chance, late = seed(), 2 * kills // 5
    died = killed(place, workers, chance, kills - late, sources=regions.SOURCES, longest=SOON)
    workers.run(place, regions.SOURCES)
    died += killed(place, workers, chance, late, sources=(), longest=LATE)
    workers.run(place, (), place.root / "export")
    return died


def of_the_cut(instance):
    """(stage, scope, state) -> how many, and the links, as they were stated last."""
    with instance.stores.ledger.read() as tx:
        stated = [links.found(tx, kind) for kind in ("ins", "orientation-slip", "orientation-number")]
        return cuts.tallies(tx, cuts.last(tx).id), stated


def assert_as_undisturbed(place, calm):
    every = [*regions.SOURCES, LINK_SOURCE]
    instance = place.open()
    try:
        stores = instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        assert regions.compared(regions.view_of(calm, every), regions.view_of(instance, every)) == []
        assert regions.sums_of(instance, every) == regions.sums_of(calm, every)
        assert regions.items_of(instance, every) == regions.items_of(calm, every)
        assert regions.contents_of(instance, every) == regions.contents_of(calm, every)
        assert of_the_cut(instance) == of_the_cut(calm)
    finally:
        instance.close()
    export = regions.hashes_below(calm.place.root / "export")
    assert len(export) > 5
    assert regions.hashes_below(place.root / "export") == export


def test_a_run_killed_five_times_ends_like_one_that_was_left_alone(place, workers, calm):
    assert killed_and_resumed(place, workers, 5) == 5
    assert_as_undisturbed(place, calm)


@pytest.mark.heavy
def test_a_run_killed_thirty_times_ends_like_one_that_was_left_alone(place, workers, calm):
    assert killed_and_resumed(place, workers, 30) == 30
    assert_as_undisturbed(place, calm)


# Commit by commit ---------------------------------------------------------------------------------------------------


EARLIER = [record("files", "1", "1", "fr", changed=1), record("acts", "1", "1", "a", changed=1)]
LATER = [
    record("people", "1", "F", changed=1),
    record("people", "2", "Z", changed=1),
    record("files", "1", "1", "en", changed=2),
    record("teams", "1", "2", "", changed=1),
    record("members", "1", "1", "1", "a", changed=1),
]
"""What waits is freed, what stands is said anew, somebody of an unknown sex keeps a team waiting."""


@pytest.fixture(scope="module")
def shop(migrated_sqlite, tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("shop"), migrated_sqlite)


def told(opened):
    stores = opened.instance.stores
    sums.require(stores.ledger, stores.vault, stores.lake)
    sources = ["ward"]
    return (
        opened.view(),
        opened.verdicts(),
        regions.sums_of(opened.instance, sources),
        regions.contents_of(opened.instance, sources),
    )


def deaths(opened, act, monkeypatch, moments):
    """The act is begun again and again, and its worker dies around a later commit each time, until it is done."""
    died = 0
    for number, after in moments:
        with monkeypatch.context() as patch:
            seen = killed_at(opened.instance.stores, patch, number, after=after)
            try:
                act()
            except Killed:
                died += 1
        stores = opened.instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        if len(seen) < number:
            break
    act()
    return died


def moments(most):
    """Before and after the first commits, then ever later ones: progress is made, whatever is lost."""
    return [(number, after) for number in range(1, most) for after in (False, True)]


def test_a_run_whose_worker_dies_around_any_commit_ends_like_one_that_was_left_alone(shop, monkeypatch):
    calm, troubled = shop.open().deliver(EARLIER, LATER), shop.open().deliver(EARLIER)
    troubled.drop(LATER)
    assert deaths(troubled, troubled.run, monkeypatch, moments(40)) >= 20
    assert told(troubled) == told(calm)
    calm.close()
    troubled.close()


def test_trying_again_ends_alike_wherever_its_worker_dies(shop, monkeypatch, tmp_path):
    """Records of another charset, of an unknown code and of a parent that waits, let through and said anew."""
    charset = ("files: files/*.csv", "files: files/*.csv\n    dialect: {charset: latin-1}")
    house = corrected(shop.house, tmp_path / "home", *charset)
    codes = house.root / "mappings" / "codes" / "gender.csv"
    codes.write_text(codes.read_text("utf-8") + "Z,other,,,\n", encoding="utf-8")
    house = load_house(house.root)
    opened = [shop.open().deliver(EARLIER, LATER) for _ in range(2)]
    for one in opened:
        one.drop_bytes("files", b"2;2;\xe9t\xe9;;1")
        one.run()
        one.under(house)
    calm, troubled = opened
    replay(calm.instance, "ward")
    assert deaths(troubled, lambda: replay(troubled.instance, "ward"), monkeypatch, moments(20)) >= 3
    assert told(troubled) == told(calm)
    for one in opened:
        one.close()
