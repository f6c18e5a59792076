"""Each rule's own cases, and what every rule owes: a docstring, cases, and a refusal."""

import pytest

from passerelle.mapping.rules import Refused, known_rules

RULES = known_rules()
CASES = [(rule, case) for rule in RULES.values() for case in rule.cases]


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.name} {case.given}" for rule, case in CASES])
def test_a_case_of_a_rule(rule, case):
    if case.refused is None:
        assert case.gives == rule.call(*case.given)
        return
    with pytest.raises(Refused) as refused:
        rule.call(*case.given)
    assert case.refused is refused.value.reason


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_explains_itself(rule):
    assert rule.says.endswith(".")
    assert any(case.refused is None for case in rule.cases)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_has_a_case_that_it_refuses_or_says_that_it_never_does(rule):
    assert rule.total != any(case.refused for case in rule.cases)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_is_called_as_its_cases_call_it(rule):
    assert all(rule.takes(len(case.given)) for case in rule.cases)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_is_pure(rule):
    answers = [case for case in rule.cases if case.refused is None]

    assert [rule.call(*case.given) for case in answers] == [rule.call(*case.given) for case in answers]


def test_a_refusal_holds_no_value():
    with pytest.raises(Refused) as refused:
        RULES["phone"].call("CANARY")

    assert "CANARY" not in repr(refused.value) + str(refused.value)
