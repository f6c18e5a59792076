"""What one value becomes where an element is more than one value."""

import pytest
from mapping_builders import built, emitting

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CODES = {"acts": f"A,AMB,{ACT},Ambulatory,\nH,IMP,{ACT},,\nN,-,,,"}
COLUMNS = {"c": {}, "n": {"type": "decimal"}}

EXPANDED = [
    ("Observation.code", {"codes": "acts"}, "A", {"coding": [{"system": ACT, "code": "AMB", "display": "Ambulatory"}]}),
    ("Observation.code", {"codes": "acts"}, "H", {"coding": [{"system": ACT, "code": "IMP"}]}),
    (
        "Observation.code",
        {"codes": "acts", "keep": "source", "system": "local"},
        "H",
        {"coding": [{"system": ACT, "code": "IMP"}, {"system": "https://example.org/local", "code": "H"}]},
    ),
    (
        "Observation.code",
        {"system": "local"},
        "X1",
        {"coding": [{"system": "https://example.org/local", "code": "X1"}]},
    ),
    ("Observation.code", {}, "free text", {"text": "free text"}),
    ("Observation.code.coding[one]", {"codes": "acts"}, "H", {"coding": [{"system": ACT, "code": "IMP"}]}),
    ("Observation.code.coding[one].code", {"codes": "acts"}, "H", {"coding": [{"system": ACT, "code": "IMP"}]}),
    ("Observation.code.coding[one].code", {"system": "urn:x"}, "H", {"coding": [{"system": "urn:x", "code": "H"}]}),
    ("Observation.meta.security[s]", {"system": "urn:x"}, "R", {"security": [{"system": "urn:x", "code": "R"}]}),
    ("Observation.identifier[i]", {"system": "local"}, "17", [{"system": "https://example.org/local", "value": "17"}]),
    (
        "Observation.identifier[i].value",
        {"system": "rpps"},
        "17",
        [{"system": "https://rpps.esante.gouv.fr", "value": "17"}],
    ),
    ("Observation.valueQuantity", {"column": "n"}, "12.5", {"value": 12.5}),
    ("Observation.valueQuantity.value", {"column": "n"}, "3", {"value": 3}),
    ("Observation.note[n]", {}, "said", [{"text": "said"}]),
    (
        "Observation.valueCodeableConcept",
        {"rule": "cim10_dotted", "system": "urn:cim"},
        "F112",
        {"coding": [{"system": "urn:cim", "code": "F11.2"}]},
    ),
]


def line(to, **written):
    return "{" + ", ".join(f"{name}: '{value}'" for name, value in {"to": to, "column": "c", **written}.items()) + "}"


def observed(*fields, **how):
    status = "{to: Observation.status, constant: final}"
    code = () if any("Observation.code" in one for one in fields) else ("{to: Observation.code.text, constant: x}",)
    return built(COLUMNS, emitting("Observation", status, *code, *fields), codes=CODES, **how)


@pytest.mark.parametrize(("to", "written", "given", "expected"), EXPANDED)
def test_a_value_becomes(to, written, given, expected):
    column = written.get("column", "c")

    tree = observed(line(to, **written)).tree({column: given})

    assert expected == tree[to.split(".")[1].split("[")[0]]


PEOPLE = [
    (
        "Patient.telecom[t]",
        {"rule": "phone_contact"},
        "06 12 34 56 78",
        "telecom",
        [{"system": "phone", "value": "+33612345678", "use": "mobile"}],
    ),
    ("Patient.telecom[t]", {"system": "email"}, "a@b.fr", "telecom", [{"system": "email", "value": "a@b.fr"}]),
    ("Patient.telecom[t].value", {"system": "email"}, "a@b.fr", "telecom", [{"system": "email", "value": "a@b.fr"}]),
    ("Patient.name[n]", {}, "A B", "name", [{"text": "A B"}]),
    ("Patient.address[a]", {}, "1 rue X", "address", [{"text": "1 rue X"}]),
    ("Patient.name[n].given", {"rule": "given_names"}, "JEAN PIERRE", "name", [{"given": ["JEAN", "PIERRE"]}]),
]


@pytest.mark.parametrize(("to", "written", "given", "name", "expected"), PEOPLE)
def test_what_says_who_a_person_is(to, written, given, name, expected):
    assert expected == built({"c": {}}, emitting("Patient", line(to, **written))).tree({"c": given})[name]


def test_a_code_that_means_nothing_is_left_out_and_noticed():
    notes = []

    tree = observed(line("Observation.valueCodeableConcept", codes="acts")).tree({"c": "N"}, notes=notes)

    assert "valueCodeableConcept" not in tree
    assert [("code-means-nothing", "c")] == [(reason.value, place) for reason, place in notes]


def test_a_code_that_is_not_listed_stops_the_record():
    assert ("unknown-code", "c") == observed(line("Observation.code", codes="acts")).refused({"c": "a"})


def test_a_code_outside_a_required_value_set_stops_the_record():
    plans = built({"c": {}}, emitting("Patient", line("Patient.gender")))

    assert "male" == plans.tree({"c": "male"})["gender"]
    assert ("unknown-code", "c") == plans.refused({"c": "M"})


def test_a_code_list_may_say_booleans_and_numbers():
    plans = built(
        {"c": {}},
        emitting("Patient", line("Patient.active", codes="yes"), line("Patient.multipleBirthInteger", codes="rank")),
        codes={"yes": "A,true,,,\n", "rank": "A,2,,,\n"},
    )

    assert {"active": True, "multipleBirthInteger": 2} == plans.tree({"c": "A"})


CONSTANTS = [
    (
        "Patient.identifier[i]",
        "{value: '1', use: usual, system: local}",
        [{"use": "usual", "system": "https://example.org/local", "value": "1"}],
    ),
    ("Patient.maritalStatus", "{text: married}", {"text": "married"}),
    ("Patient.multipleBirthInteger", "2", 2),
]


@pytest.mark.parametrize(("to", "constant", "expected"), CONSTANTS)
def test_constants_are_written_in_the_order_of_fhir(to, constant, expected):
    tree = built({}, emitting("Patient", f"{{to: '{to}', constant: {constant}}}")).tree({})

    (value,) = tree.values()
    assert expected == value
    assert list(expected[0]) == list(value[0]) if isinstance(expected, list) else True


def test_a_scalar_constant_is_expanded_like_a_value():
    tree = built({}, emitting("Patient", "{to: Patient.maritalStatus, constant: M, system: 'urn:x'}")).tree({})

    assert {"coding": [{"system": "urn:x", "code": "M"}]} == tree["maritalStatus"]


def test_a_constant_and_lines_below_it_make_one_object():
    fields = (
        "{to: 'Patient.identifier[i]', constant: {use: usual, type: {text: local}}}",
        "{to: 'Patient.identifier[i].value', column: c, system: local, missing: omit}",
    )
    plans = built({"c": {}}, emitting("Patient", "{to: Patient.active, constant: true}", *fields))

    assert [
        {"use": "usual", "type": {"text": "local"}, "system": "https://example.org/local", "value": "17"}
    ] == plans.tree({"c": "17"})["identifier"]
    assert "identifier" not in plans.tree({})


def test_an_expanded_value_and_lines_below_it_make_one_object():
    fields = (line("Observation.code", codes="acts"), "{to: Observation.code.text, column: t, missing: omit}")
    plans = built(
        {"c": {}, "t": {}}, emitting("Observation", "{to: Observation.status, constant: final}", *fields), codes=CODES
    )
    coding = [{"system": ACT, "code": "IMP"}]

    assert {"coding": coding, "text": "as said"} == plans.tree({"c": "H", "t": "as said"})["code"]
    assert {"coding": coding} == plans.tree({"c": "H"})["code"]


def test_a_primitive_may_carry_an_extension():
    fields = (
        "{to: Patient.birthDate, column: d}",
        "{to: 'Patient.birthDate.extension[t].url', constant: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime'}",
        "{to: 'Patient.birthDate.extension[t].valueDateTime', column: d}",
    )
    plans = built({"d": {"type": "datetime"}}, emitting("Patient", *fields))

    assert {
        "birthDate": "2025-01-05",
        "_birthDate": {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                    "valueDateTime": "2025-01-05T03:10:00+01:00",
                }
            ]
        },
    } == plans.tree({"d": "2025-01-05 03:10"})
