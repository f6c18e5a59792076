"""Rule 4. A prison is told to nobody without the ground: not by a word, a number, a place, a file or a missing thing."""

import pytest
from attacked_region import PRISON_UNIT_FINESS, PRISON_WORDS, text_of
from link_builders import TODAY, World, target

from passerelle.delivery import deliver
from passerelle.ids import id_bytes, resource_id
from passerelle.stores.ledger import Ledger, consents, cuts

NUMBER = "185040012345678"


@pytest.fixture(params=["first", "second"])
def moment(request):
    return request.getfixturevalue(request.param)


def with_the_ground(moment):
    """Those who agreed to it by the name of the class, or are cared for by a dated team that the recipient is in."""
    with moment.region.instance.stores.ledger.read() as tx:
        told, teams = consents.consents_of(tx), consents.care_teams_of(tx)
    agreed = {resource_id(one.subject_id) for one in told if "prison" in one.classes and one.type == "permit"}
    return agreed | {resource_id(one.subject_id) for one in teams if one.organisation == "COORD" and one.from_day}


def about(tree):
    for name in ("subject", "patient", "for"):
        if name in tree:
            return tree[name]["reference"].rpartition("/")[2]
    return tree["id"]


def words_in(text):
    return sorted(word for word in PRISON_WORDS if word.casefold() in text.casefold())


def test_nothing_that_leaves_without_the_ground_has_a_word_of_it(moment):
    granted = with_the_ground(moment)
    told = [
        (one["resourceType"], words_in(text_of(one)))
        for one in moment.exported.values()
        if one["resourceType"] not in {"Organization", "Location"} and about(one) not in granted
    ]

    assert len(told) > 200
    assert [] == [one for one in told if one[1]]


def test_the_unit_itself_is_named_only_beside_somebody_who_granted_it(moment):
    unit = [
        one["id"]
        for one in moment.exported.values()
        if one["resourceType"] == "Organization" and PRISON_UNIT_FINESS in text_of(one)
    ]
    granted = with_the_ground(moment)

    naming = [one for one in moment.exported.values() if any(each in text_of(one) for each in unit)]
    assert [] == [
        one["resourceType"]
        for one in naming
        if one["resourceType"] not in {"Organization", "Location"} and about(one) not in granted
    ]
    assert not unit or any(one["resourceType"] not in {"Organization", "Location"} for one in naming)


def test_a_stay_that_ended_at_the_unit_does_not_say_where_it_ended(first):
    stay = first.exported[first.region.stay(first.people["sent-to-prison-unit"])]
    whole = first.standing[stay["id"]]

    assert PRISON_UNIT_FINESS in text_of(whole), "the attack did not reach the stay"
    assert PRISON_UNIT_FINESS not in text_of(stay)
    assert "finished" == stay["status"]


def test_a_diagnosis_that_says_prison_or_street_does_not_leave(first):
    stay = first.region.stay(first.people["sent-to-prison-unit"])
    known = [
        one
        for one in first.standing.values()
        if one["resourceType"] == "Condition" and one.get("encounter", {}).get("reference") == f"Encounter/{stay}"
    ]

    assert 2 == len(known)
    assert [] == [one["id"] for one in known if one["id"] in first.exported]


def test_a_release_reads_as_a_plain_end_of_follow_up(first):
    somebody = first.people["left-custody"]
    patient = first.region.patient("usmp", somebody)
    told = [one for one in first.exported.values() if patient in text_of(one)]
    by_type = {}
    for one in told:
        by_type.setdefault(one["resourceType"], []).append(one)

    (episode,) = by_type["EpisodeOfCare"]
    assert ["id", "patient", "period", "resourceType", "status"] == sorted(episode)
    assert {"Patient", "EpisodeOfCare", "ServiceRequest", "Task", "Person"} == set(by_type)
    for one in told:
        assert [] == words_in(text_of(one)), one["resourceType"]
        assert "meta" not in one


def test_that_the_unit_was_named_in_a_consent_elsewhere_is_not_told(first):
    csapa = first.region.patient("csapa", first.people["left-custody"])
    consents_told = [
        one
        for one in first.exported.values()
        if one["resourceType"] == "Consent" and one["patient"]["reference"].endswith(csapa)
    ]

    assert 1 == len(consents_told), "one of two: that one names the unit"
    assert "actor" not in consents_told[0]["provision"]


def test_no_hospital_reads_anything_of_a_prison(moment):
    for name, body in moment.files.items():
        if name.startswith("hospitals"):
            assert [] == words_in(body.decode())
            assert [] == [row for row in moment.lists[name[10:-4]] if row["stay"] == ""]
    for case in ("left-custody", "left-custody-unseen"):
        number = moment.people[case].local
        assert all(number.encode() not in body for name, body in moment.files.items() if name.startswith("hospitals"))


def test_no_file_that_leaves_has_a_name_that_tells(moment):
    assert [] == [name for name in moment.files if words_in(name)]
    assert {"export", "hospitals"} == {name.partition("/")[0] for name in moment.files}


def test_the_page_says_of_nobody_which_door_they_left(moment):
    """Sums may name the unit; a line about one person names no door, else those without one would have left a prison."""
    overdue = moment.told.summary.overdue
    pseudonyms = {one.pseudonym for one in overdue}
    rows = [row for row in moment.page.split("<tr>") if any(f"<code>{each}</code>" in row for each in pseudonyms)]
    doors = [one.source.organisation.name for one in moment.region.instance.house.sources.values()]

    assert len(rows) == len(overdue) > 10
    for row in rows:
        assert [] == words_in(row)
        assert [] == [door for door in doors if door in row]


def test_who_left_the_unit_and_was_not_seen_is_overdue_all_the_same(first):
    left = {share.door: share.missed for share in first.told.summary.shares if share.window == "d30"}

    assert left["usmp"] > 0
    assert len(first.told.summary.overdue) > left["chu"] + left["ch"]


# The directory of an instance ----------------------------------------------------------------------------------------


def test_every_unit_place_and_number_of_the_prison_unit_counts_as_prison(first):
    house = first.region.instance.house
    prison = {code: one for code, one in house.organisations.items() if one.kind == "prison-health"}

    assert prison
    assert all(one.finess for one in prison.values()), "one without a number could not be recognised in a message"


# Nothing goes to the prison, whatever was consented to -----------------------------------------------------------------


@pytest.fixture
def world(sqlite_url, data, keys):
    ledger = Ledger.open(sqlite_url)
    yield World(ledger, data, keys)
    ledger.close()


@pytest.mark.parametrize("kind", ["prison-administration", "probation", "justice", "police"])
def test_nothing_goes_to_the_prison_or_to_justice_whatever_was_consented_to(world, tmp_path, kind):
    world.patient("usmp", "p", ins=NUMBER)
    everything = ("*", "prison", "housing")
    world.consent("usmp", "k", "p", to=None, purposes=(), classes=everything)
    world.followed("f", "p", "2025-01-10", "2025-06-10")
    linked = world.link()
    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
    recipient = target().recipient.model_copy(update={"organisation": "X", "kind": kind})

    outcome = deliver(
        world.stores,
        world.house,
        cut,
        linked,
        lease=world.lease,
        as_of=TODAY,
        out_folder=tmp_path / "out",
        target=target().model_copy(update={"recipient": recipient}),
    )

    assert {} == outcome.delivered
    assert [] == list((tmp_path / "out" / "export").glob("*.ndjson"))


def test_no_target_of_the_house_is_a_prison_or_a_court(first):
    never = set(first.region.instance.house.gate.never_recipients)

    assert {"prison-administration", "probation", "justice", "police"} <= never
    assert not [one for one in first.region.instance.house.targets.values() if one.recipient.kind in never]
    assert not [one for one in first.region.instance.house.organisations.values() if one.kind in never]
    assert not [one for one in first.region.instance.house.sources.values() if one.source.legal.kind in never]


def test_ids_do_not_tell_which_source_they_come_from(first):
    versions = {key[14] for key in first.exported}

    assert {"8"} == versions
    assert all(len(id_bytes(key)) == 16 for key in first.exported)
