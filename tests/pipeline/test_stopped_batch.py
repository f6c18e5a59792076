"""A batch that was stopped as a whole is run again once its contract is right."""

import shutil
from dataclasses import replace

import pytest
from carried_region import ROOT

from passerelle.doors.connections import read_connections
from passerelle.pipeline.demonstrating import Places
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.replaying import replay
from passerelle.pipeline.running import run_source
from passerelle.records import Reason
from passerelle.simulator import simulate
from passerelle.stores import sums
from passerelle.stores.ledger import batches, items
from passerelle.stores.ledger.batches import BatchState

BOUND, STRICT = "limits: {most_records: 60000}", "limits: {most_records: 60000, stopped_share: 0.0}"


@pytest.fixture
def places(tmp_path):
    one = Places(tmp_path / "demo")
    one.clear()
    simulate(60, 7, one.territory)
    one.write_keys()
    one.write_connections("http://127.0.0.1:9", ("none", "none"), "/none")
    return one


@pytest.fixture
def strict_home(tmp_path):
    """A house in which one stopped outreach contact stops them all."""
    home = tmp_path / "home"
    for room in ("mappings", "fhir", "validation"):
        shutil.copytree(ROOT / room, home / room)
    path = home / "mappings" / "sources" / "caarud" / "source.yaml"
    text = path.read_text("utf-8")
    assert text.count(BOUND) == 1
    path.write_text(text.replace(BOUND, STRICT), "utf-8")
    return home


def test_it_is_quarantined_whole_and_stands_after_the_contract_is_corrected(places, strict_home):
    connections = read_connections(places.connections)
    strict = Instance.open(places.settings(strict_home))
    told = run_source(strict, "caarud", connections)
    with strict.stores.ledger.read() as tx:
        held = items.found(tx, source="caarud", reason=Reason.BATCH_STOPPED)
    strict.close()

    assert ["caarud-contacts-000001"] == told.stopped
    assert held

    right = Instance.open(replace(places.settings(ROOT)))
    again = replay(right, "caarud", batch="caarud-contacts-000001")
    with right.stores.ledger.read() as tx:
        assert BatchState.PUBLISHED is batches.by_name(tx, "caarud-contacts-000001").state
        assert [] == items.found(tx, source="caarud", reason=Reason.BATCH_STOPPED)
    stores = right.stores
    assert again.passed == len(held)
    assert [] == sums.recount(stores.ledger, stores.vault, stores.lake)
    right.close()
