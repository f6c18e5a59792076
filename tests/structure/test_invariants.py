"""Every base rule is a function that answers as the expression of R4 does; fhirpathpy is asked the same question."""

import random
from collections import Counter

import pytest
from fhirpathpy import compile as compiled
from fhirpathpy.models import models
from generated_resources import EMITTED, TABLE, wild

from passerelle.structure.invariants import RULES, not_before

EACH = 120
# fhirpathpy has no narrative checks, no resolve(), and compares nothing with canonical values.
NOT_KNOWN_TO_THE_ORACLE = {"txt-1", "txt-2", "ctm-1", "dom-3"}
# The sentence of R4 is followed where its expression cannot do what it says; each has its own test below.
SENTENCE_BEATS_EXPRESSION = {"app-4", "ppc-2", "ppc-3", "ppc-4", "ppc-5"}
ASKED = [
    (rule, definition)
    for definition, rules in sorted(RULES.items())
    for rule in rules
    if rule.key not in NOT_KNOWN_TO_THE_ORACLE | SENTENCE_BEATS_EXPRESSION
]
CONTEXT = {"ucum": "http://unitsofmeasure.org"}


def expression_of(key, definition):
    """The rule's expression, as asked of an object of the definition."""
    paths = [definition] if "." in definition else [definition, "Patient" if definition == "DomainResource" else ""]
    for path, element in TABLE.elements(paths[0].split(".")[0]).items():
        for invariant in element.invariants:
            if invariant.key == key:
                inside = path.removeprefix(definition).lstrip(".")
                said = invariant.expression.replace(".hasValue()", ".exists()")
                said = said.replace("low <= high", "low.value <= high.value")  # the oracle compares no quantities
                return f"{inside}.all({said})" if inside else said
    raise AssertionError(f"{key} is not stated on {definition}")


def hosted(definition, value):
    """A resource that holds the object, and the path to it."""
    root, *names = definition.split(".")
    if root == "DomainResource":
        return {"resourceType": "Patient", **value}, "Patient"
    if not TABLE.is_resource(root):
        held = value
        for name in reversed(names):
            held = {name: held}
        if root == "Extension":
            return {"resourceType": "Basic", "extension": [held]}, "Basic.extension"
        resource = {"resourceType": "Basic", "extension": [{"url": "a", f"value{root}": held}]}
        return resource, ".".join(["Basic.extension.value", *names])
    held = value
    for step in reversed(TABLE.resolve(definition).steps if names else ()):
        held = {step.name: [held] if step.is_list else held}
    return {"resourceType": root, **held}, definition


def made(definition, rng):
    if definition == "DomainResource":
        held = {"resourceType": "Organization", "id": "a", **wild("Organization", rng)}
        if rng.random() < 0.3:
            held["contained"] = [{"resourceType": "Basic", "id": "b"}]
        return {"contained": [held]}
    if definition == "Reference":
        return {"reference": rng.choice(["#a", "#b", "Patient/1"])}
    value = wild(definition, rng)
    if definition == "Timing.repeat":
        value |= {name: -2 for name in ("period", "duration") if name in value and rng.random() < 0.3}
        if "when" in value:
            value["when"] = value["when"][:1]  # the oracle takes `in` for one value only
    if definition == "Organization":
        for one in [*value.get("address", ()), *value.get("telecom", ())]:
            one["use"] = rng.choice(["home", "work"])
    if definition == "Bundle.entry":
        value["fullUrl"] = rng.choice(["https://a/Basic/1/_history/2", "https://a/Basic/1"])
    if definition == "Range":
        value = {name: {"value": rng.randint(0, 9), "unit": "mg"} for name in ("low", "high") if rng.random() < 0.9}
        value = value or {"low": {"unit": "mg"}}
    if definition == "Period" and rng.random() < 0.5:
        value = {name: f"2024-0{rng.randint(1, 3)}-1{rng.randint(0, 9)}" for name in ("start", "end")}
    if definition == "Extension":
        value["extension"] = [{"url": "b", "valueCode": "c"}]
        value = {name: one for name, one in value.items() if name == "url" or rng.random() < 0.5}
    if definition == "Observation" and rng.random() < 0.3:
        coding = [{"system": "a", "code": rng.choice("bc")}]
        value |= {"valueBoolean": True, "component": [{"code": {"coding": coding}}]}
        value["code"] = {"coding": [{"system": "a", "code": "b"}]}
    if definition == "Bundle":
        value |= {"identifier": {"system": "a", "value": "b"}} if rng.random() < 0.5 else {}
        for entry in value.get("entry", ()):
            entry.update({"fullUrl": rng.choice(["urn:a", "urn:b"])} if rng.random() < 0.5 else {})
    return value


def without_twins(value):
    """The oracle takes an underscore twin for a second value."""
    if isinstance(value, list):
        return [without_twins(one) for one in value]
    if isinstance(value, dict):
        return {name: without_twins(one) for name, one in value.items() if not name.startswith("_")}
    return value


def asked(definition, key):
    return compiled(f"{hosted(definition, {})[1]}.select({expression_of(key, definition)})", models["r4"])


@pytest.mark.parametrize(("rule", "definition"), ASKED, ids=[f"{one.key}-{on}" for one, on in ASKED])
def test_a_rule_answers_as_the_expression_of_r4(rule, definition):
    rng = random.Random(f"{rule.key} {definition}")
    oracle = asked(definition, rule.key)
    answers = Counter()

    for _ in range(EACH):
        value = without_twins(made(definition, rng))
        resource, _ = hosted(definition, value)
        if definition == "Reference":
            resource["contained"] = [{"resourceType": "Basic", "id": "a"}]
        answer = oracle(resource, {**CONTEXT, "resource": resource, "rootResource": resource})
        if answer in ([True], [False]):
            held = rule.holds(value, resource)
            answers[held] += 1
            assert answer == [held], value

    assert answers.total() >= EACH // 3
    assert set(answers) == {True, False}, answers


READING = [(rule, on) for on, rules in sorted(RULES.items()) for rule in rules if rule.reads is not None]


def blurred(value, reads):
    """The object with every value replaced that is not among those read; what is there stays there."""
    told = {}
    for name, held in value.items():
        if name in reads:
            told[name] = held
        elif isinstance(held, list) and (
            within := {one.partition(".")[2] for one in reads if one.startswith(f"{name}.")}
        ):
            told[name] = [blurred(one, within) for one in held]
        else:
            told[name] = "blurred"
    return told


@pytest.mark.parametrize(("rule", "definition"), READING, ids=[f"{one.key}-{on}" for one, on in READING])
def test_a_rule_reads_no_value_and_wants_no_member_that_it_does_not_name(rule, definition):
    """The short way of mapping takes a rule for granted when these are as they were."""
    rng = random.Random(f"{rule.key} {definition}")
    for _ in range(EACH):
        value = without_twins(made(definition, rng))
        root = {"contained": [{"resourceType": "Basic", "id": "a"}]}
        assert rule.holds(value, root) == rule.holds(blurred(value, rule.reads), root), value
        if any(name not in value for name in rule.needs):
            assert rule.holds(value, root), value


def test_a_missed_appointment_may_have_a_reason_although_the_expression_names_a_code_that_does_not_exist():
    holds = next(one.holds for one in RULES["Appointment"] if one.key == "app-4")

    assert {status: holds({"status": status, "cancelationReason": {}}, {}) for status in ("noshow", "booked")} == {
        "noshow": True,
        "booked": False,
    }


@pytest.mark.parametrize(
    ("key", "scope"),
    [("ppc-2", "patient-privacy"), ("ppc-3", "research"), ("ppc-4", "adr"), ("ppc-5", "treatment")],
)
def test_a_consent_about_a_person_names_the_person_although_the_expression_leaves_the_system_open(key, scope):
    holds = next(one.holds for one in RULES["Consent"] if one.key == key)
    consent = {"scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": scope}]}}

    assert not holds(consent, consent)
    assert holds({**consent, "patient": {"reference": "Patient/1"}}, consent)


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        ("2024-01-02", "2024-01-02", True),
        ("2024-01-02", "2024-01-01", False),
        ("2024-01", "2024-01-01", True),
        ("2024-02", "2024-01-31", False),
        ("2024", "2023-12-31T23:59:59Z", False),
        ("2024-01-02", "2024-01-02T00:00:00Z", True),
        ("2024-03-31T01:59:59+01:00", "2024-03-31T03:00:00+02:00", True),
        ("2024-10-27T02:30:00+02:00", "2024-10-27T02:10:00+01:00", True),
        ("2024-10-27T02:30:00+01:00", "2024-10-27T02:40:00+02:00", False),
        ("2024-01-01T10:00:00.5Z", "2024-01-01T10:00:00Z", False),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00.5Z", True),
        ("2024-01-01T10:00:00.100000Z", "2024-01-01T10:00:00.1000000Z", True),
        ("2024-01-01T10:00:00.1000000Z", "2024-01-01T10:00:00.100000Z", True),
        ("2024-01-01T10:00:00.200000Z", "2024-01-01T10:00:00.1000000Z", False),
        ("2024-12-31T23:59:60Z", "2024-12-31T23:59:59+00:00", True),
    ],
)
def test_two_moments_are_compared_as_far_as_both_are_known(start, end, right):
    assert not_before(end, start) is right


def test_every_error_of_r4_on_the_types_we_emit_is_a_function():
    types = [
        *EMITTED,
        *(name for name in TABLE.types() if TABLE.kind(name) == "complex" and name != "ElementDefinition"),
    ]
    stated = {
        invariant.key
        for name in types
        for element in TABLE.elements(name).values()
        for invariant in element.invariants
        if invariant.severity == "error"
    }

    assert stated - {rule.key for rules in RULES.values() for rule in rules} == {"ele-1"}  # said of empty objects
