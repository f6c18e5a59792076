"""One question, one answer: may this class of data of this person pass from one organisation to the other?

The table holds order, effect, purposes, classes and texts; this module holds what each rule looks at.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from passerelle.contracts.gate_table import Flows, GateTable, KindLine, Purpose, Step
from passerelle.gate.facts import (
    ANY,
    CareTeamFacts,
    Clock,
    ConsentFacts,
    Moment,
    Opposition,
    OrganisationFacts,
    SubjectFacts,
    pooled,
)
from passerelle.records import Reason

Key = TypeVar("Key")

NO_GROUND = "no-ground"
"""The rule of a question that no step answered."""

_FOR_BOTH = frozenset({"jurisdiction", "forbidden-recipient", "anonymity", "opposition"})


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, the rule that gave it, and the consent (or refusal) it rests on."""

    allowed: bool
    rule: str
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class _Question:
    table: GateTable
    purpose: Purpose
    subject: SubjectFacts
    sender: OrganisationFacts
    recipient: OrganisationFacts
    data_class: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Applies:
    """A rule applies; the record it rests on, where there is one."""

    record: str | None = None


def decide(
    table: GateTable,
    purpose: Purpose,
    subject: SubjectFacts,
    sender: OrganisationFacts,
    recipient: OrganisationFacts,
    data_class: str,
    as_of: Moment,
) -> Decision:
    """The first step of the table that knows the purpose and the class, and applies, has answered.

    Facts are taken as they are at `as_of`. The order in which they are given makes no difference.
    """
    question = _Question(
        table, purpose, subject, sender, recipient, data_class, Clock(as_of, ZoneInfo(table.time_zone))
    )
    for step in table.steps:
        if not _knows(step, purpose, data_class, subject):
            continue
        applies = _RULES[step.rule](question, step)
        if applies is not None:
            return Decision(step.does == "allow", step.rule, applies.record)
    return Decision(allowed=False, rule=NO_GROUND)


def _knows(step: Step, purpose: Purpose, data_class: str, subject: SubjectFacts) -> bool:
    if purpose not in step.purposes:
        return False
    if step.rule == "anonymity" and subject.asked_anonymity:
        return True  # the slip is a bridge from an anonymous source, not around a person's wish
    return data_class not in step.except_classes and (not step.only_classes or data_class in step.only_classes)


def may_link(
    table: GateTable,
    left: tuple[SubjectFacts, OrganisationFacts],
    right: tuple[SubjectFacts, OrganisationFacts],
    as_of: Moment,
    *,
    data_class: str = "identity",
) -> Decision:
    """Whether the two records may be said to be of one person.

    What either record recorded counts for both. A stop in either direction stops; a ground is needed in one
    direction, because each later delivery is asked again in its own.
    """
    both = pooled(left[0], right[0])
    there = decide(table, "link", both, left[1], right[1], data_class, as_of)
    back = decide(table, "link", both, right[1], left[1], data_class, as_of)
    for answer in (there, back):
        if answer.rule in _FOR_BOTH:
            return answer
    return there if there.allowed else back


def withheld(
    table: GateTable,
    purpose: Purpose,
    cases: Iterable[tuple[Key, SubjectFacts, OrganisationFacts, OrganisationFacts, str]],
    as_of: Moment,
) -> dict[Key, Decision]:
    """The refusals among many cases (key, subject, sender, recipient, class), by key. The rest may pass."""
    answers = (
        (key, decide(table, purpose, subject, sender, recipient, data_class, as_of))
        for key, subject, sender, recipient, data_class in cases
    )
    return {key: answer for key, answer in answers if not answer.allowed}


def reason_of(table: GateTable, decision: Decision) -> Reason | None:
    """Why an item is withheld, for the ledger; None when it may pass."""
    if decision.allowed:
        return None
    stops: Mapping[str, Reason | None] = {step.rule: step.reason for step in table.steps}
    return stops.get(decision.rule) or Reason.NO_GROUND


def _other_jurisdiction(question: _Question, _: Step) -> _Applies | None:
    return _Applies() if question.sender.jurisdiction != question.recipient.jurisdiction else None


def _forbidden_recipient(question: _Question, _: Step) -> _Applies | None:
    return _Applies() if question.recipient.kind in question.table.never_recipients else None


def _anonymous(question: _Question, _: Step) -> _Applies | None:
    return _Applies() if question.subject.anonymous_source or question.subject.asked_anonymity else None


def _opposed(question: _Question, _: Step) -> _Applies | None:
    for opposition in sorted(question.subject.oppositions, key=lambda one: one.id or ""):
        if _is_in_force(opposition, question):
            return _Applies(opposition.id)
    for refusal in sorted(question.subject.consents, key=lambda one: one.id):
        if _refuses(refusal, question) and not any(_lifts(one, refusal, question) for one in question.subject.consents):
            return _Applies(refusal.id)
    return None


def _is_in_force(opposition: Opposition, question: _Question) -> bool:
    """An opposition without a date counts; so does one whose withdrawal has not come yet."""
    named = {ANY, question.sender.name, question.sender.kind, question.recipient.name, question.recipient.kind}
    clock = question.clock
    return (
        opposition.against in named
        and _is_among(question.purpose, opposition.purposes, question)
        and (opposition.recorded_on is None or clock.has_reached(opposition.recorded_on))
        and (opposition.withdrawn_on is None or not clock.has_reached(opposition.withdrawn_on))
    )


def _is_among(purpose: Purpose, purposes: frozenset[str], question: _Question) -> bool:
    line = question.table.purposes.get(purpose)
    return not purposes.isdisjoint({ANY, purpose, *(line.consent if line else ())})


def _refuses(consent: ConsentFacts, question: _Question) -> bool:
    clock = question.clock
    return (
        not consent.permits
        and consent.grantee in {ANY, question.recipient.name, question.recipient.kind}
        and (not consent.purposes or _is_among(question.purpose, consent.purposes, question))
        and (not consent.data_classes or not consent.data_classes.isdisjoint({ANY, question.data_class}))
        and (consent.collected is None or clock.has_reached(consent.collected))
        and (consent.end is None or not clock.has_passed(consent.end))
        and (consent.withdrawn_on is None or not clock.has_reached(consent.withdrawn_on))
    )


def _lifts(consent: ConsentFacts, refusal: ConsentFacts, question: _Question) -> bool:
    """A later day's agreement that is at least as precise about whom; on one day the refusal stands."""
    if refusal.collected is None or consent.collected is None or not _opens(consent, question):
        return False
    day: Callable[[Moment], date] = question.clock.day
    return day(consent.collected) > day(refusal.collected) and _precision(consent, question) >= _precision(
        refusal, question
    )


def _precision(consent: ConsentFacts, question: _Question) -> int:
    return {question.recipient.name: 2, question.recipient.kind: 1}.get(consent.grantee, 0)


def _opens(consent: ConsentFacts, question: _Question) -> bool:
    line = question.table.purposes.get(question.purpose)
    covered = {ANY, *(line.consent if line else ())}
    declared = question.table.classes.get(question.data_class)
    wanted = {question.data_class} if declared is None or declared.named else {ANY, question.data_class}
    clock = question.clock
    return (
        consent.permits
        and consent.grantee in {ANY, question.recipient.name, question.recipient.kind}
        and not consent.purposes.isdisjoint(covered)
        and not consent.data_classes.isdisjoint(wanted)
        and consent.collected is not None
        and clock.has_reached(consent.collected)
        and clock.is_during(consent.start or consent.collected, consent.end)
        and (consent.withdrawn_on is None or not clock.has_reached(consent.withdrawn_on))
    )


def _kind_not_allowed(question: _Question, _: Step) -> _Applies | None:
    kinds = question.table.kinds
    sender, recipient = kinds.get(question.sender.kind), kinds.get(question.recipient.kind)
    if sender is None or recipient is None:
        return _Applies()
    allowed = (
        _meets(sender, question.recipient.kind)
        and _meets(recipient, question.sender.kind)
        and question.data_class in _flow(sender.sends, question.purpose)
        and question.data_class in _flow(recipient.receives, question.purpose)
    )
    return None if allowed else _Applies()


def _meets(line: KindLine, other: str) -> bool:
    return not line.only_with or other in line.only_with


def _flow(flows: Flows, purpose: Purpose) -> tuple[str, ...]:
    return {"link": flows.link, "deliver": flows.deliver}.get(purpose, ())


def _same_organisation(question: _Question, _: Step) -> _Applies | None:
    return _Applies() if question.sender.name == question.recipient.name else None


def _one_care_team(question: _Question, step: Step) -> _Applies | None:
    sides = {question.sender.name, question.recipient.name}
    return _Applies() if any(_unites(team, sides, question, step) for team in question.subject.care_teams) else None


def _unites(team: CareTeamFacts, sides: set[str], question: _Question, step: Step) -> bool:
    return sides <= team.members and team.basis in step.bases and question.clock.is_during(team.start, team.end)


def _all_take_part(question: _Question, _: Step) -> _Applies | None:
    caring = {
        carer.organisation
        for carer in question.subject.carers
        if carer.identified and question.clock.is_during(carer.start, carer.end)
    }
    both_care = question.sender.care and question.recipient.care
    return _Applies() if both_care and {question.sender.name, question.recipient.name} <= caring else None


def _consented(question: _Question, _: Step) -> _Applies | None:
    open_now = [consent for consent in question.subject.consents if _opens(consent, question)]
    if not open_now:
        return None

    def age(consent: ConsentFacts) -> tuple[Any, str]:
        return question.clock.day(consent.collected or date.min), consent.id

    return _Applies(max(open_now, key=age).id)


def _always(_question: _Question, _: Step) -> _Applies | None:
    return _Applies()


_RULES: Mapping[str, Callable[[_Question, Step], _Applies | None]] = {
    "jurisdiction": _other_jurisdiction,
    "forbidden-recipient": _forbidden_recipient,
    "anonymity": _anonymous,
    "opposition": _opposed,
    "legal-kind": _kind_not_allowed,
    "same-organisation": _same_organisation,
    "care-team": _one_care_team,
    "exchange": _all_take_part,
    "consent": _consented,
    "statistics": _always,
}
