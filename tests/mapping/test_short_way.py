"""What the short way learned from one record it does not take for granted of another."""

import json
from dataclasses import replace

import orjson
import pytest
from house_builder import ROOT
from hypothesis import given
from hypothesis import strategies as st
from mapping_builders import built, emitting

from passerelle.mapping.learning import PlanWriter, halves
from passerelle.mapping.plan import Emitted, Refusal, Rendered
from passerelle.mapping.texts import FREE_TYPES, learned, right_text
from passerelle.structure import Splitter, load_identity_rules, structure
from passerelle.structure.primitives import fault_of

SPLITTER = Splitter(load_identity_rules(ROOT / "fhir" / "identity_elements.yaml"))


class Ways:
    """One mapping, gone both ways."""

    def __init__(self, made, check=None):
        self.built = made
        (self.plan,) = made.plans.by_table["t"]
        self.writer = PlanWriter(self.plan, check or structure().check, SPLITTER)
        assert self.writer.not_rendered == {}
        (self.maker,) = self.writer.makers.values()

    def both(self, values):
        """(what the long way says, what the short way says, whether it was the short way)."""
        row = self.built.row("t", {"id": "1", **values})
        learned = self.maker.learned
        long, short = told(self.plan.evaluate, row), told(self.writer.write, row)
        return long, short, self.maker.learned == learned


def told(evaluate, row):
    try:
        made = evaluate(row, (), (), notes := [])
    except Refusal as refused:
        return refused.reason.value, refused.place
    (one,) = made
    if isinstance(one, Emitted):
        wrong = structure().check(one.tree)
        return (wrong, notes) if wrong else (*halves(SPLITTER.split, one.tree), one.refs, notes)
    return one.plain, one.sealed, one.refs, notes


APPOINTMENT = emitting(
    "Appointment",
    "{to: Appointment.status, column: status}",
    "{to: 'Appointment.cancelationReason.coding[r].code', column: why, missing: omit, system: 'https://example.org/w'}",
    "{to: Appointment.start, column: start, missing: omit}",
    "{to: Appointment.end, column: end, missing: omit}",
    "{to: 'Appointment.participant[p].status', constant: accepted}",
    "{to: 'Appointment.participant[p].actor.display', column: who, missing: omit}",
    "{to: 'Appointment.participant[p].type[t].text', column: role, missing: omit}",
)
APPOINTED = {"status": {}, "why": {}, "start": {"type": "datetime"}, "end": {"type": "datetime"}, "who": {}, "role": {}}
BOOKED = {"status": "booked", "start": "2025-03-01T10:00:00", "end": "2025-03-01T11:00:00", "who": "A", "role": "b"}
CASES = {
    "a reason for a booked appointment": (APPOINTED, APPOINTMENT, [BOOKED, {**BOOKED, "status": "cancelled", "why": "ill"}], {**BOOKED, "why": "ill"}),
    "a booked appointment without a time": (APPOINTED, APPOINTMENT, [BOOKED, {"status": "proposed", "who": "A"}], {"status": "booked", "who": "A"}),
    "a start without an end": (APPOINTED, APPOINTMENT, [BOOKED, {"status": "proposed", "who": "A"}], {**BOOKED, "end": None}),
    "a participant with neither type nor actor": (APPOINTED, APPOINTMENT, [BOOKED, {**BOOKED, "who": None}, {**BOOKED, "role": None}], {**BOOKED, "who": None, "role": None}),
    "a code outside the value set of what holds it": (
        {"state": {}},
        emitting(
            "Condition",
            "{to: 'Condition.clinicalStatus.coding[c].code', column: state, system: 'http://terminology.hl7.org/CodeSystem/condition-clinical'}",
            "{to: Condition.subject, constant: {reference: Patient/p}}",
        ),
        [{"state": "active"}, {"state": "resolved"}],
        {"state": "bogus"},
    ),
    "a period that ends before it begins": (
        {"a": {"type": "date"}, "b": {"type": "date"}},
        emitting(
            "EpisodeOfCare",
            "{to: EpisodeOfCare.status, constant: active}",
            "{to: EpisodeOfCare.patient, constant: {reference: Patient/p}}",
            "{to: EpisodeOfCare.period.start, column: a, missing: omit}",
            "{to: EpisodeOfCare.period.end, column: b, missing: omit}",
        ),
        [{"a": "2025-01-01", "b": "2025-02-01"}, {"a": "2025-03-01"}, {"b": "2025-01-01"}],
        {"a": "2025-03-01", "b": "2025-02-01"},
    ),
    "a language that is required": (
        {"language": {}, "liked": {"type": "boolean"}},
        emitting(
            "Patient",
            "{to: 'Patient.communication[c].language.text', column: language, missing: omit}",
            "{to: 'Patient.communication[c].preferred', column: liked, missing: omit}",
        ),
        [{"language": "fr", "liked": "true"}, {"language": "en"}, {}],
        {"liked": "true"},
    ),
    "a control character in a name": (
        {"name": {}},
        emitting("Patient", "{to: 'Patient.name[n].family', column: name}"),
        [{"name": "AUBRY"}, {"name": "D'ÉON \"dit\" \\ le 1er"}],
        {"name": "AU\x01BRY"},
    ),
    "a value that its component has too": (
        {"code": {}, "value": {}, "part": {}},
        emitting(
            "Observation",
            "{to: Observation.status, constant: final}",
            "{to: Observation.code, constant: {coding: [{system: 'https://example.org/q', code: a}]}}",
            "{to: Observation.valueString, column: value, missing: omit}",
            "{to: 'Observation.component[x].code', constant: {coding: [{system: 'https://example.org/q', code: a}]}}",
            "{to: 'Observation.component[x].valueString', column: part, missing: omit}",
        ),
        [{"value": "1"}, {"part": "1"}],
        {"value": "1", "part": "1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_after_all_that_was_right_is_refused_as_by_the_long_way(case):
    columns, mapping, right, wrong = CASES[case]
    ways = Ways(built(columns, mapping))
    for values in [*right, *right]:
        long, short, was_short = ways.both(values)
        assert long == short
    assert was_short, "the short way never learned"
    long, short, _ = ways.both(wrong)
    assert isinstance(long[0], str), "the case is not wrong"
    assert long == short
    assert ways.both(right[0])[0] == ways.both(right[0])[1]
    assert not ways.maker.differed


MIXED = emitting(
    "Encounter",
    "{to: 'Encounter.identifier[i].value', column: number, system: local}",
    "{to: Encounter.status, constant: finished}",
    "{to: Encounter.class, constant: {system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: AMB}}",
    "{to: 'Encounter.participant[a].type[t].coding[c].code', column: role, missing: omit, system: 'https://example.org/r'}",
    "{to: 'Encounter.participant[a].individual.display', column: name, missing: omit}",
    "{to: 'Encounter.participant[b].individual.display', column: other, missing: omit}",
    "{to: 'Encounter.reasonCode[w].text', column: why, missing: omit}",
    "{to: Encounter.period.start, column: start, missing: omit}",
    "{to: 'Encounter.extension[e].url', constant: 'https://example.org/note'}",
    "{to: 'Encounter.extension[e].valueString', column: note, missing: omit}",
)
COLUMNS = {name: {} for name in ("number", "role", "name", "other", "why", "note")} | {"start": {"type": "date"}}
WORDS = st.none() | st.sampled_from(["a", "b", "D'É\"ON", "\\", "{x}", "a\nb", "a\x02", " ", "𝄞"])
RECORDS = st.lists(
    st.fixed_dictionaries(
        {name: WORDS for name in COLUMNS if name != "start"}
        | {"start": st.none() | st.sampled_from(["2025-01-01", "2024-02-29", "2025-02-30"])}
    ),
    min_size=1,
    max_size=12,
)


@given(records=RECORDS)
def test_identity_is_apart_in_the_same_places_whatever_is_there(records):
    ways = Ways(built(COLUMNS, MIXED))
    for values in records:
        long, short, _ = ways.both(values)
        assert long == short
    assert not ways.maker.differed


def test_the_two_halves_of_a_resource_written_the_short_way_are_these():
    ways = Ways(built(COLUMNS, MIXED))
    values = {"number": "7", "role": "r", "name": "Léa", "other": "Ali", "start": "2025-01-01"}
    ways.both(values)
    _long, (plain, sealed, _, _), was_short = ways.both({**values, "name": "Zoé"})
    assert was_short
    assert json.loads(plain)["participant"] == [
        {"type": [{"coding": [{"system": "https://example.org/r", "code": "r"}]}]},
        {},
    ]
    assert json.loads(sealed) == {
        "identifier": [{"system": "https://example.org/local", "value": "7"}],
        "participant": [{"individual": {"display": "Zoé"}}, {"individual": {"display": "Ali"}}],
    }


def test_should_texts_and_trees_differ_the_short_way_is_given_up():
    made = built({"name": {}}, emitting("Patient", "{to: 'Patient.name[n].family', column: name}"))
    ways = Ways(made)
    ways.maker._split = lambda tree: (tree, None)  # a split that the short way knows nothing of
    row = made.row("t", {"id": "1", "name": "AUBRY"})
    for _ in range(3):
        (one,) = ways.writer.write(row, (), (), [])
        assert isinstance(one, Rendered)
        assert b"AUBRY" in one.plain
    assert ways.maker.differed
    assert ways.maker.learned == 1


def test_a_value_is_only_written_the_short_way_after_it_was_right_once():
    (plan,) = built({"state": {}}, emitting("Patient", "{to: Patient.language, column: state}")).plans.by_table["t"]
    (field,) = plan.shapes[0].fields
    written = learned(replace(field, convert=lambda text: {"coding": [{"code": text}]}), {}, None, bound=True)

    assert [written("a", False), written("a", True), written("a", False)] == [None, *['{"coding":[{"code":"a"}]}'] * 2]
    assert written("b", False) is None


def test_of_a_telecom_only_the_words_may_differ():
    (plan,) = built(
        {"n": {}}, emitting("Patient", "{to: 'Patient.telecom[t]', column: n, system: phone}")
    ).plans.by_table["t"]
    (field,) = plan.shapes[0].fields
    made = {"1": {"system": "phone", "value": "0100000001"}, "2": {"system": "phone", "value": "0100000002"}}
    made |= {"3": {"system": "fax", "value": "0100000002"}, "4": {"system": "phone", "value": "01\x02"}}
    written = learned(replace(field, convert=made.get), {}, None, bound=False)

    assert written("1", True) == '{"system":"phone","value":"0100000001"}'
    assert written("2", False) == '{"system":"phone","value":"0100000002"}'
    assert [written("3", False), written("4", False)] == [None, None]


@given(
    type_name=st.sampled_from(sorted(FREE_TYPES)),
    value=st.text(max_size=8)
    | st.sampled_from(["2025-02-29", "2024-02-29", "2025-01-01T24:00:00Z", "2025-01-01T10:00:00+01:00", "2025", "10:00:00\n"])
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none(),
)  # fmt: skip
def test_a_text_of_a_free_type_is_only_made_of_a_value_of_the_type(type_name, value):
    text = right_text(type_name)(value)
    if text is not None:
        assert fault_of(type_name, value) is None
        assert text.encode() == orjson.dumps(value)
