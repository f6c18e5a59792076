"""The view of a cut as resources, joined with what was split off."""

from datetime import UTC, date, datetime

import pytest
from link_builders import SPLITTER, World, opened

from passerelle.fold import view as view_module
from passerelle.fold.view import CutView, as_written, day_in, day_of, id_in
from passerelle.ids import id_bytes, resource_id


@pytest.fixture
def world(ledger, data, keys):
    told = World(ledger, data, keys)
    for name in ("one", "two", "three"):
        told.patient("csapa", name, family=f"Name of {name}")
        told.contact(f"of {name}", name, "2025-06-14")
    told.publish()
    return told


def names(trees):
    return sorted(tree["name"][0]["family"] for tree in trees)


def test_a_whole_resource_has_its_identity_again(world):
    assert names(opened(world, world.cut(), "Patient")) == ["Name of one", "Name of three", "Name of two"]


def test_a_body_alone_has_the_year_of_birth_and_no_name(world):
    with CutView(world.stores, world.cut(), ["csapa"], SPLITTER.join) as view:
        bodies = [one.tree for one in view.bodies(("Patient",))]

    assert {tree["birthDate"] for tree in bodies} == {"1985"}
    assert "Name of" not in str(bodies)


def test_slices_change_nothing_but_the_memory(world, monkeypatch):
    cut = world.cut()
    at_once = opened(world, cut, "Patient", "Encounter")
    monkeypatch.setattr(view_module, "SLICE_RESOURCES", 2)

    assert opened(world, cut, "Patient", "Encounter") == at_once


def test_only_the_resources_that_are_asked_for_come(world):
    wanted = {as_written(world.id("csapa", "patient", "two"))}
    with CutView(world.stores, world.cut(), ["csapa"], SPLITTER.join) as view:
        assert names(one.tree for one in view.wholes(("Patient",), wanted)) == ["Name of two"]
        assert [one.id for one in view.bodies(("Patient", "Encounter"), wanted)] == [*wanted]


def test_the_newest_version_stands_with_its_own_identity(world):
    world.patient("csapa", "one", family="Another name")
    world.publish()

    assert names(opened(world, world.cut(), "Patient")) == ["Another name", "Name of three", "Name of two"]


def test_a_cut_keeps_seeing_what_it_named(world):
    before = world.cut()
    world.patient("csapa", "one", family="Another name")
    world.publish()

    assert "Another name" not in names(opened(world, before, "Patient"))


def test_an_id_in_a_reference_is_the_id_of_what_it_names(world):
    raw = world.id("csapa", "patient", "one")

    assert id_in(world.ref("csapa", "patient", "one", "Patient")) == as_written(raw) == id_bytes(resource_id(raw))
    assert id_in({"reference": "Patient/one"}) is None
    assert id_in(world.ref("csapa", "patient", "one", "Patient"), "Organization") is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-06-10T23:30:00+02:00", date(2025, 6, 10)),
        ("2025-06-10", date(2025, 6, 10)),
        ("2025-06", None),
        ("2025", None),
        (None, None),
    ],
)
def test_the_day_is_that_of_the_clock_it_was_written_with(text, day):
    assert day_in(text) == day


def test_a_bare_date_means_that_day_on_every_clock():
    assert day_of(datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), "Europe/Paris") == date(2025, 12, 31)
    assert day_of(datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "Europe/Paris") == date(2026, 1, 1)
    assert day_of(date(2025, 12, 31), "Europe/Paris") == date(2025, 12, 31)
