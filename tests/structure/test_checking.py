"""Each fault that some reader of FHIR lets through is refused here, by the schema and by its path."""

import json

import jsonschema_rs
import pytest

from passerelle.fhir_r4 import UnknownElement
from passerelle.structure import FHIR_VERSION, structure
from passerelle.structure.schema import DRAFT, schema_of, validator_of
from passerelle.structure.telling import tell

CLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
PATIENT = {
    "resourceType": "Patient",
    "id": "p-1",
    "active": True,
    "identifier": [{"system": "urn:oid:1.2.3", "value": "12"}],
    "name": [{"use": "official", "family": "Aubry", "given": ["Ève"]}],
    "gender": "female",
    "birthDate": "2000-02-29",
}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e-1",
    "status": "finished",
    "class": CLASS,
    "subject": {"reference": "Patient/p-1"},
    "period": {"start": "2024-03-31T01:30:00+01:00", "end": "2024-03-31T03:30:00+02:00"},
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o-1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "valueQuantity": {"value": 82.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
FAULTS = {
    "wrong type": (PATIENT, {"active": "yes"}, "Patient.active"),
    "object where list": (PATIENT, {"name": {"family": "Aubry"}}, "Patient.name"),
    "missing code": (OBSERVATION, {"code": ...}, "Observation.code"),
    "missing class": (ENCOUNTER, {"class": ...}, "Encounter.class"),
    "missing status": (ENCOUNTER, {"status": ...}, "Encounter.status"),
    "unknown field": (PATIENT, {"surname": "Aubry"}, "Patient.surname"),
    "unknown nested field": (PATIENT, {"name": [{"surname": "Aubry"}]}, "Patient.name[0].surname"),
    "bad gender": (PATIENT, {"gender": "F"}, "Patient.gender"),
    "bad status": (ENCOUNTER, {"status": "done"}, "Encounter.status"),
    "bad use": (PATIENT, {"name": [{"use": "birth"}]}, "Patient.name[0].use"),
    "bad date format": (PATIENT, {"birthDate": "29/02/2000"}, "Patient.birthDate"),
    "impossible date": (PATIENT, {"birthDate": "1979-02-30"}, "Patient.birthDate"),
    "no leap year": (PATIENT, {"birthDate": "1900-02-29"}, "Patient.birthDate"),
    "dateTime without zone": (ENCOUNTER, {"period": {"start": "2024-03-31T01:30:00"}}, "Encounter.period.start"),
    "reference not a string": (ENCOUNTER, {"subject": {"reference": {"id": "p"}}}, "Encounter.subject.reference"),
    "malformed reference": (ENCOUNTER, {"subject": {"reference": "Patient p-1"}}, "Encounter.subject.reference"),
    "wrong target": (ENCOUNTER, {"subject": {"reference": "Location/l-1"}}, "Encounter.subject.reference"),
    "two values": (OBSERVATION, {"valueString": "heavy"}, "Observation.valueString"),
    "unknown choice": (OBSERVATION, {"valueDate": "2024"}, "Observation.valueDate"),
    "empty string": (PATIENT, {"name": [{"family": ""}]}, "Patient.name[0].family"),
    "bad id": (PATIENT, {"id": "p_1"}, "Patient.id"),
    "pat-1": (PATIENT, {"contact": [{"gender": "male"}]}, "Patient.contact[0]"),
}


def changed(tree, change):
    made = {**json.loads(json.dumps(tree)), **change}
    return {name: value for name, value in made.items() if value is not ...}


@pytest.mark.parametrize("tree", [PATIENT, ENCOUNTER, OBSERVATION], ids=lambda one: one["resourceType"])
def test_what_is_right_is_accepted_by_the_schema_alone(tree):
    assert validator_of(tree["resourceType"]).is_valid(tree)
    assert structure().check(tree) is None
    assert structure().problems(tree) == []


@pytest.mark.parametrize(("tree", "change", "path"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_refused_by_the_schema_and_named_by_its_path(tree, change, path):
    wrong = changed(tree, change)

    assert not validator_of(wrong["resourceType"]).is_valid(wrong)
    assert structure().check(wrong) == path
    assert [one.path for one in structure().problems(wrong) if one.severity == "error"] == [path]


def test_the_schema_is_read_as_draft_7_and_not_as_one_that_ignores_what_it_does_not_know():
    assert schema_of("Patient")["$schema"] == DRAFT == "http://json-schema.org/draft-07/schema#"
    assert isinstance(validator_of("Patient"), jsonschema_rs.Draft7Validator)
    assert not validator_of("Patient").is_valid({"resourceType": "Encounter"})


def test_the_version_is_r4():
    assert FHIR_VERSION == "4.0.1"


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        (None, "Resource"),
        ([], "Resource"),
        ({}, "Resource.resourceType"),
        ({"resourceType": ["Patient"]}, "Resource.resourceType"),
        ({"resourceType": "Resource"}, "Resource.resourceType"),
        ({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": "a"}]}, "Bundle.entry[0].resource"),
        (
            {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": {}}}]},
            "Bundle.entry[0].resource.resourceType",
        ),
    ],
)
def test_what_is_no_resource_is_refused_and_stops_nobody(tree, path):
    assert structure().check(tree) == path


def test_a_type_that_r4_does_not_have_has_no_schema():
    with pytest.raises(UnknownElement, match="did you mean 'Patient'"):
        schema_of("Pacient")


def test_a_value_may_be_absent_for_a_reason():
    why = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}

    assert structure().check({**changed(PATIENT, {"birthDate": ...}), "_birthDate": why}) is None
    assert structure().check({**changed(ENCOUNTER, {"status": ...}), "_status": why}) is None
    assert structure().check({**PATIENT, "name": [{"given": ["Ève", None], "_given": [None, why]}]}) is None
    assert structure().check({**PATIENT, "name": [{"given": ["Ève", None], "_given": [why, None]}]}) == (
        "Patient.name[0].given[1]"
    )


def test_an_id_beside_a_value_is_enough_and_an_id_alone_says_nothing():
    named = {"id": "a"}

    assert structure().check({**PATIENT, "_birthDate": named}) is None
    assert structure().check({**PATIENT, "name": [{"given": ["Ève", "Lou"], "_given": [None, named]}]}) is None
    assert structure().check({**PATIENT, "_birthDate": {}}) == "Patient.birthDate"
    assert structure().check({**changed(PATIENT, {"birthDate": ...}), "_birthDate": named}) == "Patient.birthDate"
    assert structure().check({**PATIENT, "name": [{"given": ["Ève", None], "_given": [None, named]}]}) == (
        "Patient.name[0].given[1]"
    )


@pytest.mark.parametrize("written", ["1.0", "1e0", "1E+0"])
def test_a_whole_number_with_a_point_or_an_exponent_is_refused(written):
    tree = {**PATIENT, "telecom": [{"rank": json.loads(written)}]}

    assert not validator_of("Patient").is_valid(tree)
    assert structure().check(tree) == "Patient.telecom[0].rank"


def subject(reference):
    return structure().check(changed(ENCOUNTER, {"subject": {"reference": reference}}))


def test_the_scheme_of_a_url_is_written_in_any_case_and_a_uuid_in_lower_case():
    assert subject("HTTP://h/Patient/1") is None
    assert subject("HTTP://h/Organization/1") == "Encounter.subject.reference"
    assert subject("urn:uuid:c757873d-ec9a-4326-a141-556f43239520") is None
    assert subject("urn:uuid:C757873D-EC9A-4326-A141-556F43239520") == "Encounter.subject.reference"
    assert subject("URN:UUID:c757873d") == "Encounter.subject.reference"


@pytest.mark.parametrize(("code", "path"), [("a\u00a0", None), ("a\u00a0b", None), ("a ", 1), ("a  b", 1), ("\ta", 1)])
def test_white_space_of_a_code_is_that_of_ascii(code, path):
    tree = changed(OBSERVATION, {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}})

    assert structure().check(tree) == (path and "Observation.code.coding[0].code")


def keys_of(tree):
    """Path and key of each error; the hot path must have come to the same answer."""
    problems = [one for one in structure().problems(tree) if one.severity == "error"]
    found = [(one.path, one.details.get("rule", one.key)) for one in problems]
    assert structure().check(tree) == next((path for path, _ in found), None)
    return found


def test_the_ends_of_a_range_are_not_compared():
    low = {"value": 1, "comparator": "<"}

    assert keys_of({**OBSERVATION, "valueQuantity": low}) == []
    assert keys_of({**OBSERVATION, "referenceRange": [{"low": low}]}) == [
        ("Observation.referenceRange[0].low.comparator", "no-comparator")
    ]
    assert keys_of(changed(OBSERVATION, {"valueQuantity": ..., "valueRange": {"high": low}})) == [
        ("Observation.valueRange.high.comparator", "no-comparator")
    ]


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ({"reference": "Patient/p-1", "type": "Patient"}, []),
        ({"reference": "Patient/p-1", "type": "http://hl7.org/fhir/StructureDefinition/Patient"}, []),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "type": "Group"}, []),
        ({"identifier": {"value": "1"}, "type": "https://passerelle.example/own"}, []),
        ({"reference": "Patient/p-1", "type": "Group"}, [("Encounter.subject.type", "type-of-another")]),
        ({"reference": "Patient/p-1", "type": "Location"}, [("Encounter.subject.type", "wrong-target")]),
        ({"identifier": {"value": "1"}, "type": "Location"}, [("Encounter.subject.type", "wrong-target")]),
    ],
)
def test_the_type_of_a_reference_is_that_of_what_it_points_at(subject, found):
    assert keys_of({**ENCOUNTER, "subject": subject}) == found


HELD = {"resourceType": "Organization", "id": "o", "name": "CSAPA"}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"managingOrganization": {"reference": "#o"}}, []),
        ({"extension": [{"url": "urn:a", "valueUri": "#o"}]}, []),
        ({"name": [{"text": "#o"}]}, [("Patient.contained", "dom-3")]),
        ({"extension": [{"url": "urn:a", "valueString": "#o"}]}, [("Patient.contained", "dom-3")]),
        ({"managingOrganization": {"display": "#o"}}, [("Patient.contained", "dom-3")]),
    ],
)
def test_what_is_contained_is_referred_to_by_a_reference_and_by_no_other_text(more, found):
    assert keys_of({**PATIENT, "contained": [HELD], **more}) == found


def test_what_is_contained_may_refer_to_its_container():
    held = {"resourceType": "Basic", "id": "b", "code": {"text": "one"}, "subject": {"reference": "#"}}

    assert keys_of({**PATIENT, "contained": [held]}) == []
    assert keys_of({**PATIENT, "contained": [{**held, "subject": {"display": "#"}}]}) == [
        ("Patient.contained", "dom-3")
    ]


def test_two_contained_resources_have_two_ids():
    tree = {**PATIENT, "contained": [HELD, HELD], "managingOrganization": {"reference": "#o"}}

    assert keys_of(tree) == [("Patient.contained[1].id", "id-used-twice")]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://passerelle.example/fhir/Patient/p-1", None),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", None),
        ("https://passerelle.example/p-1", None),
        ("Patient/p-1", "relative-url"),
        ("urn:uuid:123", "relative-url"),
        ("urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "relative-url"),
        ("https://passerelle.example/fhir/Patient/p-2", "url-of-another"),
        ("https://passerelle.example/fhir/Group/p-1", "url-of-another"),
        ("https://passerelle.example/fhir/Patient/p-1/_history/2", "bdl-8"),
    ],
)
def test_the_url_of_an_entry_is_that_of_its_resource(url, key):
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": url, "resource": PATIENT}]}

    assert keys_of(bundle) == ([("Bundle.entry[0].fullUrl", key)] if key else [])


def test_the_id_of_an_element_has_no_spaces():
    assert keys_of({**PATIENT, "name": [{"id": "a-1", "family": "Aubry"}]}) == []
    assert keys_of({**PATIENT, "name": [{"id": "a 1", "family": "Aubry"}]}) == [
        ("Patient.name[0].id", "id-with-a-space")
    ]


def test_a_text_of_nothing_but_white_space_is_a_warning():
    tree = {**PATIENT, "name": [{"family": " \n"}]}

    assert structure().check(tree) is None
    assert [(one.path, one.severity, one.key) for one in structure().problems(tree)] == [
        ("Patient.name[0].family", "warning", "blank-text")
    ]


def test_rules_are_kept_by_resources_inside_a_bundle():
    inside = changed(ENCOUNTER, {"period": {"start": "2024-02-01", "end": "2024-01-01"}})
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}, {"resource": inside}]}

    assert structure().check(bundle) == "Bundle.entry[1].resource.period"


def test_no_sentence_holds_a_value_of_the_resource():
    wrong = changed(PATIENT, {"gender": "Durand-secret", "birthDate": "Durand-secret", "Durand secret": 1})
    wrong["name"] = [{"family": {"Durand-secret": 1}, "given": "Durand-secret"}]
    wrong["link"] = [{"type": "seealso", "other": {"reference": "Durand-secret"}}]
    problems = structure().problems(wrong)

    assert len(problems) == 6
    assert [one for one in problems for language in ("en", "fr") if "Durand" in one.path + tell(one, language)] == []
