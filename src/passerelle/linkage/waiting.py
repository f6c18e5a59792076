"""Did a follow-up come after an event, and in time? Pure: dates and links in, one outcome per window out.

Definitions (ours; dates are those of the source's zone): day 0, the day of the event, counts only where a window
starts at 0. A contact satisfies one event: the nearest preceding one. Return to the door one left ends the wait.
A follow-up is *found*, *missed* or *not observable*; a window that is not over at `as_of` and has no contact is *open*.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from passerelle.contracts.pathway import Window


class Outcome(StrEnum):
    """What became of one expected follow-up in one window."""

    FOUND = "found"
    MISSED = "missed"
    NOT_OBSERVABLE = "not-observable"
    OPEN = "open"
    UNDONE = "undone"


class Blind(StrEnum):
    """Why a follow-up could not have been seen."""

    NOT_PERMITTED = "not-permitted"
    NO_COMMON_KEY = "no-common-key"
    NO_COVERAGE = "no-coverage"
    NO_EVENT_TIME = "no-event-time"


@dataclass(frozen=True, slots=True)
class Event:
    """Something after which a follow-up is expected."""

    id: bytes
    patient: bytes
    day: date | None
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """Something that may be the follow-up."""

    id: bytes
    patient: bytes
    day: date


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of one window of one event."""

    event: Event
    window: Window
    outcome: Outcome
    contact: Contact | None = None
    blind: Blind | None = None


def assign_contacts(events: Sequence[Event], contacts: Sequence[Contact], first_day: int) -> Mapping[bytes, Contact]:
    """For one person: event id -> its first contact. Each contact goes to the nearest event before it, and only there.

    `first_day` is 1 when the day of the event does not count, 0 when it does.
    """
    dated = sorted((event for event in events if event.day is not None), key=lambda event: (event.day, event.id))
    days = [event.day.toordinal() for event in dated if event.day is not None]
    first: dict[bytes, Contact] = {}
    for contact in sorted(contacts, key=lambda contact: (contact.day, contact.id)):
        place = bisect_right(days, contact.day.toordinal() - first_day)
        if place:
            first.setdefault(dated[place - 1].id, contact)
    return first


def judge(
    event: Event,
    windows: Sequence[Window],
    *,
    contact: Contact | None,
    returns: Sequence[date],
    blind: Blind | None,
    as_of: date,
) -> list[Judgement]:
    """One judgement per window of an event.

    `contact` is the first contact that counts for the event, `returns` the days on which the person came back to the
    kind of door that was left, `blind` the reason why nothing could be seen (None: it could).
    """
    if event.undone:
        return [Judgement(event, window, Outcome.UNDONE) for window in windows]
    if event.day is None:
        return [Judgement(event, window, Outcome.NOT_OBSERVABLE, blind=Blind.NO_EVENT_TIME) for window in windows]
    if blind is not None:
        return [Judgement(event, window, Outcome.NOT_OBSERVABLE, blind=blind) for window in windows]
    back = min((day for day in returns if day > event.day), default=None)
    counted = contact if contact and (back is None or contact.day <= back) else None
    judged = []
    for window in windows:
        reached = counted is not None and window.first <= (counted.day - event.day).days <= window.last
        if reached:
            judged.append(Judgement(event, window, Outcome.FOUND, contact=counted))
        elif (as_of - event.day).days <= window.last and back is None:
            judged.append(Judgement(event, window, Outcome.OPEN))
        else:
            judged.append(Judgement(event, window, Outcome.MISSED))
    return judged
