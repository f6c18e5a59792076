"""Rule 6. A wrong merge is worse than a missed link; what is doubtful waits for a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_builders import World

from passerelle.linkage.persons import Known, LinkState, links_by_ins, persons_of
from passerelle.linkage.traits import Traits
from passerelle.stores.ledger import Ledger

NUMBER, OTHER = "185040012345678", "185040012345972"


def test_two_current_numbers_are_two_people_whatever_their_traits(first):
    one, double = first.people["two-numbers"], first.people["two-numbers-as-well"]
    pair = first.region.pair(("chu", one), ("csapa", double))

    assert pair not in first.active | first.doubtful


def test_the_number_of_a_relative_waits_for_a_person(first):
    case = "number-of-a-relative"

    assert first.is_doubtful(case)
    assert not first.is_linked(case)
    assert {"no-common-key"} == set(first.outcomes(case).values())
    own = {first.region.patient(source, first.people[case]) for source in ("chu", "csapa")}
    assert not [one for one in first.standing.values() if one["resourceType"] == "Person" and own <= set(members(one))]


def members(person):
    return [link["target"]["reference"].rpartition("/")[2] for link in person["link"]]


def test_twins_stay_two(first):
    twin, other = (first.region.patient("csapa", first.people[case]) for case in ("twin", "other-twin"))

    assert first.is_linked("twin")
    assert not [pair for pair in first.active | first.doubtful if other in pair]
    assert twin != other


def test_no_person_holds_two_numbers_that_count(first):
    people = [one for one in first.standing.values() if one["resourceType"] == "Person"]

    assert len(people) > 5
    for person in people:
        numbers = {
            identifier["value"]
            for member in members(person)
            for identifier in first.standing[member].get("identifier", ())
            if identifier.get("use") == "official"
        }
        assert 1 == len(numbers)


def test_no_two_patients_of_one_source_are_in_a_person(first):
    for person in first.standing.values():
        if person["resourceType"] == "Person":
            systems = [
                identifier["system"]
                for member in members(person)
                for identifier in first.standing[member].get("identifier", ())
                if identifier.get("use") == "usual"
            ]
            assert len(systems) == len(set(systems))


# In small ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(sqlite_url, data, keys):
    ledger = Ledger.open(sqlite_url)
    yield World(ledger, data, keys)
    ledger.close()


def born_in(code):
    inner = {
        "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code",
        "valueCoding": {"code": code},
    }
    return [
        {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": {"extension": [inner]}}
    ]


def placed(world, source, name, code):
    world.patient(source, name, ins=NUMBER)
    if code:
        world.waiting[source][-1][1]["extension"] = born_in(code)
    world.consent(source, f"k{name}", name, to=None)


def test_a_record_that_agrees_with_two_who_contradict_each_other_is_nobodys(world):
    placed(world, "chu", "h", "75056")
    placed(world, "csapa", "c", "")
    placed(world, "usmp", "p", "69123")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.contact("first", "c", "2025-06-14")

    outcome = world.link()

    assert (0, 3, 0) == (outcome.links["ins"], outcome.reviews, outcome.persons)
    assert {"no-common-key"} == set(world.tasks(outcome).values()), "a doubt is no missed follow-up"


def test_two_files_of_one_centre_that_contradict_each_other_are_not_both_the_hospitals(world):
    placed(world, "chu", "h", "")
    placed(world, "csapa", "c1", "75056")
    placed(world, "csapa", "c2", "69123")

    outcome = world.link()

    assert (0, 2, 0) == (outcome.links["ins"], outcome.reviews, outcome.persons)


def test_a_patient_with_two_current_numbers_is_matched_by_neither(world):
    world.patient("chu", "h", ins=NUMBER)
    second = {"use": "official", "system": "urn:oid:1.2.250.1.213.1.4.10", "value": OTHER}
    world.waiting["chu"][-1][1]["identifier"].append(second)
    for name, number in (("c1", NUMBER), ("c2", OTHER)):
        world.patient("csapa", name, ins=number)
    for source, name in (("chu", "h"), ("csapa", "c1"), ("csapa", "c2")):
        world.consent(source, f"k{name}", name, to=None)

    outcome = world.link()

    assert (0, 0) == (outcome.links["ins"], outcome.persons)


def test_a_former_number_links_nobody(world):
    world.patient("chu", "h", ins=NUMBER)
    world.patient("csapa", "c", ins=NUMBER)
    world.waiting["csapa"][-1][1]["identifier"][-1]["use"] = "old"
    for source, name in (("chu", "h"), ("csapa", "c")):
        world.consent(source, "k", name, to=None)

    assert 0 == world.link().links["ins"]


TRAITS = st.builds(
    Traits,
    st.sampled_from(["DURAND", "MARTIN", ""]),
    st.sampled_from(["ALIX", "CAMILLE"]),
    st.sampled_from(["1985-04-03", "1985-04-04", ""]),
    st.sampled_from(["male", "female", "unknown"]),
    st.sampled_from(["", "75056", "69123"]),
)
KNOWN = st.lists(
    st.tuples(st.sampled_from(["chu", "ch", "csapa", "usmp"]), st.sampled_from([NUMBER, OTHER, ""]), TRAITS),
    max_size=7,
)


@given(KNOWN)
def test_no_group_ever_holds_two_numbers_or_two_who_contradict_each_other(told):
    records = [Known(bytes([place]) * 16, *one[:1], "", one[1], (), one[2]) for place, one in enumerate(told)]
    by_id = {one.patient: one for one in records}
    found = list(links_by_ins(records, lambda *_: True))
    groups, _ = persons_of(records, found)

    for link in found:
        assert by_id[link.left].ins == by_id[link.right].ins != ""
    together = {}
    for group in groups:
        assert len({by_id[one].ins for one in group.members}) <= 1
        for one in group.members:
            together.setdefault(one, set()).update(group.members)
    for shared in together.values():
        places = {by_id[one].traits.birth_place for one in shared} - {""}
        sexes = {by_id[one].traits.sex for one in shared} - {"unknown"}
        assert len(places) <= 1
        assert len(sexes) <= 1


def test_links_that_wait_are_never_part_of_a_person():
    one = Known(b"1" * 16, "chu", "", NUMBER, (), Traits("DURAND", "ALIX", "1985-04-03", "female"))
    other = Known(b"2" * 16, "csapa", "", NUMBER, (), Traits("DURAND", "CAMILLE", "1985-04-03", "female"))
    (link,) = links_by_ins([one, other], lambda *_: True)

    assert LinkState.REVIEW is link.state
    assert [1, 1] == [len(group.members) for group in persons_of([one, other], [link])[0]]
