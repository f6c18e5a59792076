"""One test for each rule, each trying to get past it with every ground in hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from gate_builders import (
    CAARUD,
    CSAPA,
    EVERY_GROUND,
    HOSPITAL,
    HOUSING,
    PRISON,
    TABLE,
    TODAY,
    USMP,
    asked,
    carers,
    consent,
    organisation,
    refusal,
    team,
)

from passerelle.contracts.gate_table import GateTable, read_gate_table
from passerelle.errors import ContractError
from passerelle.gate import Decision, Opposition, SubjectFacts, may_link, pooled, reason_of, withheld
from passerelle.gate.deciding import _RULES
from passerelle.records import Reason

NOBODY = SubjectFacts()
DAY = timedelta(days=1)
PURPOSES = ("link", "deliver", "statistics")


# 0: what no ground opens


@pytest.mark.parametrize("purpose", PURPOSES)
def test_two_jurisdictions_never_meet(purpose):
    brussels = organisation(CSAPA.name, "csapa", jurisdiction="be")

    assert "jurisdiction" == asked(EVERY_GROUND, purpose, recipient=brussels).rule


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("kind", ["prison-administration", "probation", "justice", "police"])
def test_nothing_goes_to_prison_or_justice_whatever_the_consent(kind, purpose):
    named = consent(grantee=PRISON.name, purposes=frozenset({"*"}), data_classes=frozenset({"*", "stay"}))
    willing = replace(EVERY_GROUND, consents=(*EVERY_GROUND.consents, named))
    recipient = replace(PRISON, kind=kind)

    assert (False, "forbidden-recipient") == (
        (answer := asked(willing, purpose, recipient=recipient)).allowed,
        answer.rule,
    )


# 1: anonymity


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("anonymous", ["anonymous_source", "asked_anonymity"])
def test_an_anonymous_record_is_never_shared(anonymous, purpose):
    subject = replace(EVERY_GROUND, **{anonymous: True})

    assert "anonymity" == asked(subject, purpose).rule


@pytest.mark.parametrize("data_class", sorted(TABLE.classes))
def test_a_caarud_record_links_by_nothing_but_an_orientation_slip(data_class):
    subject = replace(EVERY_GROUND, anonymous_source=True)

    answer = asked(subject, "link", sender=CAARUD, data_class=data_class)

    assert (data_class == "orientation-slip") == answer.allowed


def test_a_caarud_record_does_not_link_even_when_its_source_forgot_to_say_that_it_is_anonymous():
    assert "legal-kind" == asked(EVERY_GROUND, "link", sender=CAARUD, data_class="identity").rule
    assert "legal-kind" == asked(EVERY_GROUND, "link", recipient=CAARUD, data_class="identity").rule


def test_a_slip_links_only_with_a_consent_that_names_it():
    slip = frozenset({"orientation-slip"})
    anonymous = SubjectFacts(anonymous_source=True)
    everything = replace(
        anonymous, consents=(consent(),), care_teams=EVERY_GROUND.care_teams, carers=EVERY_GROUND.carers
    )
    named = replace(anonymous, consents=(consent("slip", data_classes=slip),))

    assert "no-ground" == asked(everything, "link", sender=CAARUD, data_class="orientation-slip").rule
    assert Decision(True, "consent", "slip") == asked(named, "link", sender=CAARUD, data_class="orientation-slip")


def test_a_slip_is_no_way_around_a_person_who_asked_for_anonymity():
    subject = replace(EVERY_GROUND, anonymous_source=True, asked_anonymity=True)

    assert "anonymity" == asked(subject, "link", sender=CAARUD, data_class="orientation-slip").rule


def test_nobody_delivers_a_slip():
    assert not asked(EVERY_GROUND, "deliver", sender=CAARUD, data_class="orientation-slip").allowed


# 2: opposition


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("against", ["*", HOSPITAL.name, CSAPA.name, "hospital", "csapa"])
def test_an_opposition_beats_every_ground(against, purpose):
    subject = replace(EVERY_GROUND, oppositions=(Opposition(against, date(2026, 3, 1), id="o1"),))

    assert Decision(False, "opposition", "o1") == asked(subject, purpose)


def test_an_opposition_beats_a_care_team_alone():
    subject = SubjectFacts(care_teams=(team(HOSPITAL, CSAPA),), oppositions=(Opposition(),))

    assert "opposition" == asked(subject).rule


def test_a_later_consent_does_not_end_an_opposition():
    later = consent(collected=date(2026, 3, 30))
    subject = SubjectFacts(consents=(later,), oppositions=(Opposition(recorded_on=date(2026, 3, 1)),))

    assert "opposition" == asked(subject).rule


def test_an_opposition_against_another_organisation_stops_nothing_here():
    subject = replace(EVERY_GROUND, oppositions=(Opposition("another hospital", date(2026, 1, 1)),))

    assert asked(subject).allowed


@pytest.mark.parametrize(
    ("opposition", "stops"),
    [
        (Opposition(), True),
        (Opposition(recorded_on=TODAY), True),
        (Opposition(recorded_on=TODAY + DAY), False),
        (Opposition(recorded_on=TODAY - DAY, withdrawn_on=TODAY), False),
        (Opposition(recorded_on=TODAY - DAY, withdrawn_on=TODAY + DAY), True),
        (Opposition(purposes=frozenset({"statistics"})), False),
        (Opposition(purposes=frozenset({"COC"})), True),
    ],
)
def test_an_opposition_counts_from_its_day_until_it_is_withdrawn(opposition, stops):
    assert stops == (asked(replace(EVERY_GROUND, oppositions=(opposition,))).rule == "opposition")


def test_an_opposition_to_being_counted_stops_statistics():
    subject = SubjectFacts(oppositions=(Opposition(purposes=frozenset({"statistics"})),))

    assert "opposition" == asked(subject, "statistics").rule


@pytest.mark.parametrize(
    ("agreed", "refused", "allowed"),
    [
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 1)}, False),
        ({"collected": date(2026, 2, 2)}, {"collected": date(2026, 2, 1)}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2)}, False),
        ({"collected": date(2026, 2, 2)}, {"collected": None}, False),
        ({"collected": date(2026, 2, 2), "grantee": "*"}, {"collected": date(2026, 2, 1)}, False),
        ({"collected": date(2026, 2, 2), "grantee": "csapa"}, {"collected": date(2026, 2, 1), "grantee": "*"}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "withdrawn_on": TODAY}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "end": TODAY - DAY}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": TODAY + DAY}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "grantee": HOUSING.name}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "data_classes": frozenset({"prison"})}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "purposes": frozenset({"statistics"})}, True),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "purposes": frozenset()}, False),
        ({"collected": date(2026, 2, 1)}, {"collected": date(2026, 2, 2), "data_classes": frozenset()}, False),
        (
            {"collected": datetime(2026, 2, 1, 16, tzinfo=UTC)},
            {"collected": datetime(2026, 2, 1, 10, tzinfo=UTC)},
            False,
        ),
    ],
)
def test_of_an_agreement_and_a_refusal_the_later_counts_and_on_one_day_the_refusal(agreed, refused, allowed):
    subject = SubjectFacts(consents=(consent(**agreed), refusal(**refused)))

    assert allowed == asked(subject).allowed


def test_a_refusal_closes_a_care_team_too():
    subject = SubjectFacts(care_teams=(team(HOSPITAL, CSAPA),), consents=(refusal(),))

    assert Decision(False, "opposition", "r1") == asked(subject)


# 3: legal kinds


@pytest.mark.parametrize("data_class", ["stay", "clinical", "medication", "prison", "rights", "contact"])
def test_housing_receives_nothing_about_health(data_class):
    assert "legal-kind" == asked(EVERY_GROUND, recipient=HOUSING, data_class=data_class).rule


@pytest.mark.parametrize("data_class", sorted(TABLE.classes))
def test_a_caarud_receives_nothing_about_anyone(data_class):
    assert not asked(EVERY_GROUND, recipient=CAARUD, data_class=data_class).allowed


@pytest.mark.parametrize("side", ["sender", "recipient"])
def test_a_kind_that_is_not_in_the_table_gets_and_gives_nothing(side):
    stranger = organisation("somebody", "insurer")

    assert "legal-kind" == asked(EVERY_GROUND, **{side: stranger}).rule


def test_a_class_that_is_not_in_the_table_goes_nowhere():
    assert "legal-kind" == asked(EVERY_GROUND, data_class="everything").rule


def test_test_organisations_meet_only_each_other():
    one, other = organisation("test one", "test"), organisation("test other", "test")
    subject = SubjectFacts(consents=(consent(grantee="*"),))

    assert asked(subject, sender=one, recipient=other).allowed
    assert "legal-kind" == asked(subject, sender=one).rule
    assert "legal-kind" == asked(subject, recipient=one).rule


# 4: one organisation, one care team


def test_an_organisation_sees_its_own_records():
    assert "same-organisation" == asked(NOBODY, recipient=HOSPITAL).rule


@pytest.mark.parametrize(
    "recorded",
    [
        team(HOSPITAL, CSAPA, basis=None),
        team(HOSPITAL, CSAPA, basis=4),
        team(HOSPITAL, CSAPA, start=None),
        team(HOSPITAL, CSAPA, start=TODAY + DAY),
        team(HOSPITAL, CSAPA, end=TODAY - DAY),
        team(HOSPITAL, HOUSING),
        team(CSAPA),
    ],
)
def test_a_care_team_that_is_not_recorded_and_dated_does_not_exist(recorded):
    assert "no-ground" == asked(SubjectFacts(care_teams=(recorded,))).rule


@pytest.mark.parametrize("basis", [1, 2, 3])
def test_a_recorded_care_team_shares_on_its_first_and_last_day(basis):
    recorded = team(HOSPITAL, CSAPA, basis=basis, start=TODAY, end=TODAY)

    assert Decision(True, "care-team") == asked(SubjectFacts(care_teams=(recorded,)))


def test_two_care_teams_do_not_add_up():
    subject = SubjectFacts(care_teams=(team(HOSPITAL, USMP), team(USMP, CSAPA)))

    assert "no-ground" == asked(subject).rule


# 5: exchange


def test_identified_professionals_who_both_take_part_exchange_what_follow_up_needs():
    subject = SubjectFacts(carers=carers(HOSPITAL, CSAPA))

    assert "exchange" == asked(subject, data_class="follow-up").rule


@pytest.mark.parametrize("data_class", ["stay", "clinical", "rights", "housing", "prison"])
def test_an_exchange_is_minimal(data_class):
    subject = SubjectFacts(carers=carers(HOSPITAL, CSAPA))

    assert not asked(subject, data_class=data_class).allowed


@pytest.mark.parametrize(
    "taking_part",
    [
        carers(HOSPITAL),
        carers(CSAPA),
        carers(HOSPITAL, CSAPA, identified=False),
        carers(HOSPITAL, CSAPA, start=None),
        carers(HOSPITAL, CSAPA, start=TODAY + DAY),
        carers(HOSPITAL, CSAPA, end=TODAY - DAY),
    ],
)
def test_an_exchange_wants_identified_professionals_of_both_sides_now(taking_part):
    assert "no-ground" == asked(SubjectFacts(carers=taking_part), data_class="follow-up").rule


def test_who_takes_no_part_in_care_exchanges_nothing():
    subject = SubjectFacts(carers=carers(HOUSING, CSAPA))

    assert "no-ground" == asked(subject, sender=HOUSING, data_class="follow-up").rule


# 6: consent


@pytest.mark.parametrize("grantee", [CSAPA.name, "csapa", "*"])
def test_a_consent_opens_to_whom_it_names(grantee):
    assert Decision(True, "consent", "c1") == asked(SubjectFacts(consents=(consent(grantee=grantee),)))


CLOSED = [
    {"grantee": HOUSING.name},
    {"grantee": "hospital"},
    {"grantee": ""},
    {"purposes": frozenset()},
    {"purposes": frozenset({"statistics"})},
    {"data_classes": frozenset()},
    {"data_classes": frozenset({"medication"})},
    {"collected": None},
    {"collected": TODAY + DAY},
    {"start": TODAY + DAY},
    {"end": TODAY - DAY},
    {"withdrawn_on": TODAY},
    {"withdrawn_on": TODAY - DAY},
    {"permits": False},
]


@pytest.mark.parametrize("changed", CLOSED, ids=[" ".join(f"{k}={v}" for k, v in one.items()) for one in CLOSED])
def test_a_consent_opens_nothing_it_does_not_say(changed):
    assert not asked(SubjectFacts(consents=(consent(**changed),))).allowed


@pytest.mark.parametrize(
    "changed", [{"end": TODAY}, {"start": TODAY}, {"collected": TODAY}, {"withdrawn_on": TODAY + DAY}]
)
def test_a_consent_holds_on_its_first_and_last_day(changed):
    assert asked(SubjectFacts(consents=(consent(**changed),))).allowed


def test_a_consent_is_looked_at_at_the_moment_of_sending():
    subject = SubjectFacts(consents=(consent(withdrawn_on=datetime(2026, 3, 31, 10, tzinfo=UTC)),))

    sent = [asked(subject, as_of=datetime(2026, 3, 31, hour, tzinfo=UTC)).allowed for hour in (9, 10, 11)]

    assert [True, False, False] == sent


def test_a_day_begins_with_the_clock_of_the_country():
    subject = SubjectFacts(consents=(consent(start=TODAY),))

    last_evening = datetime(2026, 3, 30, 21, 59, tzinfo=UTC)

    assert [False, True] == [
        asked(subject, as_of=at).allowed for at in (last_evening, last_evening + timedelta(minutes=1))
    ]


@pytest.mark.parametrize("data_class", ["housing", "prison"])
def test_housing_and_prison_facts_want_a_consent_that_names_them(data_class):
    everything = SubjectFacts(consents=(consent(),))
    named = SubjectFacts(consents=(consent(data_classes=frozenset({data_class})),))

    assert [False, True] == [asked(one, data_class=data_class).allowed for one in (everything, named)]


@pytest.mark.parametrize("data_class", ["housing", "prison"])
def test_housing_and_prison_facts_are_not_shown_without_a_ground(data_class):
    assert "no-ground" == asked(NOBODY, data_class=data_class).rule


# 7: statistics


def test_without_any_ground_a_person_is_counted_and_nothing_else():
    assert Decision(True, "statistics") == asked(NOBODY, "statistics")
    assert "no-ground" == asked(NOBODY, "link").rule
    assert "no-ground" == asked(NOBODY, "deliver").rule


# two records, many records


def test_a_link_wants_a_ground_in_one_direction():
    subject = SubjectFacts(consents=(consent(purposes=frozenset({"link"})),))

    assert may_link(TABLE, (subject, HOSPITAL), (NOBODY, CSAPA), TODAY).allowed
    assert may_link(TABLE, (NOBODY, CSAPA), (subject, HOSPITAL), TODAY).allowed
    assert "no-ground" == may_link(TABLE, (NOBODY, HOSPITAL), (NOBODY, CSAPA), TODAY).rule


@pytest.mark.parametrize("stop", [{"oppositions": (Opposition(),)}, {"asked_anonymity": True}])
def test_what_either_record_says_against_it_stops_the_link(stop):
    for left, right in [(SubjectFacts(**stop), EVERY_GROUND), (EVERY_GROUND, SubjectFacts(**stop))]:
        assert not may_link(TABLE, (left, HOSPITAL), (right, CSAPA), TODAY).allowed


def test_a_refusal_towards_one_side_stops_the_link():
    refused = SubjectFacts(consents=(refusal(grantee=HOSPITAL.name),))

    assert "opposition" == may_link(TABLE, (EVERY_GROUND, HOSPITAL), (refused, CSAPA), TODAY).rule


def test_a_slip_links_the_contact_to_the_door_where_it_was_shown():
    contact = SubjectFacts(anonymous_source=True)
    shown = SubjectFacts(consents=(consent(data_classes=frozenset({"orientation-slip"})),))

    answers = [
        may_link(TABLE, (contact, CAARUD), (shown, CSAPA), TODAY, data_class=data_class).allowed
        for data_class in ("orientation-slip", "identity")
    ]

    assert [True, False] == answers


def test_withheld_names_the_refused_among_many():
    cases = [(1, EVERY_GROUND, HOSPITAL, CSAPA, "stay"), (2, NOBODY, HOSPITAL, CSAPA, "stay")]

    assert {2: Decision(False, "no-ground")} == withheld(TABLE, "link", cases, TODAY)


def test_pooling_keeps_every_fact():
    left = SubjectFacts(oppositions=(Opposition(),), consents=(consent(),))
    right = SubjectFacts(anonymous_source=True, asked_anonymity=True, care_teams=(team(CSAPA),), carers=carers(CSAPA))

    assert SubjectFacts(True, True, left.oppositions, left.consents, right.care_teams, right.carers) == pooled(
        left, right
    )


# the table itself


def test_every_refusal_has_a_reason_for_the_ledger():
    rules = ["jurisdiction", "forbidden-recipient", "anonymity", "opposition", "legal-kind", "no-ground"]

    assert [
        Reason.JURISDICTION,
        Reason.NOT_ALLOWED_PURPOSE,
        Reason.ANONYMITY,
        Reason.OPPOSITION,
        Reason.NOT_ALLOWED_PURPOSE,
        Reason.NO_GROUND,
    ] == [reason_of(TABLE, Decision(False, rule)) for rule in rules]
    assert reason_of(TABLE, Decision(True, "consent")) is None


def test_the_table_has_the_steps_of_the_law_in_order_for_each_purpose():
    steps = {purpose: [step.step for step in TABLE.steps if purpose in step.purposes] for purpose in PURPOSES}

    assert {1, 2, 3, 4, 5, 6} == set(steps["link"]) - {0}
    assert {1, 2, 3, 4, 5, 6} == set(steps["deliver"]) - {0}
    assert {1, 2, 7} == set(steps["statistics"]) - {0}


def test_every_rule_of_the_table_is_known_and_every_known_rule_is_in_the_table():
    assert {step.rule for step in TABLE.steps} == set(_RULES)


def test_every_step_rests_on_a_text():
    assert [] == [step.rule for step in TABLE.steps if not step.law.fr]


BROKEN = [
    (lambda t: t["steps"].reverse(), "not in their order"),
    (lambda t: t["steps"].append(t["steps"][-1]), "written twice"),
    (lambda t: t["steps"][0].pop("reason"), "wants a `reason`"),
    (lambda t: t["kinds"]["csapa"]["sends"]["link"].append("gossip"), "gossip"),
]


@pytest.mark.parametrize(("breaks", "said"), BROKEN, ids=[said for _, said in BROKEN])
def test_a_table_that_contradicts_itself_is_refused(breaks, said):
    written = TABLE.model_dump(mode="json")
    breaks(written)

    with pytest.raises(ValueError, match=said):
        GateTable.model_validate(written)


@pytest.mark.parametrize("text", ["table: [", "table: gate\nunknown: 1\n", None])
def test_a_file_that_is_not_the_table_is_a_contract_error(text, tmp_path):
    path = tmp_path / "gate.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(ContractError, match=r"gate\.yaml"):
        read_gate_table(path)
