"""What the tests of the pipeline share: one region, and one undisturbed run of it."""

import pytest
import region as regions

from passerelle.pipeline.territory import run_territory
from passerelle.simulator.serving import serve
from passerelle.simulator.territory import simulate

PERSONS, SEED, DIRT = 150, 7, 0.08


@pytest.fixture(scope="session")
def region(tmp_path_factory):
    """A region with dirt and canaries. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("region") / "territory"
    simulate(PERSONS, SEED, folder, dirt=DIRT)
    return folder


@pytest.fixture(scope="session")
def desk(region):
    """The address of the housing desk of the region."""
    with serve(region) as server:
        yield server.url


@pytest.fixture(scope="session")
def undisturbed(region, desk, migrated_sqlite, tmp_path_factory):
    """An instance that every source was run through, once. Nobody writes into it."""
    place = regions.Place(
        tmp_path_factory.mktemp("undisturbed"), template=migrated_sqlite, sources=region / "sources", url=desk
    )
    instance = place.open()
    regions.run_with(instance, place)
    instance.place = place
    yield instance
    instance.close()


@pytest.fixture(scope="session")
def exported(undisturbed, tmp_path_factory):
    """A copy of that instance, linked, exported beside its data, with the page. Nobody writes into it."""
    root = tmp_path_factory.mktemp("exported")
    instance = regions.copy_of(undisturbed, root)
    instance.place = undisturbed.place
    run_territory(instance, root / "export", page=root / "page.html")
    yield instance
    instance.close()
