"""Truths of the gate over small worlds: what may open, what may close, and what must not matter."""

from dataclasses import replace
from datetime import timedelta

from gate_builders import CAARUD, CSAPA, HOSPITAL, HOUSING, PRISON, TODAY, USMP, asked
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.gate import Carer, CareTeamFacts, ConsentFacts, Opposition, SubjectFacts

SIDES = (HOSPITAL, CSAPA, CAARUD, USMP, HOUSING, PRISON, replace(CSAPA, name="other csapa", jurisdiction="be"))
NAMES = tuple(side.name for side in SIDES)
KINDS = tuple({side.kind for side in SIDES})
DAYS = st.integers(-2, 2).map(lambda days: TODAY + timedelta(days=days))
MAYBE = st.none() | DAYS
CLASSES = ("stay", "follow-up", "prison", "housing", "orientation-slip", "identity")

oppositions = st.builds(
    Opposition,
    against=st.sampled_from(("*", *NAMES, *KINDS)),
    recorded_on=MAYBE,
    withdrawn_on=MAYBE,
    purposes=st.sampled_from([frozenset({"*"}), frozenset({"link"}), frozenset({"statistics"})]),
)


def consents(permits: st.SearchStrategy[bool]) -> st.SearchStrategy[ConsentFacts]:
    return st.builds(
        ConsentFacts,
        id=st.sampled_from("abcdef"),
        permits=permits,
        grantee=st.sampled_from(("*", *NAMES, *KINDS)),
        purposes=st.sampled_from([frozenset(), frozenset({"COC"}), frozenset({"*"}), frozenset({"link"})]),
        data_classes=st.frozensets(st.sampled_from(("*", *CLASSES)), max_size=2),
        collected=MAYBE,
        start=MAYBE,
        end=MAYBE,
        withdrawn_on=MAYBE,
    )


teams = st.builds(
    CareTeamFacts,
    id=st.just("t"),
    members=st.frozensets(st.sampled_from(NAMES)),
    basis=st.sampled_from([None, 1, 2, 3, 4]),
    start=MAYBE,
    end=MAYBE,
)
carers = st.builds(Carer, organisation=st.sampled_from(NAMES), identified=st.booleans(), start=MAYBE, end=MAYBE)


def some(of: st.SearchStrategy, most: int = 3) -> st.SearchStrategy[tuple]:
    return st.lists(of, max_size=most).map(tuple)


subjects = st.builds(
    SubjectFacts,
    anonymous_source=st.sampled_from([False, False, True]),
    asked_anonymity=st.sampled_from([False, False, False, True]),
    oppositions=some(oppositions, 1),
    consents=some(consents(st.sampled_from([True, True, False]))),
    care_teams=some(teams, 2),
    carers=some(carers),
)
questions = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(("link", "deliver", "statistics")),
        "sender": st.sampled_from(SIDES),
        "recipient": st.sampled_from(SIDES),
        "data_class": st.sampled_from(CLASSES),
        "as_of": DAYS,
    }
)
small_worlds = settings(max_examples=300, deadline=None)


@small_worlds
@given(subjects, questions, oppositions)
def test_adding_an_opposition_never_opens(subject, question, opposition):
    more = replace(subject, oppositions=(*subject.oppositions, opposition))

    assert asked(subject, **question).allowed >= asked(more, **question).allowed


@small_worlds
@given(subjects, questions, consents(st.just(True)))
def test_adding_a_consent_never_closes(subject, question, consent):
    more = replace(subject, consents=(*subject.consents, consent))

    assert asked(subject, **question).allowed <= asked(more, **question).allowed


@small_worlds
@given(subjects, questions, consents(st.just(False)))
def test_adding_a_refusal_never_opens(subject, question, refusal):
    more = replace(subject, consents=(*subject.consents, refusal))

    assert asked(subject, **question).allowed >= asked(more, **question).allowed


@small_worlds
@given(subjects, questions, teams, carers)
def test_adding_a_team_or_a_carer_never_closes(subject, question, team, carer):
    more = replace(subject, care_teams=(*subject.care_teams, team), carers=(*subject.carers, carer))

    assert asked(subject, **question).allowed <= asked(more, **question).allowed


@small_worlds
@given(subjects, questions)
def test_withdrawing_every_consent_never_opens(subject, question):
    day = question["as_of"]
    permits = tuple(replace(one, withdrawn_on=day) if one.permits else one for one in subject.consents)

    withdrawn = asked(replace(subject, consents=permits), **question)

    assert asked(subject, **question).allowed >= withdrawn.allowed
    assert "consent" != withdrawn.rule


@small_worlds
@given(subjects, questions)
def test_a_consent_that_is_over_opens_nothing(subject, question):
    day = question["as_of"] - timedelta(days=1)
    over = tuple(replace(one, end=day) for one in subject.consents)

    assert "consent" != asked(replace(subject, consents=over), **question).rule


@small_worlds
@given(subjects, questions, st.randoms(use_true_random=False))
def test_the_order_of_records_is_irrelevant(subject, question, chance):
    def shuffled(facts: tuple) -> tuple:
        return tuple(chance.sample(facts, len(facts)))

    mixed = SubjectFacts(
        subject.anonymous_source,
        subject.asked_anonymity,
        shuffled(subject.oppositions),
        shuffled(subject.consents),
        shuffled(subject.care_teams),
        shuffled(subject.carers),
    )

    assert asked(subject, **question) == asked(mixed, **question)


@small_worlds
@given(subjects, questions, consents(st.just(True)), DAYS)
def test_of_equal_dates_the_most_restrictive_counts(subject, question, agreed, day):
    both = replace(agreed, collected=day, start=None, end=None, withdrawn_on=None)
    refused = replace(both, permits=False, id="refused")
    alone = replace(subject, consents=(both, refused))

    assert not (asked(alone, **question).allowed and asked(alone, **question).rule == "consent")


@small_worlds
@given(subjects, questions)
def test_what_is_allowed_has_a_ground_and_what_is_refused_has_a_rule(subject, question):
    answer = asked(subject, **question)
    grounds = {"same-organisation", "care-team", "exchange", "consent", "statistics"}

    assert answer.allowed == (answer.rule in grounds)
    assert (answer.consent is not None) <= (answer.rule in {"consent", "opposition"})


@small_worlds
@given(subjects, questions)
def test_anonymity_jurisdiction_and_prison_close_whatever_else_is_true(subject, question):
    answer = asked(subject, **question)
    closed = (
        question["recipient"].kind == "prison-administration"
        or question["sender"].jurisdiction != question["recipient"].jurisdiction
        or subject.asked_anonymity
        or (subject.anonymous_source and question["data_class"] != "orientation-slip")
    )

    assert not (closed and answer.allowed)


@small_worlds
@given(questions)
def test_with_nothing_recorded_only_counting_and_ones_own_records_are_open(question):
    answer = asked(SubjectFacts(), **question)

    assert not answer.allowed or answer.rule in {"statistics", "same-organisation"}
