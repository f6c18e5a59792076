"""Event to follow-up: for each event of each pathway, what can be seen of it, and what was.

A follow-up is looked for at every source that may hold it. Where several do, the one of which most can be seen
decides why nothing could be: not permitted, then no common key, then no coverage. Where several can be seen equally
well, the first contact at any of them counts, and nothing is missed before the stalest of them is fresh enough.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from passerelle.contracts.house import House
from passerelle.contracts.pathway import FollowUp, LinkName, Pathway
from passerelle.contracts.source import Coverage
from passerelle.linkage.facts import ORIENTATION_NUMBER, Course, Orientation, People, Quoted
from passerelle.linkage.permissions import Permissions
from passerelle.linkage.persons import Known, Link, LinkKind, LinkState
from passerelle.linkage.waiting import Blind, Contact, Event, Judgement, Seen, assign_contacts, goes_on, judge

_INS: LinkName = "ins"
_FURTHEST = (Blind.NOT_PERMITTED, Blind.NO_COMMON_KEY, Blind.NO_COVERAGE, None)


@dataclass(frozen=True, slots=True)
class Followed:
    """What is said of one event and one kind of follow-up: one judgement per window."""

    pathway: Pathway
    follow_up: FollowUp
    door: str
    judgements: tuple[Judgement, ...]


@dataclass(slots=True)
class Linked:
    """Which records are one person's, from each of them to the others, by active links."""

    others: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def by(cls, links: Sequence[Link]) -> "Linked":
        """What these links say."""
        told = cls()
        for link in links:
            if link.kind is LinkKind.INS and link.state is LinkState.ACTIVE:
                told.others[link.left].add(link.right)
                told.others[link.right].add(link.left)
        return told

    def of(self, patient: bytes) -> set[bytes]:
        """The record itself and those that are linked with it."""
        return {patient} | self.others.get(patient, set())


class Follower:
    """Judges every event of a cut."""

    def __init__(
        self, house: House, people: People, course: Course, *, linked: Linked, permissions: Permissions, as_of: date
    ) -> None:
        self._house = house
        self._people = people
        self._course = course
        self._linked = linked
        self._permissions = permissions
        self._as_of = as_of
        self._by_number: dict[str, list[Known]] = defaultdict(list)
        for told in people.patients.values():
            if told.known.ins:
                self._by_number[told.known.ins].append(told.known)
        self._orientations: dict[bytes, list[Orientation]] = defaultdict(list)
        self._quoted: dict[str, list[Quoted]] = defaultdict(list)
        given: dict[str, set[bytes]] = defaultdict(set)
        for orientation in people.orientations:
            given[orientation.number].add(orientation.id)
            if orientation.event is not None:
                self._orientations[orientation.event].append(orientation)
        for quoted in people.quoted:
            self._quoted[quoted.number].append(quoted)
        self._unsure = {number for number, ids in given.items() if len(ids) > 1}
        self._keys: dict[tuple[bytes, str], Blind | None] = {}
        self.number_links: dict[tuple[bytes, bytes], Link] = {}

    def follow(self) -> Iterator[Followed]:
        """Every event of every pathway, with each kind of follow-up it wants, in an order that never changes."""
        for name in sorted(self._house.pathways):
            pathway = self._house.pathways[name]
            events = sorted(self._course.events.get(name, ()), key=lambda event: event.id)
            known = [self._in_chain(pathway, event) for event in events if event.patient in self._people.patients]
            for follow_up in pathway.expects:
                firsts = self._first_contacts(follow_up, known)
                for event in known:
                    yield self._followed(pathway, follow_up, event, firsts.get(event.id))

    def _first_contacts(self, follow_up: FollowUp, events: Sequence[Event]) -> dict[bytes, Contact]:
        """By event: the first contact that counts for it, among those of the person at doors that hold such contacts.

        A contact counts for the nearest event before it, of all events of the person that may be seen from it.
        """
        if _INS not in follow_up.over:
            return {}
        of_patient: dict[bytes, list[Event]] = defaultdict(list)
        for event in events:
            if not event.undone and not event.goes_on:
                of_patient[event.patient].append(event)
        first_day = min(window.first for window in follow_up.windows)
        found: dict[bytes, Contact] = {}
        for patient, own in of_patient.items():
            linked = self._linked.of(patient)
            contacts = [
                contact
                for other in sorted(linked - {patient})
                if self._holds(follow_up, self._people.patients[other].known.source)
                for contact in self._course.contacts.get((follow_up.holds, other), ())
            ]
            together = [event for other in linked for event in of_patient.get(other, ())]
            assigned = assign_contacts(together, contacts, first_day)
            found |= {event.id: assigned[event.id] for event in own if event.id in assigned}
        return found

    def _holds(self, follow_up: FollowUp, source: str) -> bool:
        return self._house.sources[source].source.legal.kind in follow_up.holds.kinds

    def _holders(self, follow_up: FollowUp, door: str) -> list[str]:
        return sorted(name for name in self._house.sources if name != door and self._holds(follow_up, name))

    def _followed(self, pathway: Pathway, follow_up: FollowUp, event: Event, first: Contact | None) -> Followed:
        door = self._people.patients[event.patient].known.source
        seen = Seen(
            contact=first, back=self._back(pathway, event), death=self._death(event.patient), blind=Blind.NO_COMMON_KEY
        )
        if event.day is not None and not event.undone:
            seen = self._seen(follow_up, event, event.day, door, seen)
        return Followed(pathway, follow_up, door, tuple(judge(event, follow_up.windows, seen, self._as_of)))

    def _seen(self, follow_up: FollowUp, event: Event, day: date, door: str, seen: Seen) -> Seen:
        """What the sources say of which most can be seen, by whichever link they can be seen."""
        by_place: dict[int, list[Seen]] = defaultdict(list)
        for holder in self._holders(follow_up, door):
            answers: list[tuple[Blind | None, Contact | None]] = []
            if _INS in follow_up.over:
                answers.append((self._blind_by_ins(event.patient, holder), seen.contact))
            if ORIENTATION_NUMBER in follow_up.over:
                answers.append(self._by_number_quoted(event, day, holder))
            for blind, contact in answers:
                said = blind
                covering = self._coverage(door, holder, day)
                if said is None and covering is None:
                    said = Blind.NO_COVERAGE
                fresh = self._fresh_until(holder, covering) if covering is not None else None
                by_place[_FURTHEST.index(said)].append(replace(seen, contact=contact, blind=said, fresh_until=fresh))
        if not by_place:
            return replace(seen, contact=None, blind=Blind.NO_COVERAGE)
        best = by_place[max(by_place)]
        contacts = [one.contact for one in best if one.contact is not None]
        fresh_days = [one.fresh_until for one in best if one.fresh_until is not None]
        return replace(
            best[0],
            contact=min(contacts, key=lambda one: (one.day, one.at, one.id), default=None),
            fresh_until=min(fresh_days, default=None),
        )

    def _back(self, pathway: Pathway, event: Event) -> date | None:
        days = [
            start.day
            for patient in self._linked.of(event.patient)
            for start in self._course.returns.get((pathway.pathway, patient), ())
        ]
        return min((day for day in days if event.day is not None and day > event.day), default=None)

    def _in_chain(self, pathway: Pathway, event: Event) -> Event:
        """The event, which is none where its own source took the person in again at once.

        What another source began is not asked: that nothing is said of an event would tell that source's secret.
        """
        starts = self._course.returns.get((pathway.pathway, event.patient), ())
        return replace(event, goes_on=True) if goes_on(event, starts, pathway.chained_within) else event

    def _death(self, patient: bytes) -> date | None:
        told = [self._people.patients[one].death for one in self._linked.of(patient)]
        ends = [self._course.deaths.get(one) for one in self._linked.of(patient)]
        return min((day for day in (*told, *ends) if day is not None and day <= self._as_of), default=None)

    # By the national number --------------------------------------------------------------------------------------

    def _blind_by_ins(self, patient: bytes, holder: str) -> Blind | None:
        """Why the patient cannot be seen at the holder; None: they would be, if they came."""
        key = (patient, holder)
        if key not in self._keys:
            self._keys[key] = self._judged_by_ins(self._people.patients[patient].known, holder)
        return self._keys[key]

    def _judged_by_ins(self, known: Known, holder: str) -> Blind | None:
        same = [one for one in self._by_number.get(known.ins, ()) if one.source == holder]
        permitted = (
            all(self._permissions.may_link(known, one) for one in same)  # who is gated is not even compared
            if same
            else self._permissions.may_be_looked_for(known.patient, holder)
        )
        if not permitted:
            return Blind.NOT_PERMITTED
        one_person = self._linked.others.get(known.patient, set())
        agreeing = [one for one in same if one.patient in one_person]
        return Blind.NO_COMMON_KEY if not known.ins or (same and not agreeing) else None

    # By an orientation number ------------------------------------------------------------------------------------

    def _by_number_quoted(self, event: Event, day: date, holder: str) -> tuple[Blind | None, Contact | None]:
        """Why nothing could be seen at the holder, and the first thing that came about under a number of the event."""
        if self._permissions.may_be_quoted(event.patient, holder) is None:
            return Blind.NOT_PERMITTED, None
        own = [
            one
            for one in self._orientations.get(event.id, ())
            if one.patient == event.patient and one.number not in self._unsure
        ]
        if not own:
            return Blind.NO_COMMON_KEY, None
        usable = [one for one in own if self._permissions.may_be_quoted(one.patient, holder, one.consents)]
        if not usable:
            return Blind.NOT_PERMITTED, None
        found: list[Contact] = []
        for orientation in usable:
            for quoted in self._quoted.get(orientation.number, ()):
                if quoted.source == holder and self._may_be_matched(orientation, quoted):
                    self._note(orientation, quoted)
                    found.append(quoted.contact)
        counted = [one for one in found if one.day >= day]
        return None, min(counted, key=lambda one: (one.day, one.at, one.id), default=None)

    def _may_be_matched(self, orientation: Orientation, quoted: Quoted) -> bool:
        """False if something stops it on the side of whom the number was quoted for, where they are known."""
        there = quoted.contact.patient
        if there not in self._people.patients:
            return True
        answer = self._permissions.may_be_quoted(orientation.patient, quoted.source, orientation.consents, there)
        return answer is True

    def _note(self, orientation: Orientation, quoted: Quoted) -> None:
        self.number_links[orientation.id, quoted.contact.id] = Link(
            LinkKind.ORIENTATION,
            orientation.id,
            quoted.contact.id,
            LinkState.ACTIVE,
            "number-quoted-under-consent",
        )

    # Coverage ----------------------------------------------------------------------------------------------------

    def _coverage(self, door: str, holder: str, day: date) -> Coverage | None:
        """What the holder covers of the door's people on that day. A place counts where both say where they are."""
        places = {place for one in self._house.sources[door].source.coverage for place in one.where}
        for one in self._house.sources[holder].source.coverage:
            near = not places or not one.where or not places.isdisjoint(one.where)
            if near and date.fromisoformat(one.since) <= day:
                return one
        return None

    def _fresh_until(self, holder: str, covering: Coverage) -> date:
        last = self._course.last_days.get(holder, date.min)
        return last + timedelta(days=covering.fresh_within_days) if last > date.min else last


def by_scope(followed: Followed) -> Mapping[str, Judgement]:
    """Each judgement by the name under which the cut counts it: pathway, kind of follow-up, window."""
    return {
        f"{followed.pathway.pathway}.{followed.follow_up.follow_up}.{judgement.window.name}": judgement
        for judgement in followed.judgements
    }
