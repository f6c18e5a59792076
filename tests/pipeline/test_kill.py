"""A run is killed with SIGKILL again and again, and resumed: what stands at the end is what an undisturbed run leaves."""

import os
import random

import pytest
import region as regions
from landing_builders import Killed, killed_at
from shop import Shop, corrected, record

from passerelle.contracts.house import load_house
from passerelle.pipeline.replaying import replay
from passerelle.stores import sums

CHOSEN = {"sqlite": ("ch", "csapa", "siao"), "postgresql": ("ch", "siao", "usmp")}
"""Messages, files, an interface, a database."""
ALL = ("caarud", "ch", "chu", "csapa", "siao", "usmp")


@pytest.fixture(scope="module")
def workers():
    return regions.Workers()


@pytest.fixture
def place(region, desk, ledger_url, tmp_path):
    """An instance on each database that nothing was run in yet."""
    return regions.Place(tmp_path / "killed", ledger=ledger_url, sources=region / "sources", url=desk)


def seed():
    """Printed, so that a failure can be repeated as far as a machine repeats itself."""
    chosen = int(os.environ.get("PASSERELLE_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"PASSERELLE_TEST_SEED={chosen}")
    return random.Random(chosen)


def killed(place, sources, workers, chance, kills, longest):
    """How often the run was killed before it was done; it was resumed each time, and at last to the end."""
    moments = [chance.uniform(0.05, longest) for _ in range(kills)]
    print("killed after seconds:", *(f"{moment:.2f}" for moment in moments))
    done = sum(workers.kill_after(place, sources, moment) for moment in moments)
    workers.run(place, sources)
    return done


def assert_as_undisturbed(place, sources, undisturbed):
    instance = place.open()
    try:
        stores = instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        assert regions.compared(regions.view_of(undisturbed, sources), regions.view_of(instance, sources)) == []
        assert regions.sums_of(instance, sources) == regions.sums_of(undisturbed, sources)
        assert regions.items_of(instance, sources) == regions.items_of(undisturbed, sources)
        assert regions.contents_of(instance, sources) == regions.contents_of(undisturbed, sources)
    finally:
        instance.close()


def test_a_run_killed_five_times_ends_like_one_that_was_left_alone(place, workers, undisturbed):
    sources = CHOSEN[place.settings.ledger.partition(":")[0]]
    assert killed(place, sources, workers, seed(), 5, 1.2) >= 3
    assert_as_undisturbed(place, sources, undisturbed)


@pytest.mark.heavy
def test_a_run_killed_thirty_times_ends_like_one_that_was_left_alone(place, workers, undisturbed):
    assert killed(place, ALL, workers, seed(), 30, 1.2) >= 15
    assert_as_undisturbed(place, ALL, undisturbed)


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
