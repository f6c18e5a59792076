"""Did a follow-up come after an event, and in time? Pure: dates and links in, one outcome per window out.

Definitions (ours; dates are those of the source's zone): day 0, the day of the event, counts only where a window
starts at 0. A contact satisfies one event of a pathway: the nearest preceding one. Return to the door one left, and death, end the
wait: what comes after them counts no more. A follow-up is *found*, *missed* or *not observable*; a window that is not
over at `as_of` and has no contact is *open*, whatever ended the wait: a *missed* before its time would tell whoever
reads it that somebody came back, or died, at a door they may know nothing of.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from passerelle.contracts.pathway import Window


class Outcome(StrEnum):
    """What became of one expected follow-up in one window."""

    FOUND = "found"
    MISSED = "missed"
    NOT_OBSERVABLE = "not-observable"
    OPEN = "open"
    UNDONE = "undone"
    EXCLUDED = "excluded"  # the person died by then, or was taken in again at once: nobody is waited for


class Blind(StrEnum):
    """Why a follow-up could not have been seen."""

    NOT_PERMITTED = "not-permitted"
    NO_COMMON_KEY = "no-common-key"
    NO_COVERAGE = "no-coverage"
    NO_EVENT_TIME = "no-event-time"


@dataclass(frozen=True, slots=True)
class Event:
    """Something after which a follow-up is expected. `at`: the moment as it was written.

    `goes_on`: it was no end, since the same source took the person in again at once; the last of the chain counts.
    """

    id: bytes
    patient: bytes
    day: date | None
    undone: bool = False
    at: str = ""
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Something that began, and competes with a follow-up: a stay, custody."""

    id: bytes
    day: date
    at: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Something that may be the follow-up. `at` orders contacts of one day: the moment as it was written."""

    id: bytes
    patient: bytes
    day: date
    at: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of one window of one event."""

    event: Event
    window: Window
    outcome: Outcome
    contact: Contact | None = None
    blind: Blind | None = None


def goes_on(event: Event, starts: Sequence[Start], within: int | None) -> bool:
    """Whether one of what began is the event's continuation: so many days later at most, and later for certain."""
    if within is None or event.day is None:
        return False
    own = next((start.at for start in starts if start.id == event.id), "")
    for start in starts:
        gap = (start.day - event.day).days
        if start.id != event.id and (0 < gap <= within or (gap == 0 and _follows(start, event, own))):
            return True
    return False


def _follows(start: Start, event: Event, own: str) -> bool:
    """Whether something began when the event was there, or later that day; days alone do not say.

    Of what began and ended in one moment, only one follows the other.
    """
    if not ("T" in start.at and "T" in event.at):
        return False
    at, left = datetime.fromisoformat(start.at), datetime.fromisoformat(event.at)
    took_no_time = at == left and "T" in own and datetime.fromisoformat(own) == left
    return start.id > event.id if took_no_time else at >= left


def assign_contacts(events: Sequence[Event], contacts: Sequence[Contact], first_day: int) -> Mapping[bytes, Contact]:
    """For one person: event id -> its first contact. Each contact goes to the nearest event before it, and only there.

    `first_day` is 1 when the day of the event does not count, 0 when it does.
    """
    dated = sorted((event for event in events if event.day is not None), key=lambda event: (event.day, event.id))
    days = [event.day.toordinal() for event in dated if event.day is not None]
    first: dict[bytes, Contact] = {}
    for contact in sorted(contacts, key=lambda contact: (contact.day, contact.at, contact.id)):
        place = bisect_right(days, contact.day.toordinal() - first_day)
        if place:
            first.setdefault(dated[place - 1].id, contact)
    return first


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known around an event when its windows are judged.

    Attributes:
        contact: the first contact that counts for the event.
        back: the first later day on which the person came back to the kind of door that was left.
        death: the day of death.
        blind: why nothing could be seen; None: it could.
        fresh_until: up to which day the source that would hold the contact is known to be up to date; None: always.
    """

    contact: Contact | None = None
    back: date | None = None
    death: date | None = None
    blind: Blind | None = None
    fresh_until: date | None = None


def judge(event: Event, windows: Sequence[Window], seen: Seen, as_of: date) -> list[Judgement]:
    """One judgement per window of an event.

    In this order: undone, without a day, gone on or the person dead by then, blind, and then each window by itself.
    """
    if event.undone:
        return [Judgement(event, window, Outcome.UNDONE) for window in windows]
    if event.day is None:
        return [Judgement(event, window, Outcome.NOT_OBSERVABLE, blind=Blind.NO_EVENT_TIME) for window in windows]
    if event.goes_on or (seen.death is not None and seen.death <= event.day):
        return [Judgement(event, window, Outcome.EXCLUDED) for window in windows]
    if seen.blind is not None:
        return [Judgement(event, window, Outcome.NOT_OBSERVABLE, blind=seen.blind) for window in windows]
    counted = seen.contact
    if counted is not None and counted.day > min(_ends(seen), default=date.max):
        counted = None
    return [_judged(event, window, replace(seen, contact=counted), as_of) for window in windows]


def _ends(seen: Seen) -> list[date]:
    """The days on which the wait ended before its time."""
    return [day for day in (seen.back, seen.death) if day is not None]


def _judged(event: Event, window: Window, seen: Seen, as_of: date) -> Judgement:
    day, contact = event.day, seen.contact
    assert day is not None
    if contact is not None and window.first <= (contact.day - day).days <= window.last:
        return Judgement(event, window, Outcome.FOUND, contact=contact)
    last = day + timedelta(days=window.last)
    if as_of <= last:
        return Judgement(event, window, Outcome.OPEN)
    ends = min([last, *_ends(seen)])
    if seen.fresh_until is not None and seen.fresh_until < ends:
        return Judgement(event, window, Outcome.NOT_OBSERVABLE, blind=Blind.NO_COVERAGE)
    return Judgement(event, window, Outcome.MISSED)
