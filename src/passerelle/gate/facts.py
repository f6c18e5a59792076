"""What the gate knows of a person and of two organisations. All of it was recorded by somebody, and dated."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

ANY = "*"
"""Whoever, or whatever: written by the person's will, never assumed."""

Moment = date | datetime
"""A day, or an instant with its offset."""


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    """One of the two sides. `care`: its professionals take part in care (CSP R1110-2)."""

    name: str
    kind: str
    care: bool
    region: str
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class Opposition:
    """The person opposes: in general, or against an organisation or kind, on whichever side it stands."""

    against: str = ANY
    recorded_on: Moment | None = None
    withdrawn_on: Moment | None = None
    purposes: frozenset[str] = frozenset({ANY})
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What the person agreed to, or refused: for whom, for what, which data, collected when, from, to, withdrawn.

    An agreement opens only what it says: without a date of collection, a purpose or a class it opens nothing.
    A refusal closes whatever it does not limit.
    """

    id: str
    permits: bool
    grantee: str
    purposes: frozenset[str]
    data_classes: frozenset[str]
    collected: Moment | None
    start: Moment | None = None
    end: Moment | None = None
    withdrawn_on: Moment | None = None
    voluntary: bool = False


@dataclass(frozen=True, slots=True)
class CareTeamFacts:
    """A recorded care team: organisations by name, basis 1, 2 or 3 of CSP L1110-12, dates."""

    id: str
    members: frozenset[str]
    basis: int | None
    start: Moment | None
    end: Moment | None = None


@dataclass(frozen=True, slots=True)
class Carer:
    """A professional of an organisation recorded as taking part in this person's care; identified by a number."""

    organisation: str
    identified: bool
    start: Moment | None
    end: Moment | None = None


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What was recorded of one person, as one source knows them. Nothing recorded: nothing opens."""

    anonymous_source: bool = False
    asked_anonymity: bool = False
    oppositions: tuple[Opposition, ...] = ()
    consents: tuple[ConsentFacts, ...] = ()
    care_teams: tuple[CareTeamFacts, ...] = ()
    carers: tuple[Carer, ...] = ()


def pooled(left: SubjectFacts, right: SubjectFacts) -> SubjectFacts:
    """The facts of both records, for a question about the two together: what stops one stops both."""
    return SubjectFacts(
        left.anonymous_source or right.anonymous_source,
        left.asked_anonymity or right.asked_anonymity,
        (*left.oppositions, *right.oppositions),
        (*left.consents, *right.consents),
        (*left.care_teams, *right.care_teams),
        (*left.carers, *right.carers),
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment a question is asked, comparable with days and instants alike."""

    now: Moment
    zone: ZoneInfo

    def day(self, moment: Moment) -> date:
        """The day of the moment, on the clock of the zone."""
        if not isinstance(moment, datetime):
            return moment
        return (moment.astimezone(self.zone) if moment.tzinfo else moment).date()

    def has_reached(self, moment: Moment) -> bool:
        """Whether the moment has come; a day has come with its first hour."""
        if isinstance(moment, datetime) and isinstance(self.now, datetime) and moment.tzinfo and self.now.tzinfo:
            return moment <= self.now
        return self.day(moment) <= self.day(self.now)

    def has_passed(self, moment: Moment) -> bool:
        """Whether the moment is over; a day is over with its last hour."""
        if isinstance(moment, datetime) and isinstance(self.now, datetime) and moment.tzinfo and self.now.tzinfo:
            return moment < self.now
        return self.day(moment) < self.day(self.now)

    def is_during(self, start: Moment | None, end: Moment | None) -> bool:
        """Whether a dated fact holds now. Without a start it is not dated, and does not hold."""
        return start is not None and self.has_reached(start) and (end is None or not self.has_passed(end))
