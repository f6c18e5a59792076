"""Rules as a mapping calls them: on what FHIR would write for each column."""

import pytest
from mapping_builders import built, emitting

ACTIVE = "{to: Patient.active, constant: true}"


def test_a_rule_sees_typed_columns_as_fhir_writes_them():
    line = "{to: Patient.birthDate, column: d, rule: year_only}"
    plans = built({"d": {"type": "date", "format": "%d/%m/%Y"}}, emitting("Patient", line))

    assert {"birthDate": "1984"} == plans.tree({"d": "17/05/1984"})
    assert ("not-a-date", "d") == plans.refused({"d": "1984-05-17"})


def test_a_rule_over_several_columns_is_called_when_one_has_a_value():
    line = "{to: Patient.deceasedDateTime, columns: [day, hour], rule: day_and_time, missing: omit}"
    plans = built({"day": {"type": "date"}, "hour": {}}, emitting("Patient", ACTIVE, line))

    assert "2025-07-01T14:30:00+02:00" == plans.tree({"day": "2025-07-01", "hour": "14:30"})["deceasedDateTime"]
    assert "2025-07-01" == plans.tree({"day": "2025-07-01"})["deceasedDateTime"]
    assert {"active": True} == plans.tree({"hour": "14:30"})
    assert {"active": True} == plans.tree({})
    assert ("not-a-datetime", "Patient.deceasedDateTime") == plans.refused({"day": "2025-07-01", "hour": "25:00"})


def test_a_local_time_from_a_rule_keeps_its_day_when_the_hour_is_doubled():
    line = "{to: Patient.deceasedDateTime, columns: [day, hour], rule: day_and_time}"
    plans = built({"day": {"type": "date"}, "hour": {}}, emitting("Patient", line))
    notes = []

    assert {"deceasedDateTime": "2025-10-26"} == plans.tree({"day": "2025-10-26", "hour": "02:30"}, notes=notes)
    assert [("ambiguous-time", "Patient.deceasedDateTime")] == [(reason.value, place) for reason, place in notes]


def test_a_rule_that_has_nothing_to_say_follows_missing():
    line = "{to: 'Patient.name[n].text', column: place, rule: insee_birth_place, missing: MISSING}"
    plans = {
        missing: built({"place": {}}, emitting("Patient", ACTIVE, line.replace("MISSING", missing)))
        for missing in ("stop", "omit", "absent-reason")
    }
    unknown = {"place": "99999"}

    assert ("missing-value", "place") == plans["stop"].refused(unknown)
    assert {"active": True} == plans["omit"].tree(unknown)
    assert "_text" in plans["absent-reason"].tree(unknown)["name"][0]


def test_a_rule_then_a_code_list():
    line = "{to: Patient.maritalStatus, column: c, rule: cim10_dotted, codes: dotted}"
    plans = built({"c": {}}, emitting("Patient", line), codes={"dotted": "F11.2,x,urn:x,,\n"})

    assert {"maritalStatus": {"coding": [{"system": "urn:x", "code": "x"}]}} == plans.tree({"c": "F112"})
    assert ("unknown-code", "c") == plans.refused({"c": "F113"})


@pytest.mark.parametrize("text", ["255081416802539", "not a number"])
def test_a_rule_refuses_with_its_own_reason(text):
    line = "{to: 'Patient.identifier[ins].value', column: c, rule: ins_with_key, system: local}"

    assert ("not-an-identifier", "c") == built({"c": {}}, emitting("Patient", line)).refused({"c": text})
