"""Every typo in a mapping is found before the first record, and all of them are told together."""

import pytest
from mapping_builders import built, emitting, table

from passerelle.errors import ContractError

LOCAL = "{to: 'Patient.identifier[local].value', column: id, system: local}"
OBSERVED = ("{to: Observation.status, constant: final}", "{to: Observation.code.text, constant: x}")
COLUMNS = {"word": {}, "day": {"type": "date"}, "number": {"type": "integer"}, "yes": {"type": "boolean"}}
CODES = {
    "sex": "H,male,,,\nX,other-one,,,\n",
    "class": "A,AMB,http://terminology.hl7.org/CodeSystem/v3-ActCode,,\n",
    "bare": "A,AMB,,,\n",
    "grantee": "Z,NOBODY,,,\n",
    "two_systems": "A,a,urn:a,,\nB,b,urn:b,,\n",
}


def problems(*fields, resource="Patient", more="", key="id", **how):
    """What is told about a mapping with these fields."""
    with pytest.raises(ContractError) as told:
        built(COLUMNS, emitting(resource, *fields, more=more, key=key), codes=CODES, **how)
    return list(told.value.problems)


WRONG = [
    (
        "{to: Patient.brithDate, column: day}",
        "'Patient.brithDate' does not exist in FHIR R4; did you mean 'Patient.birthDate'?",
    ),
    ("{to: Encounter.status, constant: finished}", "'Encounter.status' is not in Patient"),
    ("{to: Patient.id, column: word}", "'Patient.id' is computed from `key` and is never written"),
    (
        "{to: Patient.name.family, column: word}",
        "'name' in 'Patient.name.family' is an array; give its element a label: name[...]",
    ),
    (
        "{to: 'Patient.birthDate[x]', column: day}",
        "'birthDate' in 'Patient.birthDate[x]' is no array and takes no label",
    ),
    (
        "{to: Patient.birthDate, column: word}",
        "column 'word' is of type string and 'Patient.birthDate' wants date; declare the column's type, or name a `rule`",
    ),
    (
        "{to: Patient.active, column: number}",
        "column 'number' is of type integer and 'Patient.active' wants boolean; declare the column's type, or name a `rule`",
    ),
    ("{to: Patient.birthDate, column: dya}", "column 'dya' is not in table 't'; did you mean 'day'?"),
    ("{to: Patient.birthDate, column: father.day}", "'father' is neither a parent nor a repetition of table 't'"),
    ("{to: Patient.gender, column: word, codes: sxe}", "code list 'sxe' does not exist; did you mean 'sex'?"),
    ("{to: Patient.gender, constant: femal}", "'Patient.gender' takes no code 'femal'; did you mean 'female'?"),
    ("{to: Patient.active, constant: 'yes'}", "'Patient.active' is of type boolean; the constant wants a JSON boolean"),
    (
        "{to: Patient.birthDate, constant: '2025-02-30'}",
        "'Patient.birthDate' is of type date; the constant is not of that form",
    ),
    (
        "{to: Patient.maritalStatus, constant: {codng: []}}",
        "'Patient.maritalStatus' has no 'codng'; did you mean 'coding'?",
    ),
    ("{to: Patient.maritalStatus, constant: {coding: {code: M}}}", "'Patient.maritalStatus.coding' is a list"),
    (
        "{to: Patient.maritalStatus, constant: {coding: [{system: lcal, code: M}]}}",
        "system 'lcal' is neither a URI nor a declared name",
    ),
    ("{to: 'Patient.identifier[x]', column: word}", "'Patient.identifier' is of type Identifier and wants a `system`"),
    (
        "{to: 'Patient.identifier[x]', column: word, system: loca}",
        "system 'loca' does not exist; did you mean 'local'?",
    ),
    ("{to: Patient.gender, column: word, system: local}", "'Patient.gender' is of type code and takes no `system`"),
    (
        "{to: 'Patient.contact[c].period', column: day}",
        "'Patient.contact.period' is of type Period; write its elements, one line each",
    ),
    (
        "{to: Patient.managingOrganization, column: word}",
        "'Patient.managingOrganization' is a Reference; say whom it `refers` to",
    ),
    (
        "{to: Patient.managingOrganization, refers: organization}",
        "label 'organization' does not exist; did you mean 'organisation'?",
    ),
    (
        "{to: Patient.managingOrganization, refers: made, key: [id]}",
        "'Patient.managingOrganization' may refer to Organization, and 'made' is Patient",
    ),
    ("{to: Patient.birthDate, refers: made, key: [id]}", "'Patient.birthDate' is of type date, not a Reference"),
    (
        "{to: Patient.managingOrganization, refers: organisation, key: [id, word]}",
        "the key of 'organisation' has 1 column",
    ),
    (
        "{to: Patient.managingOrganization, refers: organisation, key: [word], codes: grantee}",
        "target 'NOBODY' of code 'Z' is no organisation that is known",
    ),
    (
        "{to: 'Patient.link[l].other', refers: made, key: [number]}",
        "the key of 'made' is string, this one is integer: ids would differ",
    ),
    ("{to: 'Patient.link[l].other', refers: made}", "a reference to 'made' wants a `key`"),
    (
        "{to: Patient.birthDate, column: day, rule: yaer_only}",
        "rule 'yaer_only' does not exist; did you mean 'year_only'?",
    ),
    (
        "{to: Patient.gender, column: day, rule: year_only}",
        "rule 'year_only' gives date and 'Patient.gender' wants code",
    ),
    (
        "{to: Patient.birthDate, columns: [day, word, id], rule: day_and_time}",
        "rule 'day_and_time' takes 2 columns, not 3",
    ),
    (
        "{to: 'Patient.name[b].given[first]', column: word, rule: given_names}",
        "rule 'given_names' gives a whole array; 'given' takes no label then",
    ),
    (
        "{to: 'Patient.name[b].given[first]', column: word, missing: absent-reason}",
        "'Patient.name[b].given[first]' is in an array of values, where a reason for absence has no place",
    ),
    ("{to: 'Patient.name[b].family', column: word, each: products}", "'products' is not a repetition of table 't'"),
    (
        "{to: Patient.birthDate, column: day, only: {wrod: x}}",
        "column 'wrod' is not in table 't'; did you mean 'word'?",
    ),
    (
        "{to: Patient.deceased, column: yes}",
        "'Patient.deceased' may have several types; spell the one you mean: deceasedBoolean, deceasedDateTime",
    ),
    (
        "{to: Patient.maritalStatus, column: word, codes: bare}",
        "code 'A' is used for 'Patient.maritalStatus', which wants a system with its target",
    ),
    (
        "{to: Patient.gender, column: word, codes: sex}",
        "code 'X' is used for 'Patient.gender', which takes no code 'other-one'; did you mean 'other'?",
    ),
    (
        "{to: 'Patient.meta.tag[t].code', column: word, codes: two_systems}",
        "'two_systems' has codes of several systems; write the Coding and not its code",
    ),
    ("{to: 'Patient.link[l].type', constant: seealso}", "'Patient.link.other' is required and no line fills it"),
    (
        "{to: 'Patient.communication[l].preferred', constant: true}",
        "'Patient.communication.language' is required and no line fills it",
    ),
    ("{to: Patient.birthDate, column: maj}", None),
]


@pytest.mark.parametrize(("line", "sentence"), WRONG)
def test_what_is_wrong_with_a_line(line, sentence):
    if sentence is None:
        built(COLUMNS, emitting("Patient", LOCAL, line), codes=CODES)
        return
    (told,) = problems(LOCAL, line)

    assert sentence == told.split(": ", 1)[1]


def test_a_problem_is_told_at_its_file_and_line():
    (told,) = problems(LOCAL, "{to: Patient.birthDate, column: dya}")

    assert told.startswith("mapping.yaml:11: ")


def test_a_wrong_target_is_told_where_the_code_list_says_it():
    (told,) = problems(LOCAL, "{to: Patient.gender, column: word, codes: sex}")

    assert told.startswith("sex.csv:3: ")


def test_all_problems_are_told_together():
    told = problems(LOCAL, "{to: Patient.brithDate, column: day}", "{to: Patient.gender, column: wrod}")

    assert 2 == len(told)


TWICE = [
    ("{to: Patient.birthDate, column: day}", "{to: Patient.birthDate, column: maj}"),
    ("{to: 'Patient.name[b].family', column: word}", "{to: 'Patient.name[b].family', column: id}"),
    (
        "{to: 'Patient.name[b].given', column: word, rule: given_names}",
        "{to: 'Patient.name[b].given', column: id, rule: given_names}",
    ),
    ("{to: Patient.birthDate, column: day, only: {word: A}}", "{to: Patient.birthDate, column: maj, only: {id: A}}"),
]


@pytest.mark.parametrize(("first", "second"), TWICE)
def test_one_element_is_filled_by_one_line(first, second):
    (told,) = problems(LOCAL, first, second)

    assert told.endswith("is filled by another line already")


def test_a_system_is_not_written_twice():
    told = problems(
        "{to: 'Patient.identifier[l]', column: id, system: local}",
        "{to: 'Patient.identifier[l].system', constant: urn:x}",
    )

    assert ["mapping.yaml:10: 'Patient.identifier[l]' fills 'system', and another line does too"] == told


def test_required_elements_are_filled():
    told = problems("{to: Encounter.period.start, column: day}", resource="Encounter")

    assert [
        "'Encounter.class' is required and no line fills it",
        "'Encounter.status' is required and no line fills it",
    ] == [one.split(": ", 1)[1] for one in told]


def test_a_required_choice_is_filled_once_in_any_spelling():
    use = (
        "{to: MedicationStatement.status, constant: active}",
        "{to: MedicationStatement.subject, refers: patient, key: [id]}",
    )
    person = emitting("Patient", LOCAL, label="patient").replace("mapping: m", "mapping: n")
    drug = "{to: MedicationStatement.medicationCodeableConcept, column: word}"

    built(
        COLUMNS,
        emitting("MedicationStatement", *use, drug),
        person.replace("reads: t", "reads: u"),
        tables={"u": table({})},
    )
    told = problems(*use[:1], resource="MedicationStatement")
    assert "'MedicationStatement.medication[x]' is required and no line fills it" == told[0].split(": ", 1)[1]


def test_a_required_element_may_not_be_left_out():
    told = problems("{to: Observation.status, column: word, missing: omit}", OBSERVED[1], resource="Observation")

    assert ["'Observation.status' is required: `missing` is stop or absent-reason there"] == [
        one.split(": ", 1)[1] for one in told
    ]


def test_each_resource_of_a_repetition_has_an_id_of_its_own():
    repeats = {"products": {"columns": [{"code": "word"}, {"code": "id"}]}}
    told = problems(*OBSERVED, resource="Observation", more="each: products", repeats=repeats)

    assert told[0].endswith("name one of its fields in the key, or products.position")


def test_lines_of_a_label_go_through_the_same_repetition():
    repeats = {"a": {"columns": [{"x": "word"}]}, "b": {"columns": [{"x": "id"}]}}
    told = problems(
        "{to: 'Patient.name[n].family', column: a.x, each: a}",
        "{to: 'Patient.name[n].text', column: b.x, each: b}",
        repeats=repeats,
    )

    assert told[0].endswith("lines of label 'n' go through different repetitions")


def test_a_repetition_is_read_only_inside_it():
    repeats = {"a": {"columns": [{"x": "word"}]}}
    (told,) = problems(LOCAL, "{to: 'Patient.name[n].family', column: a.x}", repeats=repeats)

    assert told.endswith("'a.x' is read outside `each: a`")


def test_each_fills_an_array():
    repeats = {"a": {"columns": [{"x": "day"}]}}
    (told,) = problems(LOCAL, "{to: Patient.birthDate, column: a.x, each: a}", repeats=repeats)

    assert told.endswith("`each` fills an array, and 'Patient.birthDate' has no label")


def test_a_label_is_written_by_one_mapping():
    with pytest.raises(ContractError) as told:
        built({}, emitting("Patient", LOCAL), emitting("Patient", LOCAL).replace("mapping: m", "mapping: n"))

    assert "label 'made' is written twice; one mapping of the source writes it" in told.value.problems[0]


def test_a_resource_is_one_of_r4():
    (told,) = problems("{to: Patiend.active, constant: true}", resource="Patiend")

    assert told.endswith("resource 'Patiend' does not exist; did you mean 'Patient'?")


def test_a_table_and_a_key_column_exist():
    with pytest.raises(ContractError) as told:
        built(
            {},
            emitting("Patient", LOCAL, key="idd"),
            emitting("Patient", LOCAL, label="b").replace("reads: t", "reads: tt").replace("mapping: m", "mapping: n"),
        )

    assert [
        "column 'idd' is not in table 't'; did you mean 'id'?",
        "table 'tt' does not exist; did you mean 't'?",
    ] == sorted(one.split(": ", 1)[1] for one in told.value.problems)


def test_a_parent_is_reached_over_two_tables_at_most():
    tables = {
        "a": table({"up": {}}, parents={"up": {"table": "b", "on": {"up": "id"}}}),
        "b": table({"up": {}}, parents={"up": {"table": "c", "on": {"up": "id"}}}),
        "c": table({"word": {}}),
    }
    (told,) = problems(
        LOCAL,
        "{to: 'Patient.name[n].family', column: a.up.up.word}",
        parents={"a": {"table": "a", "on": {"word": "id"}}},
        tables=tables,
    )

    assert told.endswith("'a.up.up.word' reaches over more than two parents")
