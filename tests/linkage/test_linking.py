"""Link over small regions in real stores: who is one person, what is found, what is missed, what cannot be seen."""

import link_builders
import pytest
from link_builders import TODAY, World, house, organisations, passed

from passerelle.ids import resource_id
from passerelle.stores import sums
from passerelle.stores.ledger import cuts, links, run_log, stored

NUMBER = "185040012345678"


@pytest.fixture
def world(ledger, data, keys):
    return World(ledger, data, keys)


def left_hospital(world, end="2025-06-10", **changed):
    """Somebody known to the hospital and to the CSAPA, who agreed at the hospital and left on that day."""
    world.patient("chu", "h", ins=changed.pop("ins", NUMBER), **changed)
    world.patient("csapa", "c", ins=NUMBER)
    world.consent("chu", "k", "h")
    world.stay("chu", "s", "h", "2025-06-01", end)
    world.contact("late", "c", "2025-12-20")


def test_a_contact_four_days_after_the_discharge_is_found_in_every_window(world):
    left_hospital(world)
    world.contact("first", "c", "2025-06-14")

    outcome = world.link()

    assert world.tasks(outcome) == {"d7": "found", "d21": "found", "d30": "found"}
    assert outcome.links == {"ins": 1, "orientation-slip": 0, "orientation-number": 0}
    assert outcome.persons == 1
    assert outcome.outcomes["hospital_discharge.csapa_contact.d7"] == {"found": 1}


def test_a_contact_on_the_day_of_discharge_does_not_count(world):
    left_hospital(world)
    world.contact("same day", "c", "2025-06-10")

    assert world.tasks(world.link()) == {"d7": "missed", "d21": "missed", "d30": "missed"}


def test_a_contact_on_the_tenth_day_is_missed_in_the_first_window_only(world):
    left_hospital(world)
    world.contact("first", "c", "2025-06-20")

    assert world.tasks(world.link()) == {"d7": "missed", "d21": "found", "d30": "found"}


def test_a_window_that_is_not_over_is_open(world):
    left_hospital(world, end="2025-12-22")

    assert world.tasks(world.link()) == {"d7": "missed", "d21": "open", "d30": "open"}


def test_death_after_the_discharge_is_told_by_no_window_before_its_end(world):
    left_hospital(world, end="2025-12-22", died="2025-12-28")

    assert world.tasks(world.link()) == {"d7": "missed", "d21": "open", "d30": "open"}


def test_a_contact_after_the_death_is_no_follow_up(world):
    left_hospital(world, died="2025-06-12")
    world.contact("first", "c", "2025-06-14")

    assert set(world.tasks(world.link()).values()) == {"missed"}


def test_nobody_is_waited_for_who_died_in_hospital(world):
    left_hospital(world, died="2025-06-10")

    outcome = world.link()

    assert world.tasks(outcome) == {}
    assert outcome.states["hospital_discharge.csapa_contact.d7"] == {"rejected": 1}


def test_an_exit_that_nobody_dated_is_not_observable(world):
    left_hospital(world, end=None)

    assert set(world.tasks(world.link()).values()) == {"no-event-time"}


def test_without_a_qualified_number_there_is_no_common_key(world):
    left_hospital(world, ins="")

    assert set(world.tasks(world.link()).values()) == {"no-common-key"}


def test_a_discharge_before_the_csapa_covers_the_region_is_not_observable(world):
    left_hospital(world, end="2025-01-20")
    world.contact("first", "c", "2025-01-25")

    assert set(world.tasks(world.link()).values()) == {"no-coverage"}


def test_a_source_that_has_been_silent_is_not_held_against_anybody(world):
    world.patient("chu", "h", ins=NUMBER)
    world.consent("chu", "k", "h")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.patient("csapa", "c", ins="2" + NUMBER[1:])
    world.publish("chu")  # the CSAPA said nothing after March
    world.contact("old", "c", "2025-03-01")
    world._orders = iter([-1])
    world.publish("csapa")

    assert set(world.tasks(world.link()).values()) == {"no-coverage"}


def test_nobody_who_agreed_to_nothing_is_looked_for(world):
    left_hospital(world)
    world.waiting["chu"] = [one for one in world.waiting["chu"] if one[1]["resourceType"] != "Consent"]
    world.contact("first", "c", "2025-06-14")

    outcome = world.link()

    assert set(world.tasks(outcome).values()) == {"not-permitted"}
    assert outcome.links["ins"] == outcome.persons == 0
    assert outcome.states["hospital_discharge.csapa_contact.d7"] == {"suppressed": 1}


def test_an_opposition_at_the_other_door_stops_the_link(world):
    left_hospital(world)
    world.opposition("csapa", "q", "c")
    world.contact("first", "c", "2025-06-14")

    assert set(world.tasks(world.link()).values()) == {"not-permitted"}


def test_a_consent_at_the_other_door_opens_the_link(world):
    left_hospital(world)
    world.waiting["chu"] = [one for one in world.waiting["chu"] if one[1]["resourceType"] != "Consent"]
    world.consent("csapa", "k", "c", to="CHU")
    world.contact("first", "c", "2025-06-14")

    assert world.tasks(world.link())["d7"] == "found"


def test_a_recorded_care_team_opens_the_link_and_an_undated_one_does_not(world):
    left_hospital(world)
    world.waiting["chu"] = [one for one in world.waiting["chu"] if one[1]["resourceType"] != "Consent"]
    world.contact("first", "c", "2025-06-14")
    world.team("t", "c", ("CHU", "CSAPA"), start=None)
    undated = world.tasks(world.link())

    world.team("t", "c", ("CHU", "CSAPA"))
    dated = world.tasks(world.link())

    assert (undated["d7"], dated["d7"]) == ("not-permitted", "found")


def test_the_number_of_a_relative_makes_no_person_and_waits_for_somebody(world):
    left_hospital(world, given="Camille")
    world.contact("first", "c", "2025-06-14")

    outcome = world.link()

    assert set(world.tasks(outcome).values()) == {"no-common-key"}
    assert (outcome.links["ins"], outcome.reviews, outcome.persons) == (0, 1, 0)
    assert outcome.states["ins"] == {"quarantined": 1}


def test_somebody_who_asked_for_anonymity_is_never_linked(world):
    world.patient("chu", "h", anonymous=True)
    world.consent("chu", "k", "h")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")

    assert set(world.tasks(world.link()).values()) == {"not-permitted"}


def test_one_contact_follows_the_nearest_discharge_only(world):
    left_hospital(world)
    world.stay("chu", "s2", "h", "2025-06-15", "2025-06-18")
    world.contact("first", "c", "2025-06-20")

    outcome = world.link()

    assert outcome.outcomes["hospital_discharge.csapa_contact.d21"] == {"found": 1, "missed": 1}


def test_a_return_to_hospital_ends_the_wait(world):
    left_hospital(world, end="2025-12-20")
    world.stay("chu", "s2", "h", "2025-12-25", None, status="in-progress")
    world.contact("later", "c", "2025-12-27")

    assert world.tasks(world.link()) == {"d7": "missed", "d21": "open", "d30": "open"}


def test_a_discharge_after_which_the_same_hospital_takes_the_person_in_at_once_is_none(world):
    left_hospital(world)
    world.stay("chu", "s2", "h", "2025-06-11", "2025-06-20")
    world.contact("first", "c", "2025-06-24")

    outcome = world.link()

    assert outcome.outcomes["hospital_discharge.csapa_contact.d7"] == {"excluded": 1, "found": 1}
    assert world.tasks(outcome) == {"d7": "found", "d21": "found", "d30": "found"}


def test_an_admission_to_another_hospital_is_not_told_by_silence(world):
    left_hospital(world)
    world.patient("ch", "h2", ins=NUMBER)
    world.consent("ch", "k", "h2", to=None)
    world.stay("ch", "s2", "h2", "2025-06-11", "2025-06-20")
    world.contact("first", "c", "2025-06-24")

    outcome = world.link()

    assert "excluded" not in outcome.outcomes["hospital_discharge.csapa_contact.d7"]
    assert outcome.states["hospital_discharge.csapa_contact.d7"] == {"passed": 2}


def test_three_doors_are_one_person_only_where_each_pair_is_permitted(world):
    world.patient("chu", "h", ins=NUMBER)
    world.patient("usmp", "p", ins=NUMBER)
    world.patient("csapa", "c", ins=NUMBER)
    world.consent("chu", "k", "h")
    world.consent("usmp", "k", "p")

    outcome = world.link()

    told = [tree for tree in world.statements(outcome.batch_id) if tree["resourceType"] == "Person"]
    members = sorted(sorted(one["target"]["reference"] for one in tree["link"]) for tree in told)
    hospital, prison, csapa = (
        f"Patient/{resource_id(world.id(source, 'patient', name))}"
        for source, name in (("chu", "h"), ("usmp", "p"), ("csapa", "c"))
    )
    assert members == sorted([sorted([hospital, csapa]), sorted([prison, csapa])])
    assert outcome.links["ins"] == 2


# Housing -------------------------------------------------------------------------------------------------------------


def oriented(world, **changed):
    world.patient("chu", "h")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.orientation("chu", "OR23", "h", ("stay", "s"), **changed)


def test_a_first_night_under_a_quoted_number_is_found(world):
    oriented(world)
    world.placement("n", "OR23", "2025-06-11")

    outcome = world.link()

    assert world.tasks(outcome, "housing-first-night") == {"d1": "found"}
    assert outcome.links["orientation-number"] == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"agreed": False}, "not-permitted"),
        ({"withdrawn": "2025-07-01"}, "not-permitted"),
        ({"status": "revoked"}, "no-common-key"),
    ],
)
def test_a_number_that_may_not_be_used_leads_nowhere(world, changed, said):
    oriented(world, **changed)
    world.placement("n", "OR23", "2025-06-11")

    outcome = world.link()

    assert world.tasks(outcome, "housing-first-night") == {"d1": said}
    assert outcome.links["orientation-number"] == 0


def test_a_general_consent_does_not_stand_in_for_the_word_on_the_orientation(world):
    oriented(world, agreed=False)
    world.consent("chu", "k", "h", to=None)
    world.placement("n", "OR23", "2025-06-11")

    assert world.tasks(world.link(), "housing-first-night") == {"d1": "not-permitted"}


def test_without_a_number_there_is_no_common_key_with_housing(world):
    world.patient("chu", "h")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.placement("n", None, "2025-06-11")

    assert world.tasks(world.link(), "housing-first-night") == {"d1": "no-common-key"}


def test_an_opposition_to_housing_comes_before_the_missing_number(world):
    world.patient("chu", "h")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.opposition("chu", "q", "h", against="SIAO")
    world.placement("n", None, "2025-06-11")

    assert world.tasks(world.link(), "housing-first-night") == {"d1": "not-permitted"}


def test_one_number_on_two_orientations_leads_nowhere(world):
    oriented(world)
    world.patient("ch", "h2")
    world.stay("ch", "s2", "h2", "2025-06-01", "2025-06-10")
    world.orientation("ch", "OR23", "h2", ("stay", "s2"))
    world.placement("n", "OR23", "2025-06-11")

    outcome = world.link()

    assert outcome.outcomes["hospital_discharge.housing_first_night.d1"] == {"no-common-key": 2}


def test_an_opposition_where_the_number_is_quoted_stops_the_match(world):
    oriented(world)
    world.placement("n", "OR23", "2025-06-11")
    world.placement("fresh", None, "2025-12-30")
    world.opposition("siao", "q", "of n")

    outcome = world.link()

    assert outcome.links["orientation-number"] == 0
    assert outcome.outcomes["hospital_discharge.housing_first_night.d1"] == {"missed": 1}


@pytest.mark.parametrize("second", ["abri", "zabri"])
def test_a_roof_counts_whichever_of_two_desks_gave_it(ledger, data, keys, monkeypatch, second):
    monkeypatch.setitem(link_builders.KINDS, second, "housing")
    monkeypatch.setitem(link_builders.COVERED_SINCE, second, "2025-03-01")
    known = organisations()
    known["ABRI"] = known["SIAO"].model_copy(update={"code": "ABRI", "source": second})
    world = World(ledger, data, keys, house(organisations=known))
    oriented(world)
    about = world.ref("chu", "orientation", "OR23", "ServiceRequest")
    world.consent("chu", "two", "h", to="ABRI", classes=("identity", "housing"), about=about, label="second_consent")
    world.placement("n", "OR23", "2025-06-11")
    world.put(second, "patient", "p", "Patient", gender="female")
    someone = {"for": world.ref(second, "patient", "p", "Patient")}
    night = {"start": "2025-12-30"}
    world.put(second, "placement", "p", "Task", status="in-progress", intent="order", executionPeriod=night, **someone)

    assert world.link().outcomes["hospital_discharge.housing_first_night.d1"] == {"found": 1}


# Prison --------------------------------------------------------------------------------------------------------------


def test_only_an_actual_release_is_an_event(world):
    world.patient("usmp", "p", ins=NUMBER)
    world.patient("csapa", "c", ins=NUMBER)
    world.consent("usmp", "k", "p")
    world.followed("f1", "p", "2025-01-10", "2025-03-01", closure="transfer")
    world.followed("f2", "p", "2025-04-10", "2025-06-10")
    world.contact("first", "c", "2025-06-15")

    outcome = world.link()

    assert outcome.outcomes["prison_release.csapa_contact.d7"] == {"found": 1}


# Slips ---------------------------------------------------------------------------------------------------------------


def shown_slip(world, day="2025-06-05", **changed):
    world.patient("csapa", "c")
    world.slip("TOKEN", "2025-06-01", "2025-07-01")
    world.shown("TOKEN", "c", day, **changed)
    world.contact("before", "c", "2025-06-02")
    world.contact("then", "c", day)
    world.contact("after", "c", "2025-09-01")


def test_a_slip_leads_to_the_contact_at_which_it_was_shown_and_to_no_earlier_one(world):
    shown_slip(world)

    outcome = world.link()

    with world.stores.ledger.read() as tx:
        found = links.found(tx, "orientation-slip")
    assert [(one.left, one.right) for one in found] == [
        (written(world.id("caarud", "slip", "TOKEN")), written(world.id("csapa", "contact", "then")))
    ]
    assert passed(outcome.states["orientation-slip"]) == 1


def written(raw):
    return bytes.fromhex(resource_id(raw).replace("-", ""))


@pytest.mark.parametrize(
    ("day", "changed", "said", "state"),
    [
        ("2025-07-02", {}, "expired", "rejected"),
        ("2025-06-05", {"agreed": False}, "not-consented", "suppressed"),
    ],
)
def test_a_slip_out_of_date_or_without_a_word_leads_nowhere(world, day, changed, said, state):
    shown_slip(world, day, **changed)

    outcome = world.link()

    assert outcome.outcomes["orientation-slip"] == {said: 1}
    assert outcome.states["orientation-slip"] == {state: 1}
    assert outcome.links["orientation-slip"] == 0


def test_a_slip_of_somebody_who_opposed_or_asked_for_anonymity_leads_nowhere(world):
    shown_slip(world)
    world.opposition("csapa", "q", "c")

    assert world.link().outcomes["orientation-slip"] == {"not-permitted": 1}


@pytest.mark.parametrize("token", ["T1", "T2", "T3", "T4", "T5", "T6"])
def test_of_two_answers_to_a_slip_on_one_day_the_refusal_counts(world, token):
    world.patient("csapa", "c")
    world.slip(token, "2025-06-01", "2025-07-01")
    world.shown(token, "c", "2025-06-05")
    _, agreed = world.waiting["csapa"][-1]
    world.put("csapa", "slip_shown", f"again {token}", "Task", **{**agreed_to(agreed), "status": "rejected"})
    world.contact("then", "c", "2025-06-05")

    assert world.link().outcomes["orientation-slip"] == {"not-consented": 1}


def agreed_to(tree):
    return {name: value for name, value in tree.items() if name not in {"resourceType", "id"}}


def test_a_hand_over_that_was_noted_in_error_uses_no_slip_up(world):
    world.patient("csapa", "wrong")
    world.patient("csapa", "c")
    world.slip("TOKEN", "2025-06-01", "2025-07-01")
    world.shown("TOKEN", "wrong", "2025-06-03")
    world.waiting["csapa"][-1][1]["status"] = "entered-in-error"
    world.shown("TOKEN", "c", "2025-06-05")
    world.contact("then", "c", "2025-06-05")

    assert world.link().outcomes["orientation-slip"] == {"linked": 1}


def test_a_token_that_was_misread_waits_and_the_slip_does_too(world):
    world.patient("csapa", "c")
    world.slip("TOKEN", "2025-06-01", "2025-07-01")
    world.shown("TOKEM", "c", "2025-06-05")
    world.contact("then", "c", "2025-06-05")

    outcome = world.link()

    assert outcome.outcomes["orientation-slip"] == {"not-presented": 1, "unknown-token": 1}
    assert outcome.states["orientation-slip"] == {"pending": 2}


# Running again -------------------------------------------------------------------------------------------------------


def test_running_again_changes_nothing_but_the_run_log(world):
    left_hospital(world)
    first = world.link()
    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
        told = cuts.tallies(tx, cut.id)

    again = world.link(cut)

    with world.stores.ledger.read() as tx:
        assert cuts.tallies(tx, cut.id) == told
        assert len(run_log.last(tx, event="link")) == 2
    assert (first.changed, again.changed) == (True, False)
    assert (again.generation, again.outcomes, again.links) == (first.generation, first.outcomes, first.links)


def test_news_replaces_every_statement(world):
    left_hospital(world)
    first = world.link()
    before = world.tasks(first)
    world.contact("first", "c", "2025-06-14")

    second = world.link()

    assert (before["d7"], world.tasks(second)["d7"]) == ("missed", "found")
    assert second.batch_id == first.batch_id
    assert second.generation == first.generation + 1


def test_the_sums_count_statements_apart_from_records(world):
    left_hospital(world)
    world.link()

    wrong = [
        one for one in sums.recount(world.stores.ledger, world.stores.vault, world.stores.lake) if "link" in one.batch
    ]

    assert wrong == []


def test_the_sums_see_that_statements_were_changed_behind_the_ledger(world):
    left_hospital(world)
    outcome = world.link()
    with world.stores.ledger.read() as tx:
        file = stored.of_batch(tx, outcome.batch_id)[0]
    path = world.stores.lake.root / file.name
    path.write_bytes(path.read_bytes() + b" ")

    told = [one.sentence for one in sums.recount(world.stores.ledger, world.stores.vault, world.stores.lake)]

    assert any(file.name in sentence for sentence in told)


def test_the_order_in_which_batches_come_makes_no_difference(world, tmp_path, sqlite_url, keys):
    left_hospital(world)
    world.contact("first", "c", "2025-06-14")
    together = world.statements(world.link(as_of=TODAY).batch_id)
    left_hospital(world)
    world.contact("first", "c", "2025-06-14")
    world.publish("csapa")
    world.publish("chu")

    apart = world.statements(world.link(as_of=TODAY).batch_id)

    assert apart == together
