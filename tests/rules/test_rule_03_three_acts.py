"""Rule 3. Withdrawal, error and erasure are three acts: what each does here, and what past recipients are told."""

import json
from datetime import timedelta

import pytest
from attacked_people import SEEN
from attacked_region import contact_key
from link_builders import TODAY, World, target

from passerelle.delivery import deliver
from passerelle.fold.view import as_written
from passerelle.ids import id_bytes, resource_id
from passerelle.stores.ledger import Ledger, audit, cuts, outbox


def receipt_of(moment, identifier):
    return moment.receipts[id_bytes(identifier)]


def sends_of(region, identifier):
    with region.instance.stores.ledger.read() as tx:
        sends = outbox.due(tx, "export", states=tuple(outbox.SendState), limit=10**6)
    return [one for one in sends if resource_id(one.send.resource_id) == identifier]


def last_send(region, identifier):
    return sends_of(region, identifier)[-1]


def everything_of(moment, case):
    """The ids of all that was said of somebody, at either door and by link."""
    region, somebody = moment.region, moment.people[case]
    own = [
        region.patient("chu", somebody),
        region.patient("csapa", somebody),
        region.stay(somebody),
        region.id_of("csapa", "contact", contact_key(somebody, SEEN)),
    ]
    stated = [
        key
        for key, one in moment.exported.items()
        if one["resourceType"] in {"Task", "ServiceRequest", "Person"}
        and any(each in str(one) for each in own)
        and key not in own
    ]
    return own, stated


# Withdrawal and opposition -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["withdraws", "withdraws-unreadably", "lets-it-end"])
def test_a_withdrawal_ends_the_link_and_everything_that_rested_on_it(first, second, case):
    own, stated = everything_of(first, case)

    assert len(stated) >= 3
    assert {"held"} == {receipt_of(first, one).state for one in (*own, *stated)}
    assert second.pair(case, "chu", "csapa") not in second.active | second.doubtful
    assert {"gone"} == {receipt_of(second, one).state for one in (*own, *stated)}
    assert [] == [one for one in (*own, *stated) if one in second.exported]


def test_a_withdrawal_tells_the_recipient_that_sharing_has_ended_and_not_that_it_was_an_error(second):
    own, _ = everything_of(second, "withdraws")
    patient, *_ = own

    told = last_send(second.region, patient)

    assert ("delete", "sharing-ended") == (told.send.action, told.reason)
    assert "entered-in-error" not in str(second.standing[second.region.stay(second.people["withdraws"])])


def test_an_opposition_tells_the_same(second):
    told = last_send(second.region, second.region.patient("chu", second.people["opposes"]))

    assert ("delete", "sharing-ended") == (told.send.action, told.reason)


def test_what_was_recorded_at_the_door_stays_there_after_a_withdrawal(second):
    for source in ("chu", "csapa"):
        assert second.patient(source, "withdraws") is not None


def test_what_has_not_left_yet_stops_with_the_withdrawal(second, between):
    patient = second.region.patient("chu", second.people["opposes-in-between"])

    told = [(one.send.action, one.state.value) for one in sends_of(between.region, patient)]

    assert [("put", "stopped"), ("delete", "delivered")] == told


def test_the_audit_keeps_every_delivery(first, second):
    assert first.told.cut != second.told.cut
    with second.region.instance.stores.ledger.read() as tx:
        kept = [json.loads(one.detail)["cut"] for one in audit.lines(tx) if one.action == "deliver"]
        assert [] == audit.verify(tx)
    assert {first.told.cut, second.told.cut} <= set(kept)


def test_a_consent_that_runs_out_over_night_is_told_though_nothing_new_came(sqlite_url, data, keys, tmp_path):
    """The same cut, delivered on the next day: what it sent is taken back, in the ledger too."""
    ledger = Ledger.open(sqlite_url)
    world = World(ledger, data, keys)
    patient = world.patient("csapa", "c")
    world.consent("csapa", "k", "c", to=None, end=TODAY.isoformat())
    linked = world.link()
    with ledger.read() as tx:
        cut = cuts.last(tx)
    told = []
    for day in (TODAY, TODAY + timedelta(days=1)):
        deliver(
            world.stores,
            world.house,
            cut,
            linked,
            lease=world.lease,
            as_of=day,
            out_folder=tmp_path / "out",
            target=target(),
        )
        with ledger.read() as tx:
            sends = outbox.due(tx, "export", states=tuple(outbox.SendState), limit=100)
        told.append({(one.send.action, one.reason) for one in sends if one.send.resource_id == as_written(patient)})
    ledger.close()

    assert [{("put", "")}, {("delete", "sharing-ended")}] == told


# Error ---------------------------------------------------------------------------------------------------------------


def test_a_cancelled_discharge_undoes_what_was_said_after_it(first, second):
    case = "discharge-cancelled"
    _, stated = everything_of(first, case)
    tasks = [one for one in stated if first.exported[one]["resourceType"] == "Task"]

    assert {"found"} == set(first.outcomes(case).values())
    assert {} == second.outcomes(case)
    assert {"gone"} == {receipt_of(second, one).state for one in tasks}
    assert "end" not in second.standing[second.region.stay(second.people[case])]["period"]


@pytest.mark.parametrize("case", ["never-came", "cancelled-whole"])
def test_a_cancelled_admission_undoes_what_was_said_of_the_stay(first, second, case):
    stay = second.region.stay(second.people[case])

    assert {"found"} == set(first.outcomes(case).values())
    assert "cancelled" == second.standing[stay]["status"]
    assert set(second.outcomes(case).values()) <= {"undone"}
    assert "finished" != second.exported.get(stay, {}).get("status")


def test_an_error_tells_the_recipient_that_it_is_gone_at_its_source(first, second):
    _, stated = everything_of(first, "discharge-cancelled")
    task = next(one for one in stated if first.exported[one]["resourceType"] == "Task")

    told = last_send(second.region, task)

    assert ("delete", "no-longer-stands") == (told.send.action, told.reason)


def test_a_number_that_was_taken_back_ends_the_link_that_rested_on_it(first, second):
    case = "loses-number"
    patient = second.region.patient("chu", second.people[case])

    assert first.is_linked(case)
    assert not second.is_linked(case)
    assert {"no-common-key"} == set(second.outcomes(case).values())
    assert second.people[case].ins in str(first.exported[patient])
    assert second.people[case].ins not in str(second.exported[patient])
    assert "put" == last_send(second.region, patient).send.action


def test_a_contact_that_was_entered_by_mistake_is_found_no_more(first, second):
    case = "contact-deleted"
    contact = second.region.id_of("csapa", "contact", contact_key(second.people[case], SEEN))

    assert {"found"} == set(first.outcomes(case).values())
    assert {"missed"} == set(second.outcomes(case).values())
    assert (True, False) == (contact in first.exported, contact in second.exported)
    assert "no-longer-stands" == last_send(second.region, contact).reason


def test_an_error_leaves_what_people_said_as_it_was(second):
    for case in ("discharge-cancelled", "loses-number", "contact-deleted"):
        assert ["chu", "csapa"] == second.reaches(case, "chu", "csapa")
