"""What is right is accepted whole; of what is wrong in one place, every fault is refused at that place."""

import pytest
from fhir_packages import examples
from generated_resources import generated
from mutations import MUTATIONS, missed, planted

from passerelle.doors import fhir_models
from passerelle.structure import structure
from passerelle.structure.invariants import RULES
from passerelle.structure.schema import validator_of

COUNT = 2000
EACH = 40


@pytest.fixture(scope="module")
def made():
    return generated(COUNT)


@pytest.fixture(scope="module")
def faults(made):
    return list(planted(made, EACH))


def errors_of(tree):
    return [one for one in structure().problems(tree) if one.severity == "error"]


def test_the_31_examples_of_fr_core_are_accepted():
    found = examples()

    assert len(found) == 31
    assert {name: structure().check(tree) for name, tree in found.items()} == dict.fromkeys(found)


def test_every_generated_resource_is_accepted(made):
    assert len({tree["resourceType"] for tree in made}) == 146
    assert [path for tree in made if (path := structure().check(tree))] == []


def test_the_library_accepts_what_we_accept(made):
    """A second opinion from somebody else's reader, which knows none of our code."""
    assert [said for tree in made if (said := fhir_models.accepts(tree))] == []


def test_every_fault_planted_in_what_is_generated_is_refused_at_its_place(faults, capsys):
    with capsys.disabled():
        assert missed(faults, structure().check, "2,000 generated resources") == []

    assert [name for name, ones in faults if not ones] == []
    assert len(faults) == len(MUTATIONS)


def test_every_fault_planted_in_the_examples_of_fr_core_is_refused_at_its_place(capsys):
    corpus = list(examples().values())

    with capsys.disabled():
        assert missed(list(planted(corpus, len(corpus))), structure().check, "31 examples of FR Core") == []


def test_the_schema_alone_lets_through_only_what_a_function_is_there_for(faults):
    let_through = {
        name.removeprefix("rule ").split()[0]
        for name, ones in faults
        for tree, _ in ones
        if tree.get("resourceType") not in {None, "Pacient", "Bundle", "Parameters"} and _is_accepted_by_schema(tree)
    }

    assert let_through <= {one.key for rules in RULES.values() for one in rules if one.narrow} | {"narrative"}


def _is_accepted_by_schema(tree):
    return validator_of(tree["resourceType"]).is_valid(tree)


def test_the_two_ways_of_judging_agree(made, faults):
    """What the schema lets through, the exact judgement finds nothing in; and `check` says what it finds first."""
    trees = [*made, *(tree for _, ones in faults for tree, _ in ones)]
    differing = [tree for tree in trees if structure().check(tree) != next((one.path for one in errors_of(tree)), None)]

    assert differing == []


def test_a_code_outside_an_extensible_binding_is_a_warning_and_no_more():
    patient = {
        "resourceType": "Patient",
        "maritalStatus": {"coding": [{"system": "https://passerelle.example/fhir/CodeSystem/own", "code": "alone"}]},
    }

    assert structure().check(patient) is None
    assert [(one.path, one.severity, one.key) for one in structure().problems(patient)] == [
        ("Patient.maritalStatus", "warning", "coding-outside")
    ]
