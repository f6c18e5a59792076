"""Orientation slips: the one bridge from an anonymous contact to a known person, walked by the person alone.

A slip that was printed, handed over before it expired, with the person's word, leads to their first attended contact
on that day or later at that door, and to no earlier one. One slip is used once. What was not agreed to is counted
and stated nowhere.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from passerelle.gate import ConsentFacts
from passerelle.linkage.facts import VISIT, Course, People, SlipIssued, SlipShown
from passerelle.linkage.permissions import SLIP, Permissions
from passerelle.linkage.persons import Link, LinkKind, LinkState
from passerelle.linkage.waiting import Contact
from passerelle.records import State


class SlipOutcome(StrEnum):
    """What became of one slip."""

    LINKED = "linked"
    NOT_PRESENTED = "not-presented"
    UNKNOWN_TOKEN = "unknown-token"  # noqa: S105 a word about slips
    NOT_PERMITTED = "not-permitted"
    NOT_CONSENTED = "not-consented"
    EXPIRED = "expired"
    NO_CONTACT = "no-contact"
    USED_TWICE = "used-twice"


STATES: Mapping[SlipOutcome, State] = {
    SlipOutcome.LINKED: State.PASSED,
    SlipOutcome.NOT_PRESENTED: State.PENDING,
    SlipOutcome.UNKNOWN_TOKEN: State.PENDING,
    SlipOutcome.NO_CONTACT: State.PENDING,
    SlipOutcome.NOT_PERMITTED: State.SUPPRESSED,
    SlipOutcome.NOT_CONSENTED: State.SUPPRESSED,
    SlipOutcome.EXPIRED: State.REJECTED,
    SlipOutcome.USED_TWICE: State.REJECTED,
}


@dataclass(slots=True)
class Slips:
    """The links that slips make, and how many slips came to what."""

    links: list[Link] = field(default_factory=list)
    outcomes: Counter[SlipOutcome] = field(default_factory=Counter)


def follow_slips(people: People, course: Course, permissions: Permissions) -> Slips:
    """What became of every slip that was printed, and of every one that was shown and that nobody knows."""
    told = Slips()
    shown = defaultdict(list)
    for one in people.shown:
        shown[one.token].append(one)
    printed = Counter(one.token for one in people.issued)
    for slip in people.issued:
        handed = shown.get(slip.token, [])
        if printed[slip.token] > 1:
            told.outcomes[SlipOutcome.USED_TWICE] += 1  # two slips of one token lead nowhere for certain
        elif not handed:
            told.outcomes[SlipOutcome.NOT_PRESENTED] += 1
        else:
            _follow(slip, handed, course, permissions, told)
    known = set(printed)
    told.outcomes[SlipOutcome.UNKNOWN_TOKEN] += sum(len(one) for token, one in shown.items() if token not in known)
    told.links.sort(key=lambda link: (link.left, link.right))
    return told


def _follow(
    slip: SlipIssued, handed: Sequence[SlipShown], course: Course, permissions: Permissions, told: Slips
) -> None:
    """The first hand-over counts, of several on one day a refusal, and before all one that nobody dated.

    A slip that two people show on that day is nobody's.
    """
    first = min(handed, key=lambda one: (one.day or (date.max if one.consented else date.min), one.consented, one.id))
    rivals = {one.patient for one in handed if one.day == first.day}
    if len(rivals) > 1:
        told.outcomes[SlipOutcome.USED_TWICE] += 1
        return
    outcome, contact = _outcome(slip, first, course, permissions)
    told.outcomes[outcome] += 1
    if contact is not None:
        told.links.append(
            Link(LinkKind.SLIP, slip.id, contact.id, LinkState.ACTIVE, "slip-shown-with-consent", (first.id,))
        )


def _outcome(
    slip: SlipIssued, shown: SlipShown, course: Course, permissions: Permissions
) -> tuple[SlipOutcome, Contact | None]:
    agreed = ConsentFacts(
        f"slip:{shown.id.hex()}",
        permits=True,
        grantee=permissions.organisation(shown.source).name,
        purposes=frozenset({"link"}),
        data_classes=frozenset({SLIP}),
        collected=shown.day,
    )
    answer = permissions.may_follow_slip(shown.patient, agreed if shown.consented else None, slip.source)
    if answer is None:
        return SlipOutcome.NOT_PERMITTED, None
    if not shown.consented:
        return SlipOutcome.NOT_CONSENTED, None
    if shown.day is None or (slip.expires is not None and shown.day > slip.expires):
        return SlipOutcome.EXPIRED, None
    if slip.issued is not None and shown.day < slip.issued:
        return SlipOutcome.UNKNOWN_TOKEN, None  # nobody can hand over what is not printed yet
    if not answer:
        return SlipOutcome.NOT_PERMITTED, None
    later = [one for one in course.contacts[VISIT, shown.patient] if one.day >= shown.day]
    if not later:
        return SlipOutcome.NO_CONTACT, None
    return SlipOutcome.LINKED, min(later, key=lambda one: (one.day, one.at, one.id))
