"""A simulated region that the tests of land share."""

import pytest

from passerelle.simulator.territory import simulate


@pytest.fixture(scope="session")
def territory(tmp_path_factory):
    """A region of a hundred persons, with dirt. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("territory") / "region"
    simulate(100, 1, folder)
    return folder
