"""Rule 1. Outreach is anonymous by law; anyone may ask for anonymity at a centre or hospital; a slip is the only bridge."""

import shutil

import pytest
from attacked_people import CONTACTS_OF_SLIP, NAME_ON_THE_STREET, TOKEN
from attacked_region import contact_key, text_of
from carried_region import ROOT
from ruamel.yaml import YAML

from passerelle.contracts.house import load_house
from passerelle.errors import ContractError

ANONYMOUS = ("anonymous-at-hospital", "anonymous-in-second-place")
ANONYMOUS_AT_CENTRE = ("anonymous-at-centre", "anonymous-and-qualified")
IDENTITY = ("name", "birthDate", "telecom", "address")


def test_a_row_of_the_outreach_team_that_names_somebody_is_stopped_and_becomes_nothing(region, first):
    stopped = {(one.reason.value, one.place) for one in region.stopped("caarud")}

    assert ("expectation", "own#1 nom") in stopped
    assert ("expectation", "own#4 tranche_naissance") in stopped, "a birth date was taken for a band of years"
    for key in ("CZZ4", "CZZ5"):
        assert region.id_of("caarud", "contact", key) not in first.standing
    assert NAME_ON_THE_STREET not in text_of(list(first.standing.values()))


def test_nothing_that_the_outreach_team_says_has_a_person(region, first):
    met = [region.id_of("caarud", "contact", f"CZZ{number}") for number in "123"]
    printed = first.standing[region.id_of("caarud", "slip", "SZZ1")]

    assert [[], [], []] == [sorted({"subject", "participant"} & set(first.standing[one])) for one in met]
    assert "for" not in printed


def test_nothing_of_the_outreach_team_leaves_not_even_the_token_of_a_slip(region, first):
    written = "".join(text_of(one) for one in first.exported.values())

    assert TOKEN not in written
    assert "FLD" not in written
    assert region.id_of("caarud", "slip", "SZZ1") not in first.exported
    assert not [key for key in first.exported if key == region.id_of("caarud", "contact", "CZZ2")]


def test_a_slip_leads_to_the_contact_at_which_it_was_shown_and_to_no_earlier_or_later_one(region, first):
    slip = region.id_of("caarud", "slip", "SZZ1")
    contacts = {
        day: region.id_of("csapa", "contact", contact_key(region.people["slip"], day)) for day in CONTACTS_OF_SLIP
    }

    assert [frozenset((slip, contacts["2025-06-05"]))] == [pair for pair in first.slips if slip in pair]


def test_what_the_outreach_team_did_before_and_after_the_slip_is_tied_to_nobody(region, first):
    linked = set().union(*first.slips, *first.active, *first.doubtful)

    for number in "123":
        assert region.id_of("caarud", "contact", f"CZZ{number}") not in linked
    for task in first.tasks:
        assert "CZZ" not in text_of(task) or "for" not in task


def test_ids_of_an_anonymous_source_are_made_with_a_key_that_opens_no_other_door(region):
    keys = region.instance.stores.keys

    assert keys.id_key("caarud", anonymous=True) != keys.id_key("csapa")
    assert keys.id_key("caarud", anonymous=True) != keys.id_key("caarud", anonymous=False)


@pytest.mark.parametrize("case", ANONYMOUS)
def test_who_asked_for_anonymity_at_hospital_has_no_identity_whatever_the_message_still_said(first, case):
    patient = first.patient("chu", case)

    assert patient is not None
    assert [] == [name for name in IDENTITY if name in patient]
    assert first.people[case].ins not in text_of(patient)
    assert {"ETH", "R", "NORELINK"} == {one["code"] for one in patient["meta"]["security"]}


@pytest.mark.parametrize("case", ANONYMOUS_AT_CENTRE)
def test_who_asked_for_anonymity_at_the_centre_has_no_identity_whatever_the_file_still_says(first, case):
    patient = first.patient("csapa", case)

    assert patient is not None
    assert [] == [name for name in IDENTITY if name in patient]
    assert first.people[case].ins not in text_of(patient)


def test_a_file_that_says_both_yes_and_no_to_anonymity_waits_for_a_person(first):
    assert first.patient("csapa", "anonymous-by-status-alone") is None
    assert [] == first.reaches("anonymous-by-status-alone", "csapa")


@pytest.mark.parametrize("case", [*ANONYMOUS, *ANONYMOUS_AT_CENTRE, "anonymous-by-status-alone"])
def test_who_asked_for_anonymity_is_not_linked_whatever_they_agreed_to(first, case):
    assert not first.is_linked(case)
    assert not first.is_doubtful(case)
    assert "found" not in first.outcomes(case).values()


@pytest.mark.parametrize(
    ("case", "door"), [*((one, "chu") for one in ANONYMOUS), *((one, "csapa") for one in ANONYMOUS_AT_CENTRE)]
)
def test_who_asked_for_anonymity_leaves_for_nobody_whatever_they_agreed_to(first, case, door):
    assert [] == first.reaches(case, door)
    assert first.region.patient(door, first.people[case]) not in "".join(
        text_of(one) for one in first.exported.values()
    )


@pytest.mark.parametrize("case", ANONYMOUS)
def test_the_hospital_is_told_nothing_of_who_asked_it_for_anonymity(first, case):
    assert {"not-permitted"} == first.told_to_hospital(case)


def test_anonymity_that_is_asked_for_later_ends_what_was_linked_and_sent(first, second):
    case = "asks-anonymity"

    assert first.is_linked(case)
    assert ["chu", "csapa"] == first.reaches(case, "chu", "csapa")
    assert not second.is_linked(case)
    assert [] == second.reaches(case, "chu")
    assert [] == [name for name in IDENTITY if name in second.patient("chu", case)]


def test_a_wish_for_anonymity_in_a_row_that_was_stopped_is_heard_all_the_same(first, second):
    case = "asks-anonymity-unreadably"

    assert ["chu", "csapa"] == first.reaches(case, "chu", "csapa")
    assert not second.is_linked(case)
    assert [] == second.reaches(case, "chu")


# Contracts -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    """A copy of the house, whose contracts may be spoiled."""
    for name in ("mappings", "fhir", "validation"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("fhir-packages", "packages"))
    return tmp_path


def spoiled(home, file, change):
    """The problems of the house after the change of one of its files."""
    path = home / "mappings" / "sources" / "caarud" / file
    yaml = YAML()
    tree = yaml.load(path.read_text("utf-8"))
    change(tree)
    with path.open("w", encoding="utf-8") as out:
        yaml.dump(tree, out)
    with pytest.raises(ContractError) as refused:
        load_house(home)
    return str(refused.value)


def field(**line):
    """One more line of a mapping."""
    return lambda tree: tree["emits"][0]["fields"].append(line)


def test_a_contract_may_not_make_a_patient_of_an_anonymous_contact(home):
    def change(tree):
        tree["emits"].append(
            {
                "resource": "Patient",
                "as": "met",
                "key": ["num_contact"],
                "fields": [{"to": "Patient.active", "constant": True}],
            }
        )

    assert "an anonymous source emits no Patient" in spoiled(home, "contact.yaml", change)


@pytest.mark.parametrize(
    "line",
    [
        {"to": "Encounter.subject.identifier.value", "column": "num_contact"},
        {"to": "Encounter.subject.display", "column": "num_contact"},
        {"to": "Encounter.participant[who].individual.identifier.value", "column": "num_contact"},
    ],
)
def test_a_contract_may_not_point_to_a_person_in_another_way(home, line):
    assert "an anonymous source" in spoiled(home, "contact.yaml", field(**line))


def test_a_contract_may_not_give_an_anonymous_contact_a_national_number_or_one_of_another_door(home):
    national = {"to": "Encounter.identifier[other].value", "column": "num_contact", "system": "ins-nir"}
    orientation = {**national, "system": "orientation-number"}

    assert "an anonymous source" in spoiled(home, "contact.yaml", field(**national))
    assert "an anonymous source" in spoiled(home, "contact.yaml", field(**orientation))


def test_a_contract_may_not_read_the_name_that_the_law_forbids(home):
    def change(tree):
        tree["tables"]["contacts"]["columns"]["nom"] = {"identity": True, "says": "Read after all."}

    def read(tree):
        tree["emits"][0]["fields"].append({"to": "Encounter.location[place].location.display", "column": "nom"})

    source = home / "mappings" / "sources" / "caarud" / "source.yaml"
    yaml = YAML()
    tree = yaml.load(source.read_text("utf-8"))
    change(tree)
    with source.open("w", encoding="utf-8") as out:
        yaml.dump(tree, out)
    assert "`identity: true`" in spoiled(home, "contact.yaml", read)


def test_an_outreach_source_may_not_call_itself_anything_but_anonymous(home):
    assert "anonymous by law" in spoiled(home, "source.yaml", lambda tree: tree["legal"].update(anonymous=False))
