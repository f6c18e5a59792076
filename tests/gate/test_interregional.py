"""The interregional scheme: volunteers only, another region, never Corsica."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from gate_builders import REGIONS, TODAY, consent

from passerelle.contracts.gate_table import read_regions
from passerelle.errors import ContractError
from passerelle.gate import InterregionalRequest, interregional_eligible

VOLUNTEER = consent(
    "v1",
    purposes=frozenset({"interregional"}),
    collected=date(2026, 3, 1),
    voluntary=True,
)
REQUEST = InterregionalRequest("11", "76", date(2026, 3, 2), followed_in_sending_region=True, consents=(VOLUNTEER,))
DAY = timedelta(days=1)


def rule_of(**changed) -> str:
    return interregional_eligible(replace(REQUEST, **changed), REGIONS, TODAY).rule


def test_a_volunteer_followed_in_ile_de_france_may_be_sent_elsewhere():
    answer = interregional_eligible(REQUEST, REGIONS, TODAY)

    assert (True, "interregional", "v1") == (answer.allowed, answer.rule, answer.consent)


def test_every_metropolitan_region_but_corsica_and_the_sending_one_receives():
    received = {code for code in REGIONS if rule_of(receiving_region=code) == "interregional"}

    assert {"24", "27", "28", "32", "44", "52", "53", "75", "76", "84", "93"} == received


@pytest.mark.parametrize("code", ["94", "04", "99", ""])
def test_corsica_overseas_and_unknown_regions_never_receive(code):
    assert "interregional-receiving-region" == rule_of(receiving_region=code)


def test_the_receiving_region_is_another_one():
    assert "interregional-same-region" == rule_of(receiving_region="11")


@pytest.mark.parametrize("code", ["76", "94", "99"])
def test_only_a_region_of_the_scheme_sends(code):
    assert "interregional-sending-region" == rule_of(sending_region=code, receiving_region="24")


def test_only_people_already_followed_are_sent():
    assert "interregional-not-followed" == rule_of(followed_in_sending_region=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"voluntary": False},
        {"permits": False},
        {"purposes": frozenset({"COC"})},
        {"collected": None},
        {"collected": date(2026, 3, 2)},
        {"collected": date(2026, 3, 3)},
        {"start": date(2026, 3, 3)},
        {"withdrawn_on": date(2026, 3, 2)},
        {"withdrawn_on": TODAY},
        {"end": date(2026, 3, 1)},
        {"end": TODAY - DAY},
    ],
)
def test_without_a_voluntary_consent_before_the_request_and_still_in_force_there_is_none(changed):
    assert "interregional-consent" == rule_of(consents=(replace(VOLUNTEER, **changed),))


NO = consent("n1", permits=False, purposes=frozenset({"interregional"}), collected=date(2026, 3, 5))


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (NO, "interregional-consent"),
        (replace(NO, purposes=frozenset()), "interregional-consent"),
        (replace(NO, collected=VOLUNTEER.collected), "interregional-consent"),
        (replace(NO, collected=date(2026, 2, 1)), "interregional"),
        (replace(NO, purposes=frozenset({"deliver"})), "interregional"),
        (replace(NO, withdrawn_on=date(2026, 3, 6)), "interregional"),
    ],
)
def test_a_refusal_that_was_not_taken_back_since_leaves_no_volunteer(refusal, expected):
    assert expected == rule_of(consents=(VOLUNTEER, refusal))


def test_an_agreement_that_was_withdrawn_lifts_no_refusal():
    again = replace(VOLUNTEER, id="v2", collected=date(2026, 3, 6), withdrawn_on=date(2026, 3, 7))

    assert "interregional-consent" == rule_of(consents=(VOLUNTEER, NO, again), authored_on=date(2026, 3, 9))
    kept = replace(again, withdrawn_on=None)
    assert "interregional" == rule_of(consents=(VOLUNTEER, NO, kept), authored_on=date(2026, 3, 9))


def test_on_one_day_the_hour_decides_which_came_first():
    morning, noon = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)
    first = replace(VOLUNTEER, collected=morning)
    second = replace(VOLUNTEER, collected=noon)

    assert "interregional" == rule_of(authored_on=noon, consents=(first,))
    assert "interregional-consent" == rule_of(authored_on=morning, consents=(second,))


@pytest.mark.parametrize("text", [None, "code,name\n11,x\n"])
def test_a_file_that_is_no_list_of_regions_is_a_contract_error(text, tmp_path):
    path = tmp_path / "regions.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(ContractError, match=r"regions\.csv"):
        read_regions(path)
