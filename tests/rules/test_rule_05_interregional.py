"""Rule 5. The interregional scheme takes volunteers only: agreed before, another region, never Corsica."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from carried_region import ROOT
from hypothesis import given
from hypothesis import strategies as st

from passerelle.contracts.gate_table import read_regions
from passerelle.gate import ConsentFacts, InterregionalRequest, interregional_eligible

REGIONS = read_regions(ROOT / "mappings" / "directory" / "regions.csv")
WRITTEN = date(2025, 6, 10)
TODAY = date(2025, 7, 1)
AGREED = ConsentFacts(
    "c",
    permits=True,
    grantee="*",
    purposes=frozenset({"interregional"}),
    data_classes=frozenset({"*"}),
    collected=date(2025, 6, 9),
    voluntary=True,
)
REQUEST = InterregionalRequest("11", "76", WRITTEN, followed_in_sending_region=True, consents=(AGREED,))
CORSICA = "94"


def asked(request=REQUEST, **changed):
    return interregional_eligible(replace(request, **changed), REGIONS, TODAY)


def test_a_volunteer_who_is_followed_here_may_go():
    assert (True, "c") == (asked().allowed, asked().consent)


@pytest.mark.parametrize(
    "consent",
    [
        {"collected": WRITTEN},
        {"collected": date(2025, 6, 11)},
        {"collected": None},
        {"collected": datetime(2025, 6, 10, 12, tzinfo=UTC)},
        {"voluntary": False},
        {"permits": False},
        {"purposes": frozenset({"*"})},
        {"purposes": frozenset({"COC", "deliver", "link"})},
        {"withdrawn_on": TODAY},
        {"end": date(2025, 6, 30)},
        {"start": date(2025, 6, 11)},
    ],
    ids="-".join,
)
def test_nothing_less_than_a_dated_voluntary_word_before_the_request_will_do(consent):
    assert not asked(consents=(replace(AGREED, **consent),)).allowed


def test_a_word_on_the_day_of_the_request_may_have_come_after_it():
    at_noon = datetime(2025, 6, 10, 12, tzinfo=UTC)

    assert not asked(authored_on=at_noon, consents=(replace(AGREED, collected=WRITTEN),)).allowed
    assert asked(authored_on=at_noon, consents=(replace(AGREED, collected=at_noon.replace(hour=9)),)).allowed


@given(sending=st.sampled_from([*REGIONS, "99", ""]), receiving=st.sampled_from([*REGIONS, "99", ""]))
def test_nobody_goes_to_corsica_overseas_nowhere_or_home(sending, receiving):
    answer = asked(sending_region=sending, receiving_region=receiving)

    if answer.allowed:
        assert REGIONS[sending].sends
        assert REGIONS[receiving].receives
        assert REGIONS[receiving].metropolitan
        assert receiving not in {sending, CORSICA}


def test_the_committed_regions_are_those_of_the_scheme():
    receiving = {code for code, one in REGIONS.items() if one.receives}

    assert {"11", "24", "27", "28", "32", "44", "52", "53", "75", "76", "84", "93"} == receiving
    assert {"11"} == {code for code, one in REGIONS.items() if one.sends}


def test_who_is_not_followed_in_the_sending_region_does_not_go():
    assert not asked(followed_in_sending_region=False).allowed


def test_no_consent_as_the_sources_record_them_today_opens_the_scheme(first):
    """That somebody volunteers is not in the ledger yet, so nobody is sent on the strength of it: closed, not open."""
    from passerelle.gate.recorded import Recorded

    with first.region.instance.stores.ledger.read() as tx:
        recorded = Recorded.read(tx)
    somebody = first.people["plain"]
    raw = bytes.fromhex(first.region.patient("csapa", somebody).replace("-", ""))
    consents = recorded.facts("csapa", raw).consents

    assert consents
    assert not asked(consents=consents).allowed
