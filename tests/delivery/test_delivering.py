"""Deliver over small regions in real stores: what leaves, for whom, and what never does."""

import hashlib
import json
from datetime import date
from types import SimpleNamespace

import pytest
from link_builders import NAMING, TODAY, World, target

from passerelle.delivery import deliver
from passerelle.delivery.pruning import without_numbers
from passerelle.errors import RefusedForGood
from passerelle.ids import KeyedHasher, resource_id
from passerelle.records import Stage, State
from passerelle.stores.ledger import cuts, outbox, run_log

NUMBER = "185040012345678"


@pytest.fixture
def world(ledger, data, keys):
    return World(ledger, data, keys)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def directory(world):
    """The organisations, as map gives them to deliver."""
    hasher = KeyedHasher(world.keys.id_key("directory"), ("directory", "organisation"))
    found = []
    for code, one in world.house.organisations.items():
        raw = hasher.of((code,))
        tree = {"resourceType": "Organization", "id": resource_id(raw), "name": one.name}
        found.append(SimpleNamespace(id=raw, type="Organization", tree=tree))
    return found


def delivered(world, out, to="COORD", as_of=TODAY, **elements):
    linked = world.link(as_of=as_of)
    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
    return deliver(
        world.stores,
        world.house,
        cut,
        linked,
        lease=world.lease,
        as_of=as_of,
        out_folder=out,
        target=target(to, **elements),
        directory=directory(world),
    )


def written(out, resource):
    path = out / "export" / f"{resource}.ndjson"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def everything(out):
    return "".join(path.read_text(encoding="utf-8") for path in sorted((out / "export").glob("*.ndjson")))


def hashes(out):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.rglob("*.*"))}


def known_to_both(world, **consent):
    """Somebody known to the hospital and to the CSAPA, who said the same at both doors."""
    world.patient("chu", "h", ins=NUMBER)
    world.patient("csapa", "c", ins=NUMBER)
    for source, name in (("chu", "h"), ("csapa", "c")):
        world.consent(source, "k", name, **({"to": None} | consent))
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.contact("first", "c", "2025-06-14")


# Who gets what -------------------------------------------------------------------------------------------------------


def test_what_was_agreed_to_leaves_whole(world, out):
    known_to_both(world)

    outcome = delivered(world, out)

    assert [one["name"][0]["family"] for one in written(out, "Patient")] == ["Durand", "Durand"]
    assert {one["birthDate"] for one in written(out, "Patient")} == {"1985-04-03"}
    assert len(written(out, "Person")) == 1
    assert {one["status"] for one in written(out, "Task")} == {"completed"}
    assert outcome.delivered["Encounter"] == 2
    assert "opposition" not in outcome.withheld


def test_nothing_is_sent_as_of_a_day_before_that_of_the_last_sending(world, out):
    known_to_both(world, withdrawn="2025-12-30")
    delivered(world, out, as_of=date(2025, 12, 28))
    assert len(written(out, "Patient")) == 2
    delivered(world, out)
    before = hashes(out)

    with pytest.raises(RefusedForGood, match="was as of 2025-12-31; one as of 2025-12-29 could send again"):
        delivered(world, out, as_of=date(2025, 12, 29))

    assert written(out, "Patient") == []
    assert hashes(out) == before


def test_what_hospitals_were_told_is_not_told_as_of_an_earlier_day_either(world, out):
    known_to_both(world, to=None)
    world.opposition("csapa", "q", "c", against="CHU", on="2025-12-30")
    delivered(world, out, to="CSAPA", as_of=date(2025, 12, 29))
    delivered(world, out, to="CSAPA")
    told = (out / "hospitals" / "chu.csv").read_text("utf-8")
    assert "found" not in told

    with pytest.raises(RefusedForGood):
        delivered(world, out, to="CSAPA", as_of=date(2025, 12, 29))

    assert (out / "hospitals" / "chu.csv").read_text("utf-8") == told


def test_a_delivery_of_a_later_day_without_news_still_closes_the_days_before(world, out):
    world.patient("chu", "h", ins=NUMBER)
    delivered(world, out, as_of=date(2025, 12, 29))
    delivered(world, out)

    with pytest.raises(RefusedForGood):
        delivered(world, out, as_of=date(2025, 12, 29))


def test_what_a_killed_delivery_had_in_the_making_is_gone_after_the_next(world, out):
    known_to_both(world)
    (out / "export").mkdir(parents=True)
    (out / "export" / ".Patient.ndjson.0123abcd.part").write_text("{}", encoding="utf-8")

    delivered(world, out)

    assert [path.name for path in (out / "export").iterdir() if path.name.startswith(".")] == []


def test_without_a_ground_nothing_leaves(world, out):
    known_to_both(world, to="CSAPA")

    outcome = delivered(world, out)

    assert everything(out) == ""
    assert outcome.withheld["no-ground"] > 0
    assert outcome.delivered == {}


def test_an_opposition_at_one_door_keeps_both_records_back(world, out):
    known_to_both(world)
    world.opposition("csapa", "q", "c", purposes=("deliver",))

    outcome = delivered(world, out)

    assert everything(out) == ""
    assert set(outcome.withheld) == {"opposition", "points-to-withheld", "legal-kind"} & set(outcome.withheld)


def test_a_withdrawn_consent_is_checked_on_the_day_of_sending(world, out):
    known_to_both(world, withdrawn="2025-12-30")

    assert delivered(world, out).delivered == {}


def test_only_the_elements_that_the_target_may_have_leave(world, out):
    known_to_both(world)

    delivered(world, out, Patient=("gender",))

    assert {tuple(sorted(one)) for one in written(out, "Patient")} == {("gender", "id", "resourceType")}


def test_a_type_that_is_not_listed_is_out_of_scope(world, out):
    known_to_both(world)
    world.team("t", "c", ("CHU", "CSAPA"))

    outcome = delivered(world, out)

    assert outcome.out_of_scope == 1
    assert not (out / "export" / "CareTeam.ndjson").exists()


def test_an_anonymous_contact_leaves_for_nobody(world, out):
    world.slip("TOKEN", "2025-06-01", "2025-07-01")

    outcome = delivered(world, out)

    assert everything(out) == ""
    assert outcome.withheld == {"anonymity": 2}


def test_somebody_who_asked_for_anonymity_leaves_for_nobody(world, out):
    world.patient("csapa", "c", anonymous=True)
    world.consent("csapa", "k", "c", to=None)
    world.contact("first", "c", "2025-06-14")

    assert delivered(world, out).delivered == {}


def test_nothing_leaves_whose_subject_is_withheld(world, out):
    known_to_both(world, classes=("stay", "contact", "follow-up"))

    assert delivered(world, out).delivered == {}


def test_everything_does_not_open_housing(world, out):
    known_to_both(world)
    world.orientation("chu", "OR23", "h", ("stay", "s"))
    world.placement("n", "OR23", "2025-06-11")

    delivered(world, out)

    assert NAMING["orientation-number"] not in everything(out)
    assert "housing-first-night" not in everything(out)
    assert "SIAO" not in everything(out)


# References ----------------------------------------------------------------------------------------------------------


def test_a_found_follow_up_does_not_leave_without_what_was_found(world, out):
    known_to_both(world, classes=("identity", "follow-up", "stay"))  # not the contact itself

    outcome = delivered(world, out)

    assert [one["class"]["code"] for one in written(out, "Encounter")] == ["IMP"]
    assert not [one for one in written(out, "Task") if "output" in one or one["status"] == "completed"]
    assert outcome.withheld["points-to-withheld"] >= 3


def test_every_reference_that_leaves_leads_to_something_that_left(world, out):
    known_to_both(world)

    delivered(world, out)

    left = {f"{one['resourceType']}/{one['id']}" for line in everything(out).splitlines() for one in [json.loads(line)]}
    named = {part.split('"')[0] for part in everything(out).split('"reference":"')[1:]}
    assert named <= left
    assert any(name.startswith("Organization/") for name in named)


# Prison --------------------------------------------------------------------------------------------------------------


def released(world, classes=("*",)):
    world.patient("usmp", "p", ins=NUMBER)
    world.consent("usmp", "k", "p", to="COORD", classes=classes)
    world.followed("f", "p", "2025-01-10", "2025-06-10")


def test_without_a_ground_for_prison_a_release_reads_as_a_plain_end_of_follow_up(world, out):
    released(world)

    delivered(world, out)

    (episode,) = written(out, "EpisodeOfCare")
    assert sorted(episode) == ["id", "patient", "period", "resourceType", "status"]
    assert episode["status"] == "finished"
    (patient,) = written(out, "Patient")
    assert sorted(patient) == ["birthDate", "gender", "id", "name", "resourceType"]
    for betraying in ("usmp", "USMP", "Unité sanitaire", "release", "prison", "closure"):
        assert betraying not in everything(out)


def test_with_a_ground_that_names_prison_the_release_is_told(world, out):
    released(world, classes=("*", "prison"))

    delivered(world, out)

    (episode,) = written(out, "EpisodeOfCare")
    assert [one["coding"][0]["code"] for one in episode["type"]] == ["da", "release"]
    assert "Unité sanitaire de Valmorge" in {one["name"] for one in written(out, "Organization")}


def test_a_consent_that_names_the_prison_unit_tells_of_prison_itself(world, out):
    world.patient("csapa", "c")
    world.consent("csapa", "k", "c", to=None)
    world.consent("csapa", "k2", "c", to="USMP")

    outcome = delivered(world, out)

    assert len(written(out, "Consent")) == 1
    assert outcome.withheld["no-ground"] == 1


def test_answers_on_housing_and_prison_stay_behind_and_the_rest_leaves(world, out):
    world.patient("csapa", "c")
    world.consent("csapa", "k", "c", to=None)
    world.put(
        "csapa",
        "record",
        "r",
        "QuestionnaireResponse",
        status="completed",
        subject=world.ref("csapa", "patient", "c", "Patient"),
        item=[{"linkId": one, "answer": [{"valueInteger": 1}]} for one in ("3", "6", "34")],
    )

    delivered(world, out, QuestionnaireResponse=("status", "subject", "item"))

    assert [one["linkId"] for one in written(out, "QuestionnaireResponse")[0]["item"]] == ["3"]


def test_an_orientation_slip_is_told_to_nobody(world, out):
    world.patient("csapa", "c")
    world.consent("csapa", "k", "c", to=None)
    world.slip("TOKEN", "2025-06-01", "2025-07-01")
    world.shown("TOKEN", "c", "2025-06-05")
    world.contact("then", "c", "2025-06-05")

    delivered(world, out)

    assert len(written(out, "Encounter")) == 1
    assert not written(out, "Task")


def test_nothing_goes_to_justice(world, out):
    known_to_both(world)
    linked = world.link()
    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
    judge = target("JUDGE").model_copy(
        update={"recipient": target().recipient.model_copy(update={"organisation": "JUDGE", "kind": "justice"})}
    )

    outcome = deliver(
        world.stores, world.house, cut, linked, lease=world.lease, as_of=TODAY, out_folder=out, target=judge
    )

    assert outcome.delivered == {}
    assert set(outcome.withheld) <= {"forbidden-recipient", "points-to-withheld"}


# Sums, receipts, bytes -----------------------------------------------------------------------------------------------


def test_every_resource_of_the_view_is_counted_once(world, out):
    known_to_both(world)
    world.patient("csapa", "other")
    world.contact("unseen", "other", "2025-07-01")

    outcome = delivered(world, out)

    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
        told = {
            state: count
            for (stage, scope, state), count in cuts.tallies(tx, cut.id).items()
            if (stage, scope) == (Stage.DELIVER, "export")
        }
    organisations = outcome.delivered["Organization"]
    standing = 3 + 3 + 2 + 1 + 2 + 4  # patients, stay and contacts, consents, person, requests, tasks
    assert told[State.PASSED] == sum(outcome.delivered.values())
    assert sum(told.values()) - organisations == standing


def test_delivering_again_sends_nothing_and_changes_no_byte(world, out):
    known_to_both(world)
    first = delivered(world, out)
    before = hashes(out)

    again = delivered(world, out)

    assert hashes(out) == before
    assert (first.sent["put"] > 0, again.sent) == (True, {"put": 0, "delete": 0})
    with world.stores.ledger.read() as tx:
        assert len(run_log.last(tx, event="deliver")) == 2


def test_what_is_withdrawn_is_gone_from_the_files_and_known_to_be_gone(world, out):
    known_to_both(world)
    first = delivered(world, out)
    for source, name in (("chu", "h"), ("csapa", "c")):
        world.consent(source, "k", name, to=None, withdrawn="2025-12-01")

    second = delivered(world, out)

    assert everything(out) == ""
    assert second.sent == {"put": 0, "delete": first.sent["put"]}
    with world.stores.ledger.read() as tx:
        assert {one.state for one in outbox.receipts_of(tx, "export").values()} == {"gone"}
        assert outbox.due(tx, "export") == []


def test_no_value_of_a_person_is_in_the_ledger_or_in_a_file_name(world, out):
    known_to_both(world)
    delivered(world, out)

    assert all("Durand" not in path.name for path in out.rglob("*"))


# The hospitals' own lists --------------------------------------------------------------------------------------------


def rows_of(out, hospital):
    return (out / "hospitals" / f"{hospital}.csv").read_text(encoding="utf-8").splitlines()


def test_a_hospital_reads_what_became_of_its_own_people_under_its_own_numbers(world, out):
    known_to_both(world)

    delivered(world, out)

    assert rows_of(out, "chu")[:3] == [
        "stay,patient,follow_up,window,from,to,outcome",
        "number of s,number of h,csapa-contact,d21,2025-06-11,2025-07-01,found",
        "number of s,number of h,csapa-contact,d30,2025-06-11,2025-07-10,found",
    ]
    assert rows_of(out, "ch") == ["stay,patient,follow_up,window,from,to,outcome"]


def test_a_hospital_is_told_nothing_where_only_the_other_way_was_agreed(world, out):
    known_to_both(world, to="CSAPA")

    delivered(world, out)

    assert {row.rpartition(",")[2] for row in rows_of(out, "chu")[1:]} == {"not-permitted"}


def test_a_silence_does_not_tell_that_somebody_is_known_elsewhere(world, out):
    world.patient("chu", "h", ins=NUMBER)
    world.consent("chu", "k", "h", to="CSAPA")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.patient("csapa", "somebody else", ins="2" + NUMBER[1:])
    world.contact("of somebody else", "somebody else", "2025-12-20")

    delivered(world, out)

    assert {row.rpartition(",")[2] for row in rows_of(out, "chu")[1:]} == {"not-permitted"}


def test_no_hospital_reads_of_a_prison(world, out):
    known_to_both(world)
    world.patient("usmp", "p", ins=NUMBER)
    world.consent("usmp", "k", "p", to=None)
    world.followed("f", "p", "2025-01-10", "2025-06-10")

    delivered(world, out)

    assert sorted(path.name for path in (out / "hospitals").iterdir()) == ["ch.csv", "chu.csv"]
    assert all("prison" not in row and "number of f" not in row for row in rows_of(out, "chu"))


# Numbers that tell ---------------------------------------------------------------------------------------------------


def test_a_reference_by_a_number_that_is_closed_goes_with_what_holds_nothing_else():
    number = {"system": "finess", "value": "1"}
    tree = {
        "resourceType": "Encounter",
        "id": "e",
        "identifier": [{"system": "stay", "value": "1"}, number],
        "hospitalization": {"destination": {"identifier": number, "display": "told"}},
        "participant": [{"individual": {"identifier": {"system": "rpps", "value": "1"}}}],
    }

    left = without_numbers(tree, lambda *one: one == ("finess", "1"))

    assert left == {
        "resourceType": "Encounter",
        "id": "e",
        "identifier": [{"system": "stay", "value": "1"}],
        "participant": [{"individual": {"identifier": {"system": "rpps", "value": "1"}}}],
    }
    assert without_numbers(tree, lambda *_: False) is tree
