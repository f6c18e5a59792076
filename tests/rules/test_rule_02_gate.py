"""Rule 2. One table decides; an opposition beats every ground; doubt closes; who is gated is not even compared."""

from pathlib import Path

import pytest
from attacked_region import text_of
from link_builders import World

from passerelle.gate import deciding
from passerelle.ids import id_bytes
from passerelle.linkage import persons
from passerelle.pipeline.doubts import doubts_of
from passerelle.records import State
from passerelle.stores.ledger import Ledger, items

NUMBER = "185040012345678"


@pytest.mark.parametrize(
    "case",
    [
        "undated-team",
        "opposed-after",
        "opposed-at-hospital",
        "refused-same-day",
        "opposition-not-understood",
        "opposition-not-understood-at-hospital",
        "refusal-not-understood",
        "opposition-twice-told",
    ],
)
def test_what_is_stopped_is_neither_linked_nor_found_nor_told_to_the_hospital(first, case):
    assert not first.is_linked(case)
    assert not first.is_doubtful(case)
    assert {"not-permitted"} == set(first.outcomes(case).values())
    assert {"not-permitted"} == first.told_to_hospital(case)


@pytest.mark.parametrize(
    ("case", "door"),
    [
        ("undated-team", "chu"),
        ("undated-team", "csapa"),
        ("opposed-after", "csapa"),
        ("opposed-at-hospital", "chu"),
        ("refused-same-day", "chu"),
        ("opposition-not-understood", "csapa"),
        ("opposition-not-understood-at-hospital", "chu"),
        ("refusal-not-understood", "csapa"),
        ("opposition-twice-told", "csapa"),
    ],
)
def test_nothing_that_the_door_keeps_of_them_leaves(first, case, door):
    assert [] == first.reaches(case, door)
    assert first.region.patient(door, first.people[case]) not in "".join(map(text_of, first.exported.values()))


def test_the_attack_would_have_worked_without_a_stop(first):
    assert first.is_linked("plain")
    assert {"found"} == set(first.outcomes("plain").values()) == first.told_to_hospital("plain")
    assert ["chu", "csapa"] == first.reaches("plain", "chu", "csapa")


def test_an_agreement_that_nobody_understands_opens_nothing_and_closes_nothing(first):
    assert ["chu", "csapa"] == first.reaches("consent-not-understood", "chu", "csapa")


@pytest.mark.parametrize("case", ["withdraws", "withdraws-unreadably", "lets-it-end"])
def test_a_consent_is_checked_on_the_day_of_sending(first, second, case):
    assert (True, ["chu", "csapa"]) == (first.is_linked(case), first.reaches(case, "chu", "csapa"))
    assert (False, []) == (second.is_linked(case), second.reaches(case, "chu", "csapa"))


@pytest.mark.parametrize("case", ["team-ends-unreadably", "member-leaves-unreadably"])
def test_a_care_team_that_ended_in_a_row_that_was_stopped_opens_nothing(first, second, case):
    assert (True, ["csapa"]) == (first.is_linked(case), first.reaches(case, "csapa")), "the centre recorded the team"
    assert (False, []) == (second.is_linked(case), second.reaches(case, "csapa"))


def test_a_word_on_an_orientation_that_was_taken_back_in_a_row_that_was_stopped_counts_no_more(first, second):
    case, kind = "orientation-withdrawn-unreadably", "housing-first-night"

    assert {"d1": "missed"} == first.outcomes(case, kind)
    assert {"d1": "not-permitted"} == second.outcomes(case, kind)
    assert {"found"} == set(second.outcomes(case).values()), "it was about the orientation, and about nothing else"


def test_what_is_said_later_settles_what_nobody_could_read(second):
    case = "withdraws-unreadably-and-agrees-again"

    assert second.is_linked(case)
    assert ["chu", "csapa"] == second.reaches(case, "chu", "csapa")


def test_who_decides_about_a_stopped_record_settles_it_too(between):
    instance = between.region.instance
    patient = ("chu", id_bytes(between.region.patient("chu", between.people["opposes-unreadably"])))
    assert patient in doubts_of(instance).closed

    with instance.stores.ledger.write() as tx:
        for one in items.found(tx, source="chu", states=[State.QUARANTINED]):
            items.move(tx, one.batch_id, one.stage, one.row, State.REJECTED, expected=one.state, by="a person")

    assert patient not in doubts_of(instance).closed


def test_an_opposition_that_comes_after_link_and_before_deliver_is_heard(second, between):
    case = "opposes-in-between"

    assert ["chu", "csapa"] == second.reaches(case, "chu", "csapa")
    assert between.is_linked(case), "link ran before"
    assert [] == between.reaches(case, "chu", "csapa")
    assert {"not-permitted"} == between.told_to_hospital(case)
    assert not [
        one for one in between.exported.values() if between.region.patient("chu", between.people[case]) in text_of(one)
    ]


# The order of things, in small ---------------------------------------------------------------------------------------


@pytest.fixture
def world(sqlite_url, data, keys):
    ledger = Ledger.open(sqlite_url)
    yield World(ledger, data, keys)
    ledger.close()


def known_at_both(world, **of_centre):
    world.patient("chu", "h", ins=NUMBER)
    world.patient("csapa", "c", ins=NUMBER, **of_centre)
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.contact("first", "c", "2025-06-14")


@pytest.mark.parametrize(
    "stop",
    [
        lambda world: world.opposition("csapa", "q", "c"),
        lambda world: world.opposition("chu", "q", "h", against="CSAPA"),
        lambda world: world.opposition("chu", "q", "h", purposes=("link",)),
        lambda world: world.opposition("csapa", "q", "c", on="2025-12-31"),
        lambda world: world.consent("csapa", "no", "c", permits=False, to=None, on="2025-12-31"),
        lambda world: world.consent("csapa", "no", "c", permits=False, to=None),
        lambda world: None,
    ],
    ids=["general", "against-one", "against-linking", "today", "refused-today", "refused-that-day", "no-ground"],
)
def test_who_is_gated_is_not_compared_with_anybody(world, stop, monkeypatch):
    known_at_both(world)
    if stop(world):
        for source, name in (("chu", "h"), ("csapa", "c")):
            world.consent(source, "k", name, to=None)
        world.team("t", "c", ("CHU", "CSAPA"))
    compared = []
    real = persons.compare_traits
    monkeypatch.setattr(persons, "compare_traits", lambda *both: compared.append(both) or real(*both))

    outcome = world.link()

    assert {"not-permitted"} == set(world.tasks(outcome).values())
    assert (0, 0, 0) == (outcome.links["ins"], outcome.reviews, outcome.persons)
    assert [] == compared


def test_a_gated_number_of_a_relative_is_no_question_for_anybody(world):
    known_at_both(world, given="Camille")
    for source, name in (("chu", "h"), ("csapa", "c")):
        world.consent(source, "k", name, to=None)
    world.opposition("csapa", "q", "c")

    outcome = world.link()

    assert (0, 0) == (outcome.links["ins"], outcome.reviews)
    assert {"not-permitted"} == set(world.tasks(outcome).values())


@pytest.mark.parametrize(
    "team",
    [{"start": None}, {"start": "2026-01-01"}, {"basis": 9}],
    ids=["undated", "not yet", "on no ground of the law"],
)
def test_a_care_team_that_is_not_recorded_as_the_law_wants_opens_nothing(world, team):
    known_at_both(world)
    world.team("t", "c", ("CHU", "CSAPA"), **team)

    assert {"not-permitted"} == set(world.tasks(world.link()).values())


def test_the_gate_itself_knows_no_kind_of_organisation(world):
    body = Path(deciding.__file__).read_text("utf-8")
    kinds = [*world.house.gate.kinds, *world.house.gate.never_recipients]

    assert [] == [kind for kind in kinds if f'"{kind}"' in body]
