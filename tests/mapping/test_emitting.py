"""What a record becomes: the mapping and the expected JSON side by side."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_builders import KEYS, built, emitting, table

from passerelle.ids import KeyedHasher, resource_id
from passerelle.records import Reason

LOCAL = "{to: 'Patient.identifier[local].value', column: id, system: local}"
UNKNOWN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
PERSON = (
    emitting("Patient", LOCAL, label="patient")
    .replace("mapping: m", "mapping: people")
    .replace("reads: t", "reads: people")
)
PEOPLE = {"people": table({})}


def reference(resource, label, *key, source="s"):
    raw = KeyedHasher(KEYS.id_key(source), (source, label)).of(key)
    return {"reference": f"{resource}/{resource_id(raw)}"}, raw


def test_elements_come_in_the_order_of_fhir_and_the_id_after_the_type():
    fields = (
        "{to: Patient.gender, column: sexe}",
        LOCAL,
        "{to: Patient.active, constant: true}",
        "{to: 'Patient.meta.tag[t].code', constant: x}",
    )
    (made,) = built({"sexe": {}}, emitting("Patient", *fields)).evaluate({"sexe": "male"})

    assert ["resourceType", "id", "meta", "identifier", "active", "gender"] == list(made.tree)


def test_the_id_is_made_of_the_label_and_the_canonical_key():
    plans = built({"n": {"type": "integer"}}, emitting("Patient", LOCAL, key="n"))

    (made,) = plans.evaluate({"n": "0042"})

    assert reference("Patient", "made", "42") == ({"reference": f"Patient/{made.tree['id']}"}, made.id)


def test_a_labelled_group_exists_only_if_something_in_it_has_a_value():
    name = (
        "{to: 'Patient.name[used].use', constant: usual}",
        "{to: 'Patient.name[used].family', column: n, missing: omit}",
    )
    plans = built({"n": {}}, emitting("Patient", LOCAL, *name))

    assert {"use": "usual", "family": "A"} == plans.tree({"n": "A"})["name"][0]
    assert "name" not in plans.tree({})


def test_arrays_keep_the_order_of_the_file_and_constants_alone_are_kept():
    fields = (
        "{to: 'Patient.name[b].given[2]', column: two, missing: omit}".replace("[2]", "[two]"),
        "{to: 'Patient.name[b].given[one]', column: one, missing: omit}",
        "{to: 'Patient.name[b].use', constant: official}",
        "{to: 'Patient.name[a].text', constant: nobody}",
    )
    plans = built({"one": {}, "two": {}}, emitting("Patient", *fields))

    both = plans.tree({"one": "1st", "two": "2nd"})

    assert [{"use": "official", "given": ["2nd", "1st"]}, {"text": "nobody"}] == both["name"]
    assert [{"use": "official", "given": ["1st"]}, {"text": "nobody"}] == plans.tree({"one": "1st"})["name"]
    assert [{"text": "nobody"}] == plans.tree({})["name"]


def test_an_optional_parent_exists_only_with_a_child_that_is_not_constant():
    fields = (
        "{to: Encounter.status, constant: finished}",
        "{to: Encounter.class, constant: {system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: IMP}}",
        "{to: Encounter.period.start, column: a, missing: omit}",
        "{to: Encounter.period.end, column: b, missing: omit}",
        "{to: Encounter.hospitalization.reAdmission.text, constant: never}",
    )
    plans = built({"a": {"type": "date"}, "b": {"type": "date"}}, emitting("Encounter", *fields))
    constant = {
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "hospitalization": {"reAdmission": {"text": "never"}},
    }

    assert constant == plans.tree({})
    assert {"end": "2025-03-01"} == plans.tree({"b": "2025-03-01"})["period"]
    assert {"start": "2025-02-28", "end": "2025-03-01"} == plans.tree({"a": "2025-02-28", "b": "2025-03-01"})["period"]


MISSING = [
    ("Patient.birthDate", {"type": "date"}, {"_birthDate": UNKNOWN}),
    ("Patient.maritalStatus", {}, {"maritalStatus": UNKNOWN}),
    ("Patient.contact[c].name.family", {}, {"contact": [{"name": {"_family": UNKNOWN}}]}),
]


@pytest.mark.parametrize(("to", "column", "expected"), MISSING)
def test_a_reason_stands_in_for_a_value_that_is_not_known(to, column, expected):
    plans = built({"c": column}, emitting("Patient", f"{{to: '{to}', column: c, missing: absent-reason}}"))

    assert expected == plans.tree({})


def test_a_missing_value_stops_the_record_at_its_column():
    plans = built({"c": {}}, emitting("Patient", "{to: 'Patient.name[b].family', column: c}"))

    assert ("missing-value", "c") == plans.refused({})
    assert ("missing-value", "c") == plans.refused({"c": "   "})


def test_a_missing_key_stops_the_record():
    assert ("missing-key", "n") == built({"n": {}}, emitting("Patient", LOCAL, key="n")).refused({})


def test_a_key_that_is_not_of_its_type_stops_the_record():
    plans = built({"n": {"type": "integer"}}, emitting("Patient", LOCAL, key="n"))

    assert ("not-a-number", "n") == plans.refused({"n": "12a"})


def test_only_lets_a_line_count_where_the_column_holds_the_text():
    fields = (LOCAL, "{to: Patient.birthDate, column: d, only: {anonymous: N}, missing: omit}")
    plans = built({"d": {"type": "date"}, "anonymous": {}}, emitting("Patient", *fields))

    assert "1984-05-17" == plans.tree({"d": "1984-05-17", "anonymous": "N"})["birthDate"]
    assert "birthDate" not in plans.tree({"d": "1984-05-17", "anonymous": "O"})


def test_two_lines_may_fill_one_element_when_they_exclude_each_other():
    fields = (
        LOCAL,
        "{to: Patient.birthDate, column: d, only: {anonymous: N}, missing: omit}",
        "{to: Patient.birthDate, column: d, rule: year_only, only: {anonymous: O}, missing: omit}",
    )
    plans = built({"d": {"type": "date"}, "anonymous": {}}, emitting("Patient", *fields))

    assert "1984-05-17" == plans.tree({"d": "1984-05-17", "anonymous": "N"})["birthDate"]
    assert "1984" == plans.tree({"d": "1984-05-17", "anonymous": "O"})["birthDate"]


def test_the_lines_of_a_label_share_their_condition():
    fields = (
        LOCAL,
        "{to: 'Patient.telecom[mail].system', constant: email}",
        "{to: 'Patient.telecom[mail].value', column: m, only: {may: O}}",
    )
    plans = built({"m": {}, "may": {}}, emitting("Patient", *fields))

    assert [{"system": "email", "value": "a@b"}] == plans.tree({"m": "a@b", "may": "O"})["telecom"]
    assert "telecom" not in plans.tree({"m": "a@b", "may": "N"})


# Several resources, or none ------------------------------------------------------------------------------------------


def test_an_optional_resource_is_emitted_only_when_its_column_has_a_value():
    plans = built({"p": {}}, emitting("Patient", LOCAL, more="present: p"))

    assert [] == plans.evaluate({})
    assert 1 == len(plans.evaluate({"p": "x"}))


def test_an_optional_resource_follows_its_code_list_and_refuses_what_is_not_in_it():
    codes = {"shown": "O,yes,,,\nN,-,,,"}
    plans = built({"p": {}}, emitting("Patient", LOCAL, more="present: {column: p, codes: shown}"), codes=codes)
    notes = []

    assert [1, 0, 0] == [len(plans.evaluate({"p": text}, notes=notes)) for text in ("O", "N", None)]
    assert [] == notes
    assert ("unknown-code", "p") == plans.refused({"p": "X"})


def test_only_on_a_resource():
    plans = built({"p": {}}, emitting("Patient", LOCAL, more="only: {p: O}"))

    assert [1, 0] == [len(plans.evaluate({"p": text})) for text in ("O", "N")]


NUMBERED = {"products": {"columns": [{"code": "p1", "age": "a1"}, {"code": "p2", "age": "a2"}, {"code": "p3"}]}}
NUMBERED_COLUMNS = {"p1": {}, "a1": {"type": "integer"}, "p2": {}, "a2": {"type": "integer"}, "p3": {}}


def test_numbered_columns_fill_an_array_and_empty_sets_do_not_occur():
    fields = (
        LOCAL,
        "{to: 'Patient.extension[p].url', constant: urn:p}",
        "{to: 'Patient.extension[p].extension[code].url', constant: code}",
        "{to: 'Patient.extension[p].extension[code].valueCode', column: products.code, each: products, missing: omit}",
        "{to: 'Patient.extension[p].extension[age].url', constant: age}",
        "{to: 'Patient.extension[p].extension[age].valueInteger', column: products.age, each: products, missing: omit}",
        "{to: 'Patient.extension[p].extension[rank].url', constant: rank}",
        "{to: 'Patient.extension[p].extension[rank].valueInteger', column: products.position, each: products}",
    )
    plans = built(NUMBERED_COLUMNS, emitting("Patient", *fields), repeats=NUMBERED)

    extension = plans.tree({"p1": "HER", "a1": "19", "p3": "ALC"})["extension"]

    assert [
        [{"url": "code", "valueCode": "HER"}, {"url": "age", "valueInteger": 19}, {"url": "rank", "valueInteger": 1}],
        [{"url": "code", "valueCode": "ALC"}, {"url": "rank", "valueInteger": 3}],
    ] == [one["extension"] for one in extension]
    assert "extension" not in plans.tree({})


def test_one_resource_per_occurrence():
    fields = (
        "{to: Observation.status, constant: final}",
        "{to: Observation.code.text, column: products.code}",
    )
    mapping = emitting("Observation", *fields, key="id, products.position", more="each: products")
    plans = built(NUMBERED_COLUMNS, mapping, repeats=NUMBERED)

    made = plans.evaluate({"id": "7", "p1": "HER", "p3": "ALC"})

    assert ["HER", "ALC"] == [one.tree["code"]["text"] for one in made]
    assert [reference("Observation", "made", "7", place)[1] for place in ("1", "3")] == [one.id for one in made]


def test_two_occurrences_with_one_id_stop_the_record():
    fields = ("{to: Observation.status, constant: final}", "{to: Observation.code.text, column: products.code}")
    mapping = emitting("Observation", *fields, key="id, products.code", more="each: products")
    plans = built(NUMBERED_COLUMNS, mapping, repeats=NUMBERED)

    assert ("conflicting-version", "products.code") == plans.refused({"p1": "HER", "p2": "HER"})


NESTED = {
    "people": {
        "path": "people",
        "fields": {"kind": "kind"},
        "repeats": {"names": {"path": "names", "fields": {"text": "text", "use": "use"}}},
    }
}


def test_occurrences_of_the_record_are_filtered_and_may_nest_once():
    fields = (
        LOCAL,
        "{to: 'Patient.contact[c].relationship[r].text', column: people.kind, each: people, only: {kind: parent}}",
        "{to: 'Patient.name[n].text', column: names.text, each: people.names, only: {use: official}}",
        "{to: 'Patient.name[n].family', column: people.kind, each: people.names, only: {use: official}}",
    )
    plans = built({}, emitting("Patient", *fields), repeats=NESTED)
    people = [["parent", [["A", "official"], ["B", "usual"]]], ["friend", [["C", "official"]]]]

    tree = plans.tree(repeats=[people])

    assert [{"relationship": [{"text": "parent"}]}] == tree["contact"]
    assert [{"text": "A", "family": "parent"}, {"text": "C", "family": "friend"}] == tree["name"]


def test_a_resource_per_occurrence_may_hold_an_array_per_inner_one():
    fields = (
        "{to: Group.type, constant: person}",
        "{to: Group.actual, constant: true}",
        "{to: Group.name, column: people.kind}",
        "{to: 'Group.characteristic[c].code.text', column: names.text, each: people.names}",
        "{to: 'Group.characteristic[c].valueBoolean', constant: true}",
        "{to: 'Group.characteristic[c].exclude', constant: false}",
    )
    mapping = emitting("Group", *fields, key="id, people.position", more="each: people")
    people = [["parent", [["A", None], ["B", None]]], ["friend", []]]

    made = built({}, mapping, repeats=NESTED).evaluate({}, repeats=[people])

    assert [["A", "B"], []] == [[c["code"]["text"] for c in one.tree.get("characteristic", [])] for one in made]


def test_a_text_without_declared_type_is_read_as_the_element_wants():
    repeats = {"visits": {"path": "visits", "fields": {"on": "on", "count": "count"}}}
    fields = (
        LOCAL,
        "{to: 'Patient.extension[v].url', constant: urn:v}",
        "{to: 'Patient.extension[v].valueDateTime', column: visits.on, each: visits}",
    )
    plans = built({}, emitting("Patient", *fields), repeats=repeats)

    assert (
        "2025-07-01T09:30:00+02:00"
        == plans.tree(repeats=[[["2025-07-01 09:30", None]]])["extension"][0]["valueDateTime"]
    )
    assert ("not-a-datetime", "visits.on") == plans.refused(repeats=[[["tomorrow", None]]])


# Other tables --------------------------------------------------------------------------------------------------------

EPISODE = {
    "episode": table(
        {"person": {}, "start": {"type": "date"}}, parents={"person": {"table": "person", "on": {"person": "id"}}}
    )
}
PEOPLE_TABLE = {"person": table({"sex": {}})}


def test_columns_of_parents_are_read_over_two_levels():
    fields = (
        "{to: Patient.gender, column: episode.person.sex, missing: omit}",
        "{to: Patient.birthDate, column: episode.start, missing: omit}",
    )
    plans = built(
        {"episode": {}},
        emitting("Patient", *fields),
        parents={"episode": {"table": "episode", "on": {"episode": "id"}}},
        tables=EPISODE | PEOPLE_TABLE,
    )
    (plan,) = plans.plans.by_table["t"]
    episode = plans.row("episode", {"id": "e", "start": "2025-01-05"})
    person = plans.row("person", {"id": "p", "sex": "female"})

    assert ("episode", "episode.person") == plan.parents
    assert {"gender": "female", "birthDate": "2025-01-05"} == plans.tree(parents=(episode, person))
    assert {"birthDate": "2025-01-05"} == plans.tree(parents=(episode, None))
    assert {} == plans.tree(parents=(None, None))


def test_rows_of_a_child_table_fill_an_array_in_their_order():
    fields = (
        "{to: 'CareTeam.participant[m].member', refers: organisation, key: [members.who], each: members}",
        "{to: 'CareTeam.participant[m].period.start', column: members.since, each: members, missing: omit}",
    )
    plans = built(
        {},
        emitting("CareTeam", *fields),
        repeats={"members": {"table": "member", "on": {"team": "id"}, "order": ["rank"]}},
        tables={"member": table({"team": {}, "rank": {}, "who": {}, "since": {"type": "date"}})},
    )
    (plan,) = plans.plans.by_table["t"]
    rows = [plans.row("member", {"who": "CHU", "since": "2025-01-05"}), plans.row("member", {"who": "TIL"})]

    (made,) = plans.evaluate({}, children=(rows,))
    chu, chu_id = reference("Organization", "organisation", "CHU", source="directory")
    til, til_id = reference("Organization", "organisation", "TIL", source="directory")

    assert ("members",) == plan.children
    assert [{"member": chu, "period": {"start": "2025-01-05"}}, {"member": til}] == made.tree["participant"]
    assert tuple(sorted((chu_id, til_id))) == made.refs


# References ----------------------------------------------------------------------------------------------------------


def test_a_reference_computes_the_id_of_the_other_label():
    flag = emitting(
        "Flag",
        "{to: Flag.status, constant: active}",
        "{to: Flag.code.text, constant: x}",
        "{to: Flag.subject, refers: patient, key: [person]}",
        "{to: Flag.author, refers: organisation}",
    )
    plans = built({"person": {}}, flag, PERSON, tables=PEOPLE)

    (made,) = plans.evaluate({"person": "17"})
    (patient,) = plans.evaluate({"id": "17"}, table_name="people")
    own, own_id = reference("Organization", "organisation", "TIL", source="directory")

    assert {"reference": f"Patient/{patient.tree['id']}"} == made.tree["subject"]
    assert own == made.tree["author"]
    assert tuple(sorted((patient.id, own_id))) == made.refs
    assert {"made": "Flag", "patient": "Patient"} == plans.plans.labels


def test_a_reference_follows_missing_and_its_code_list():
    codes = {"grantee": "HOP,CHU,,,\nALL,-,,,"}
    fields = (
        LOCAL,
        "{to: Patient.managingOrganization, refers: organisation, key: [who], codes: grantee, missing: omit}",
    )
    plans = built({"who": {}}, emitting("Patient", *fields), codes=codes)
    notes = []

    assert (
        reference("Organization", "organisation", "CHU", source="directory")[0]
        == plans.tree({"who": "HOP"})["managingOrganization"]
    )
    assert "managingOrganization" not in plans.tree({"who": "ALL"}, notes=notes)
    assert [(Reason.CODE_MEANS_NOTHING, "who")] == notes
    assert "managingOrganization" not in plans.tree({})
    assert () == plans.evaluate({})[0].refs
    assert ("unknown-code", "who") == plans.refused({"who": "CHU"})


def test_an_organisation_that_the_directory_does_not_have_stops_the_record():
    fields = (LOCAL, "{to: Patient.managingOrganization, refers: organisation, key: [who]}")

    assert ("unknown-code", "who") == built({"who": {}}, emitting("Patient", *fields)).refused({"who": "ELSEWHERE"})


STAY = (
    "{to: Encounter.status, constant: finished}",
    "{to: Encounter.class, constant: {system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: IMP}}",
    "{to: Encounter.period.start, column: start}",
    "{to: 'Encounter.location[u].location', refers: unit, key: [unit]}",
)


def test_a_unit_used_outside_its_days_is_noticed():
    plans = built(
        {"unit": {}, "start": {"type": "datetime"}},
        emitting("Encounter", *STAY),
        units="4110,Addictology,ward,2020-01-01,2025-06-30\n",
    )
    noticed = []
    for day in ("2025-06-30 10:00:00", "2025-07-01 10:00:00"):
        notes = []
        plans.evaluate({"unit": "4110", "start": day}, notes=notes)
        noticed.append(notes)

    assert [[], [(Reason.OUTSIDE_VALIDITY, "unit")]] == noticed
    assert ("unknown-code", "unit") == plans.refused({"unit": "9999", "start": "2025-06-30 10:00:00"})


def test_a_reference_whose_key_is_not_whole_is_missing():
    two = (
        emitting("Patient", LOCAL, key="id, maj", label="patient")
        .replace("mapping: m", "mapping: n")
        .replace("reads: t", "reads: people")
    )
    flag = emitting(
        "Flag",
        "{to: Flag.status, constant: active}",
        "{to: Flag.code.text, constant: x}",
        "{to: Flag.subject, refers: patient, key: [person, maj]}",
    )
    plans = built({"person": {}}, flag, two, tables=PEOPLE)

    assert ("missing-value", "Flag.subject") == plans.refused({"person": "1"})


# Sameness ------------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6)
PAIR = built({"a": {}, "b": {}}, emitting("Patient", "{to: Patient.active, constant: true}", key="a, b"))


@given(st.tuples(TEXT, TEXT), st.tuples(TEXT, TEXT))
def test_different_keys_have_different_ids(one, other):
    import unicodedata

    def canonical(pair):
        return tuple(unicodedata.normalize("NFC", text) for text in pair)

    ids = [PAIR.evaluate({"a": a, "b": b})[0].id for a, b in (one, other)]

    assert (canonical(one) == canonical(other)) == (ids[0] == ids[1])


WHOLE = emitting(
    "Patient",
    LOCAL,
    "{to: 'Patient.name[b].family', column: n, missing: omit}",
    "{to: Patient.birthDate, column: d, missing: absent-reason}",
    "{to: Patient.gender, column: s, codes: sex, missing: omit}",
    "{to: Patient.managingOrganization, refers: organisation}",
)
WHOLE_COLUMNS = {"n": {}, "d": {"type": "date"}, "s": {}}
SEX = {"sex": "H,male,,,\nF,female,,,\nX,-,,,"}


@given(st.lists(st.tuples(TEXT | st.none(), st.dates().map(str) | st.none(), st.sampled_from(["H", "F", "X", None]))))
def test_the_same_row_gives_the_same_bytes_whatever_came_before(rows):
    once, again = (built(WHOLE_COLUMNS, WHOLE, codes=SEX) for _ in range(2))

    def bytes_of(plans, row):
        (made,) = plans.evaluate(dict(zip("nds", row, strict=True)))
        return json.dumps(made.tree), made.refs

    forward = [bytes_of(once, row) for row in rows]
    backward = [bytes_of(again, row) for row in reversed(rows)]

    assert forward == backward[::-1]


def test_nothing_of_a_record_counts_when_one_of_its_resources_is_refused():
    two = (
        emitting("Patient", LOCAL)
        + "  - resource: Patient\n    as: other\n    key: [id]\n    fields:\n      - {to: Patient.birthDate, column: d}\n"
    )

    assert ("missing-value", "d") == built({"d": {"type": "date"}}, two).refused({})


def test_an_anonymous_source_has_ids_of_its_own():
    from mapping_builders import SOURCE

    anonymous = SOURCE.replace("ground: none", "ground: none, anonymous: true")
    (named,) = built({}, emitting("Patient", LOCAL)).evaluate({})
    (hidden,) = built({}, emitting("Patient", LOCAL), source=anonymous).evaluate({})

    assert named.id != hidden.id
    assert KeyedHasher(KEYS.id_key("s", anonymous=True), ("s", "made")).of(("1",)) == hidden.id
