"""What people want, read from a source's view into the form that the gate asks for."""

from datetime import date

import pytest
import sqlalchemy as sa
from link_builders import World

from passerelle.fold.view import as_written
from passerelle.gate.recorded import Recorded
from passerelle.stores.ledger import consents, tables


@pytest.fixture
def world(ledger, data, keys):
    told = World(ledger, data, keys)
    told.patient("csapa", "c")
    return told


def recorded(world):
    world.publish()
    with world.stores.ledger.read() as tx:
        return Recorded.read(tx).facts("csapa", as_written(world.id("csapa", "patient", "c")))


def test_an_agreement_keeps_whom_what_for_which_data_and_until_when(world):
    world.consent("csapa", "k", "c", to="CHU", purposes=("COC",), classes=("identity",), end="2026-01-31")

    (one,) = recorded(world).consents

    assert (one.permits, one.grantee, one.purposes, one.data_classes) == (True, "CHU", {"COC"}, {"identity"})
    assert (one.collected, one.start, one.end) == (date(2025, 1, 5), date(2025, 1, 5), date(2026, 1, 31))


def test_nobody_named_is_everybody_and_no_purpose_is_every_purpose(world):
    world.consent("csapa", "k", "c", to=None, purposes=())

    (one,) = recorded(world).consents

    assert (one.grantee, one.purposes) == ("*", {"*"})


def test_an_agreement_that_names_no_class_of_data_opens_none(world):
    world.consent("csapa", "k", "c", classes=())

    assert recorded(world).consents[0].data_classes == frozenset()


def test_an_agreement_for_somebody_whom_nobody_can_tell_is_for_no_one(world):
    world.consent("csapa", "k", "c")
    world.waiting["csapa"][-1][1]["provision"]["actor"][0]["reference"] = {"display": "a friend"}

    assert recorded(world).consents == ()


def test_a_refusal_of_somebody_whom_nobody_can_tell_is_for_everybody(world):
    world.consent("csapa", "k", "c", permits=False)
    world.waiting["csapa"][-1][1]["provision"]["actor"][0]["reference"] = {"display": "a friend"}

    assert recorded(world).consents[0].grantee == "*"


def test_a_withdrawal_has_its_day(world):
    world.consent("csapa", "k", "c", withdrawn="2025-07-01")

    assert recorded(world).consents[0].withdrawn_on == date(2025, 7, 1)


def test_an_agreement_that_ended_nobody_knows_when_opens_nothing(world):
    world.consent("csapa", "k", "c")
    world.waiting["csapa"][-1][1]["status"] = "inactive"

    assert recorded(world).consents == ()


def test_an_opposition_is_no_refusal(world):
    world.opposition("csapa", "q", "c", against="SIAO", withdrawn="2025-08-01")

    facts = recorded(world)

    assert facts.consents == ()
    assert [(one.against, one.withdrawn_on) for one in facts.oppositions] == [("SIAO", date(2025, 8, 1))]


def test_the_word_on_one_orientation_is_no_consent_in_general(world):
    world.consent("csapa", "k", "c", to="SIAO", about=world.ref("csapa", "orientation", "o", "ServiceRequest"))

    assert recorded(world).consents == ()


def test_a_team_has_its_members_basis_and_days(world):
    world.team("t", "c", ("CHU", "CSAPA"), basis=3)

    (team,) = recorded(world).care_teams

    assert (team.members, team.basis, team.start) == ({"CHU", "CSAPA"}, 3, date(2025, 1, 5))


def test_a_member_who_came_later_belongs_from_that_day_on(world):
    world.team("t", "c", ("CHU", "CSAPA"))
    world.waiting["csapa"][-1][1]["participant"][0]["period"] = {"start": "2025-05-01"}

    teams = {team.start: team.members for team in recorded(world).care_teams}

    assert teams == {date(2025, 1, 5): {"CSAPA"}, date(2025, 5, 1): {"CHU", "CSAPA"}}


def test_a_team_without_a_start_is_not_dated_whatever_its_members_are(world):
    world.team("t", "c", ("CHU", "CSAPA"), start=None)
    world.waiting["csapa"][-1][1]["participant"][0]["period"] = {"start": "2025-05-01"}

    assert [team.start for team in recorded(world).care_teams] == [None]


@pytest.mark.parametrize(
    ("status", "end", "expected"),
    [("inactive", None, 0), ("inactive", "2025-09-01", 1), ("suspended", "2025-09-01", 0), ("active", None, 1)],
)
def test_a_team_that_is_closed_is_a_team_only_up_to_its_end(world, status, end, expected):
    world.team("t", "c", ("CHU", "CSAPA"))
    tree = world.waiting["csapa"][-1][1]
    tree["status"] = status
    tree["period"] |= {"end": end} if end else {}

    teams = recorded(world).care_teams

    assert [team.end and team.end.isoformat() for team in teams] == [end] * expected


def test_a_new_version_replaces_what_the_source_said_before(world):
    world.consent("csapa", "k", "c")
    recorded(world)
    world.consent("csapa", "k", "c", withdrawn="2025-07-01")
    recorded(world)

    with world.stores.ledger.read() as tx:
        assert [one.withdrawn_on for one in consents.consents_of(tx, "csapa")] == ["2025-07-01"]


def numbers_of(world, table):
    """The rows of the ledger by their numbers."""
    with world.stores.ledger.read() as tx:
        return {row.id: row for row in tx.rows(sa.select(table))}


def test_only_what_is_said_otherwise_is_written_anew(world):
    world.patient("csapa", "d")
    world.consent("csapa", "k", "c")
    world.consent("csapa", "l", "d")
    world.team("t", "c", ("CHU", "CSAPA"))
    world.publish()
    before, teams = numbers_of(world, tables.consents), numbers_of(world, tables.care_team_members)

    world.consent("csapa", "k", "c", withdrawn="2025-07-01")
    world.publish()

    after = numbers_of(world, tables.consents)
    (kept,) = before.items() & after.items()
    assert kept[1].subject_id == as_written(world.id("csapa", "patient", "d"))
    assert sorted(row.withdrawn_on or "" for row in after.values()) == ["", "2025-07-01"]
    assert numbers_of(world, tables.care_team_members) == teams
    assert len(teams) == 2


def test_what_is_no_longer_said_is_gone(world):
    world.consent("csapa", "k", "c")
    world.team("t", "c", ("CHU", "CSAPA"))
    world.publish()

    world.stores.ledger.in_transaction(lambda tx: consents.replace(tx, world.lease, "csapa", [], []))

    assert numbers_of(world, tables.consents) == {}
    assert numbers_of(world, tables.care_team_members) == {}


def test_what_is_said_twice_is_held_twice(world):
    world.consent("csapa", "k", "c")
    world.publish()
    with world.stores.ledger.read() as tx:
        told = consents.consents_of(tx)

    for listed in ([*told, *told], told):
        world.stores.ledger.in_transaction(lambda tx, said=listed: consents.replace(tx, world.lease, "csapa", said, []))
        with world.stores.ledger.read() as tx:
            assert consents.consents_of(tx) == listed
