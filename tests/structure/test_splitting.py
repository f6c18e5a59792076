"""What a person could be known by leaves the resource, and comes back to the letter."""

import copy
import random
import re
from pathlib import Path

import pytest
from fhir_packages import examples
from generated_resources import EMITTED, PRIMITIVES, TABLE, generated, resource, sites
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import ContractError
from passerelle.structure import Splitter, load_identity_rules

RULES = Path(__file__).resolve().parents[2] / "fhir" / "identity_elements.yaml"
SPLITTER = Splitter(load_identity_rules(RULES))
PATIENT = {
    "resourceType": "Patient",
    "id": "p-1",
    "identifier": [{"system": "urn:oid:1.2.250.1.213.1.4.10", "value": "2690243300109"}],
    "name": [{"use": "official", "family": "Aubry", "given": ["Ève"]}],
    "gender": "female",
    "birthDate": "1969-02-14",
    "extension": [
        {"url": "https://passerelle.example/fhir/StructureDefinition/other", "valueCode": "kept"},
        {
            "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
            "valueAddress": {"city": "Meyras", "extension": [{"url": "insee", "valueCoding": {"code": "07156"}}]},
        },
    ],
    "generalPractitioner": [{"reference": "Practitioner/d"}, {"display": "Dr Morel"}],
    "managingOrganization": {"reference": "Organization/o-1", "display": "CSAPA"},
}


def test_the_body_of_a_patient_keeps_codes_references_and_the_year_of_birth():
    body, identity = SPLITTER.split(PATIENT)

    assert body == {
        "resourceType": "Patient",
        "id": "p-1",
        "gender": "female",
        "birthDate": "1969",
        "extension": [
            {"url": "https://passerelle.example/fhir/StructureDefinition/other", "valueCode": "kept"},
            {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"},
        ],
        "generalPractitioner": [{"reference": "Practitioner/d"}, {}],
        "managingOrganization": {"reference": "Organization/o-1"},
    }
    assert identity == {
        "identifier": PATIENT["identifier"],
        "name": PATIENT["name"],
        "birthDate": "1969-02-14",
        "extension": [None, {"valueAddress": PATIENT["extension"][1]["valueAddress"]}],
        "generalPractitioner": [None, {"display": "Dr Morel"}],
        "managingOrganization": {"display": "CSAPA"},
    }
    assert SPLITTER.join(body, identity) == PATIENT


def test_a_resource_without_identity_is_left_as_it_is():
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p-1"},
    }

    body, identity = SPLITTER.split(encounter)

    assert body is encounter
    assert identity is None
    assert SPLITTER.join(body, identity) is encounter


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("text", {"status": "generated", "div": "<div>Aubry</div>"}),
        ("contact", [{"name": {"family": "Aubry"}, "relationship": [{"text": "Aubry"}]}]),
        ("telecom", [{"system": "phone", "value": "Aubry"}]),
        ("address", [{"line": ["Aubry"]}]),
        ("photo", [{"title": "Aubry"}]),
        ("maritalStatus", {"coding": [{"code": "M"}], "text": "Aubry"}),
        ("generalPractitioner", [{"identifier": {"value": "Aubry"}}]),
        ("link", [{"other": {"reference": "Patient/p-2", "display": "Aubry"}, "type": "seealso"}]),
        ("_gender", {"extension": [{"url": "a", "valueString": "Aubry"}]}),
        ("_birthDate", {"extension": [{"url": "a", "valueMarkdown": "Aubry"}]}),
        ("extension", [{"url": "a", "extension": [{"url": "b", "valueHumanName": {"family": "Aubry"}}]}]),
        (
            "extension",
            [{"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueCode": "Aubry"}],
        ),
        ("contained", [{"resourceType": "Person", "id": "a", "name": [{"family": "Aubry"}]}]),
    ],
)
def test_a_name_is_found_wherever_it_stands(element, value):
    body, identity = SPLITTER.split({"resourceType": "Patient", "id": "p-1", element: value})

    assert "Aubry" not in str(body)
    assert SPLITTER.join(body, identity) == {"resourceType": "Patient", "id": "p-1", element: value}


@pytest.mark.parametrize(
    ("type_name", "element"),
    [
        ("Appointment", "comment"),
        ("CareTeam", "name"),
        ("Observation", "valueString"),
        ("ServiceRequest", "patientInstruction"),
        ("Task", "description"),
        ("Group", "name"),
    ],
)
def test_free_text_is_identity(type_name, element):
    body, identity = SPLITTER.split({"resourceType": type_name, element: "Aubry"})

    assert (body, identity) == ({"resourceType": type_name}, {element: "Aubry"})


def test_no_element_that_could_name_a_person_stays_in_any_type():
    never = {"HumanName", "Address", "ContactPoint", "Identifier", "Annotation", "Attachment", "Narrative", "markdown"}
    left = [
        (tree["resourceType"], site.path)
        for tree in generated(1000, seed=11)
        for site in sites(SPLITTER.split(tree)[0])
        if site.type in never or site.element.path in {"Reference.display", "Reference.identifier"}
    ]

    assert left == []


def test_only_the_year_of_a_birth_date_stays():
    birth_dates = {path for path in ("Patient.birthDate", "Person.birthDate", "RelatedPerson.birthDate")}
    left = {
        site.value
        for name in EMITTED
        for tree in [resource(name, random.Random(3))]
        for site in sites(SPLITTER.split(tree)[0])
        if site.element.path in birth_dates
    }

    assert left <= {date[:4] for date in PRIMITIVES["date"]}


@given(st.integers(min_value=0), st.sampled_from(TABLE.resource_types))
@settings(max_examples=300, deadline=None)
def test_joining_undoes_splitting_and_nothing_that_came_in_is_changed(seed, type_name):
    tree = resource(type_name, random.Random(seed))
    before = copy.deepcopy(tree)

    body, identity = SPLITTER.split(tree)

    assert tree == before
    assert SPLITTER.join(body, identity) == before
    assert tree == before


SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
NAMES = st.sampled_from(["name", "birthDate", "contact", "extension", "url", "reference", "display", "text", "coding"])
TREES = st.recursive(SCALAR, lambda one: st.one_of(st.lists(one, max_size=3), st.dictionaries(NAMES, one, max_size=4)))


@given(st.dictionaries(NAMES | st.sampled_from(["contained", "managingOrganization"]), TREES, max_size=5))
@settings(max_examples=300, deadline=None)
def test_even_what_is_no_fhir_comes_back_as_it_was(members):
    tree = {"resourceType": "Patient", **members}

    assert SPLITTER.join(*SPLITTER.split(tree)) == tree


def test_the_examples_of_fr_core_come_back():
    for tree in examples().values():
        assert SPLITTER.join(*SPLITTER.split(tree)) == tree


def test_a_rule_that_names_nothing_of_r4_is_refused_with_its_line(tmp_path):
    wrong = RULES.read_text(encoding="utf-8")
    wrong = wrong.replace("- HumanName\n", "- HumanNames\n").replace("- Task.description\n", "- Task.descripton\n")
    wrong = wrong.replace("- Patient.birthDate\n", "- Patient.gender\n").replace(
        "- List.title\n", "- Task.input.value[x]\n"
    )
    path = tmp_path / "identity_elements.yaml"
    path.write_text(wrong, encoding="utf-8")

    with pytest.raises(ContractError) as refused:
        load_identity_rules(path)

    said = sorted(re.sub(r":\d+:", ":", one) for one in refused.value.problems)
    assert said == [
        "identity_elements.yaml: 'Patient.gender' is no date, so its year cannot stay",
        "identity_elements.yaml: 'Task.descripton' does not exist in FHIR R4; did you mean 'Task.description'?",
        "identity_elements.yaml: 'Task.input.value[x]' may have several types; spell the one you mean",
        "identity_elements.yaml: R4 has no data type 'HumanNames'; did you mean 'HumanName'?",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("types: [", "this is not YAML"), ("identity: elements\nmore: 1\n", "more: Extra inputs are not permitted")],
)
def test_a_file_that_is_no_list_of_rules_is_refused(text, said, tmp_path):
    path = tmp_path / "identity_elements.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ContractError, match=re.escape(said)):
        load_identity_rules(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ContractError, match=r"identity_elements\.yaml: the file was not found"):
        load_identity_rules(tmp_path / "identity_elements.yaml")
