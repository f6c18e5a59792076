"""Of what is wrong in one place of a resource that the region emits, every fault is refused at that place."""

import orjson
import pytest
from mutations import missed, planted, shape_of

from passerelle.fold.view import CutView
from passerelle.stores.ledger import batches, cuts
from passerelle.stores.sums import LINK_SOURCE
from passerelle.structure import Splitter, structure

EACH = 40


def standing(instance):
    """Every resource that was mapped or linked, whole."""
    with instance.stores.ledger.read() as tx:
        cut, linked = cuts.last(tx), batches.found(tx, source=LINK_SOURCE)
    sources = sorted(instance.house.sources)
    with CutView(instance.stores, cut, sources, Splitter.join, also=[one.id for one in linked]) as view:
        yield from (one.tree for one in view.wholes(sorted(view.count_by_type())))


def delivered(instance):
    """Every resource that left."""
    for path in sorted((instance.settings.data.parent / "export").rglob("*.ndjson")):
        yield from map(orjson.loads, path.read_bytes().splitlines())


@pytest.fixture(scope="module")
def emitted(exported):
    """One resource of every type and shape that stands, and of every one that left."""
    found = {}
    for tree in (*standing(exported), *delivered(exported)):
        found.setdefault((tree["resourceType"], shape_of(tree)), tree)
    return list(found.values())


def test_what_the_region_emits_is_accepted(emitted):
    assert {"Patient", "Person", "Encounter", "Appointment", "Task", "Organization"} <= {
        tree["resourceType"] for tree in emitted
    }
    assert [path for tree in emitted if (path := structure().check(tree))] == []


def test_every_fault_planted_in_what_the_region_emits_is_refused_at_its_place(emitted, capsys):
    with capsys.disabled():
        assert missed(list(planted(emitted, EACH)), structure().check, f"{len(emitted)} shapes of the region") == []
