"""The library is asked for a second opinion, and repeats nothing of what it read."""

import subprocess
import sys

import pytest

from passerelle.doors import fhir_models

ENCOUNTER = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}


def test_what_r4_and_r4b_share_is_accepted():
    assert fhir_models.accepts(ENCOUNTER) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class": "Durand"}, "the library does not read this Encounter; look at class"),
        ({"period": {"start": "Durand"}}, "the library does not read this Encounter; look at period.start"),
        ({"surname": "Durand"}, "the library does not read this Encounter; look at surname"),
        ({"Durand Ève": 1}, "the library does not read this Encounter; look at ?"),
        ({"resourceType": 1}, "the library reads no resource without a resourceType; write it"),
    ],
)
def test_a_refusal_names_places_and_no_value(change, said):
    assert fhir_models.accepts({**ENCOUNTER, **change}) == said


@pytest.mark.parametrize("name", ["MedicinalProduct", "Evidence", "EvidenceVariable"])
def test_it_has_no_opinion_on_types_that_r4b_dropped_or_rewrote(name):
    assert not fhir_models.knows(name)
    assert fhir_models.accepts({"resourceType": name, "anything": 1}) is None


def test_lines_that_it_does_not_read_are_numbered():
    lines = [b'{"resourceType": "Patient"}', b"", b"{", b"[]", '{"resourceType": "Patient", "birthDate": "Durand"}']

    assert fhir_models.parse_all(lines) == [
        (3, "the line is not JSON; write one resource per line"),
        (4, "the line holds no resource; write a JSON object"),
        (5, "the library does not read this Patient; look at birthDate"),
    ]


def test_it_is_imported_when_the_first_resource_comes():
    code = "import sys, passerelle.doors.fhir_models; sys.exit('fhir.resources' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
