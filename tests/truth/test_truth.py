"""What link says, against the lives from which the records were written."""

from collections import Counter

import pytest
from carried_region import Region, carried, written

from passerelle.doors.fhir_models import accepts
from passerelle.fold.view import CutView
from passerelle.stores.ledger import cuts
from passerelle.structure import structure

SMALL = [(11, 200)]
LARGE = [(seed, 600) for seed in (11, 12, 13)]


@pytest.fixture(
    scope="module",
    params=[*SMALL, *(pytest.param(one, marks=pytest.mark.heavy) for one in LARGE)],
    ids=lambda one: f"seed{one[0]}",
)
def region(request, tmp_path_factory):
    seed, persons = request.param
    one = carried(tmp_path_factory.mktemp("region") / "demo", persons=persons, seed=seed)
    yield one
    one.instance.close()


def expected_of(region: Region, event: dict, kind: str) -> Counter:
    wanted: Counter = Counter()
    for answer in event["expected"][kind].values():
        if answer["outcome"] == "excluded":
            continue
        follow_up = answer["follow_up"]
        if follow_up is not None:
            source, label = ("csapa", "contact") if kind == "csapa_contact" else ("siao", "placement")
            follow_up = region.id_of(source, label, str(follow_up))
        wanted[answer["outcome"], answer["blind"], follow_up] += 1
    return wanted


def test_every_discharge_and_release_has_the_follow_up_that_life_had(region, capsys):
    found = region.follow_ups()
    events = region.lines("events")
    outcomes: Counter = Counter()

    for event in events:
        label = "followed" if event["source"] == "usmp" else "stay"
        event_id = region.id_of(event["source"], label, event["key"])
        for kind in event["expected"]:
            wanted = expected_of(region, event, kind)
            assert wanted == found.pop((event_id, kind), Counter()), (event["source"], event["key"], kind)
            outcomes.update(outcome if blind is None else blind for outcome, blind, _ in wanted.elements())

    assert events
    assert {} == found, "a follow-up is stated of an event that nobody lived through"
    total = sum(outcomes.values())
    with capsys.disabled():
        shares = ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in outcomes.most_common())
        print(f"\n  windows of {len(events)} events: {shares}")


def test_two_records_are_one_person_exactly_when_they_are(region):
    wanted = {
        frozenset(
            (
                written(region.id_of(left, "patient", left_number)),
                written(region.id_of(right, "patient", right_number)),
            )
        )
        for person in region.lines("persons")
        for left, left_number, right, right_number in person["same_person"]
    }

    assert wanted
    assert wanted == region.links("ins")


def test_a_slip_leads_to_the_contact_at_which_it_was_shown_and_to_no_other(region):
    wanted = {
        frozenset(
            (
                written(region.id_of("caarud", "slip", slip["num_bon"])),
                written(region.id_of("csapa", "contact", slip["contact"]["num_acte"])),
            )
        )
        for slip in region.lines("slips")
        if slip["expected"] == "linked" and slip["contact"]
    }

    assert wanted
    assert wanted == region.links("orientation-slip")


def test_an_orientation_number_leads_to_placements_of_its_own_request_and_to_every_night_that_was_found(region):
    true, needed = set(), set()
    for event in (one for one in region.lines("events") if one["orientation"]):
        given = written(region.id_of(event["source"], "orientation", event["orientation"]["key"]))
        found = {answer["follow_up"] for answer in event["expected"]["housing_first_night"].values()}
        for placement in event["orientation"]["placements"]:
            pair = frozenset((given, written(region.id_of("siao", "placement", str(placement)))))
            true.add(pair)
            needed |= {pair} if placement in found else set()
    linked = region.links("orientation-number")

    assert needed
    assert set() == linked - true, "a wrong link"
    assert set() == needed - linked, "a missing link"


def test_every_resource_of_the_region_is_r4_and_known_to_the_library(region):
    instance = region.instance
    with instance.stores.ledger.read() as tx:
        cut = cuts.by_name(tx, region.told.cut)
    join = instance.splitter.join
    counted: Counter = Counter()
    with CutView(
        instance.stores, cut, sorted(instance.house.sources), join, also=[region.told.linked.batch_id]
    ) as view:
        for one in view.wholes(sorted(view.count_by_type())):
            assert structure().check(one.tree) is None, (one.type, structure().check(one.tree))
            counted[one.type] += 1
            if counted[one.type] <= 200:
                assert accepts(one.tree) is None, (one.type, accepts(one.tree))

    assert {"Patient", "Encounter", "EpisodeOfCare", "Task", "ServiceRequest", "Consent", "Person"} <= set(counted)
