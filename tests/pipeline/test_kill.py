"""A run is killed with SIGKILL again and again, and resumed: what stands at the end is what an undisturbed run leaves."""

import os
import random

import pytest
import region as regions

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
    assert killed(place, sources, workers, seed(), 5, 3.0) >= 3
    assert_as_undisturbed(place, sources, undisturbed)


@pytest.mark.heavy
def test_a_run_killed_thirty_times_ends_like_one_that_was_left_alone(place, workers, undisturbed):
    assert killed(place, ALL, workers, seed(), 30, 2.0) >= 15
    assert_as_undisturbed(place, ALL, undisturbed)
