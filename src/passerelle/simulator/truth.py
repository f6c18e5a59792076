"""What link should find, counted from the lives themselves and not from what the sources wrote."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from passerelle.simulator import numbers
from passerelle.simulator.lives import Custody, Identity, Life, Orientation, Stay
from passerelle.simulator.region import CSAPA_SINCE, LAST_DAY, ORGANISATION, SIAO_SINCE
from passerelle.simulator.sharing import Consent, Opposition, Team

CONTACT_WINDOWS = {"d7": (1, 7), "d21": (1, 21), "d30": (1, 30)}
NIGHT_WINDOWS = {"d1": (0, 1)}
CHAINED_WITHIN = 1
_LINK_PURPOSES = {"CONT", "LIEN"}
_STOPPING_PURPOSES = {"TOUT", "LIEN", "CONT"}

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was recorded of a person, pooled from the records that are asked about."""

    consents: Sequence[Consent]
    oppositions: Sequence[Opposition]
    teams: Sequence[Team]
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class _Event:
    door: Stay | Custody
    source: str
    day: date | None


def facts_of(life: Life, sources: Iterable[str]) -> Facts:
    """The facts that these sources hold. Care teams are recorded at the CSAPA alone."""
    among = set(sources)
    return Facts(
        [one for one in life.shared.consents if one.source in among],
        [one for one in life.shared.oppositions if one.source in among],
        life.shared.teams if "csapa" in among else [],
        any(one.anonymous for one in life.identities if one.source in among),
    )


def is_stopped(facts: Facts, *organisations: str) -> bool:
    """Anonymity, or an opposition in force, closes whatever ground there is."""
    named = {"TOUS", *organisations}
    return facts.anonymous or any(
        one.against in named
        and one.purpose in _STOPPING_PURPOSES
        and one.expressed <= LAST_DAY
        and (one.lifted is None or one.lifted > LAST_DAY)
        for one in facts.oppositions
    )


def may_link(facts: Facts, left: str, right: str) -> bool:
    """Whether the records of two organisations may be said to be of one person, at the end of the year."""
    if is_stopped(facts, left, right) or any(_refused(facts, to) for to in (left, right)):
        return False
    team = any(_unites(one, {left, right}) for one in facts.teams)
    return team or any(_opens(one, to) for one in facts.consents for to in (left, right))


def _refused(facts: Facts, recipient: str) -> bool:
    refusals = [one for one in facts.consents if not one.permits and one.grantee in {"TOUS", recipient}]
    return any(
        not any(
            _opens(agreed, recipient)
            and agreed.collected > refusal.collected
            and (agreed.grantee == recipient or refusal.grantee == "TOUS")  # a yes to all lifts no single refusal
            for agreed in facts.consents
        )
        for refusal in refusals
        if refusal.collected <= LAST_DAY
    )


def _opens(consent: Consent, recipient: str) -> bool:
    return (
        consent.permits
        and consent.grantee in {"TOUS", recipient}
        and consent.purpose in _LINK_PURPOSES
        and not {"TOUT", "IDEN"}.isdisjoint(consent.classes)
        and consent.collected <= LAST_DAY
        and (consent.end is None or consent.end >= LAST_DAY)
        and (consent.withdrawn is None or consent.withdrawn > LAST_DAY)
    )


def _unites(team: Team, sides: set[str]) -> bool:
    dated = team.start is not None and team.start <= LAST_DAY and (team.end is None or team.end >= LAST_DAY)
    return dated and team.basis in {"1", "2", "3"} and sides <= set(team.members)


def event_rows(life: Life) -> Iterator[Tree]:
    """One row per index event of the life, with what link should say of it."""
    if life.hospital_identity:
        source = life.hospital_identity.source
        yield from _rows(life, "hospital_discharge", life.hospital_identity, _hospital_events(life, source))
    if life.usmp_identity:
        yield from _rows(life, "prison_release", life.usmp_identity, _prison_events(life))


def _hospital_events(life: Life, source: str) -> list[_Event]:
    return [
        _Event(stay, source, stay.end.date() if stay.end and not stay.exit_before_entry else None)
        for stay in life.stays
        if stay.is_index
    ]


def _prison_events(life: Life) -> list[_Event]:
    return [
        _Event(custody, "usmp", custody.end.date() if custody.end and not custody.time_unknown else None)
        for custody in life.custodies
        if custody.is_index
    ]


def _rows(life: Life, pathway: str, identity: Identity, events: list[_Event]) -> Iterator[Tree]:
    returns = _returns(life, identity.source)
    days = sorted(event.day for event in events if event.day)
    for event in events:
        back = min((day for day in returns if event.day and day > event.day), default=None)
        dead = life.death.date() if life.death else None
        contact = _expected_contact(life, identity, event, days=days, back=back, dead=dead)
        night = _expected_night(life, identity, event, dead)
        left = event.door.end.date() if event.door.end else None
        first = min(
            (visit for visit in life.visits if visit.attended and left and visit.day > left), key=_when, default=None
        )
        found = {one["follow_up"] for one in contact.values()}
        first_act = numbers.act(life, first) if first else None
        yield {
            "pathway": pathway,
            "source": identity.source,
            "key": numbers.event_key(life, event.door),
            "patient": numbers.patient(life, identity.source),
            "person": life.person.index,
            "day": event.day.isoformat() if event.day else None,
            "first_contact": {"day": first.day.isoformat(), "num_acte": first_act} if first else None,
            "first_night": _first_night(life, event.door),
            "competing": "return" if back else "death" if dead and event.day and dead > event.day else None,
            "hidden": bool(first and first_act not in found and _looks_missed(contact, first.day, event.day)),
            "expected": {"csapa_contact": contact, "housing_first_night": night},
            "orientation": _orientation(life, identity, event),
        }


def _when(visit: Any) -> Any:
    return visit.planned


def _looks_missed(contact: Tree, first: date, day: date | None) -> bool:
    return any(
        answer["outcome"] == "missed" and day is not None and (first - day).days <= CONTACT_WINDOWS[name][1]
        for name, answer in contact.items()
    )


def _returns(life: Life, source: str) -> list[date]:
    if source == "usmp":
        return [custody.start.date() for custody in life.custodies]
    return [stay.start.date() for stay in life.stays if stay.is_return]


def _all(windows: Iterable[str], outcome: str, blind: str | None = None) -> Tree:
    return {name: {"outcome": outcome, "follow_up": None, "blind": blind} for name in windows}


def _expected_contact(
    life: Life, identity: Identity, event: _Event, *, days: list[date], back: date | None, dead: date | None
) -> Tree:
    csapa = life.csapa_identity
    same_number = bool(identity.has_ins and csapa and csapa.has_ins)
    seen = same_number and life.traits_agree
    if event.day is None:
        return _all(CONTACT_WINDOWS, "not-observable", "no-event-time")
    if (dead and dead <= event.day) or _goes_on(life, event):
        return _all(CONTACT_WINDOWS, "excluded")
    facts = facts_of(life, {identity.source, "csapa"} if same_number else {identity.source})
    if not may_link(facts, ORGANISATION[identity.source], "CSAPA"):
        return _all(CONTACT_WINDOWS, "not-observable", "not-permitted")
    if not identity.has_ins or (same_number and not life.traits_agree):
        return _all(CONTACT_WINDOWS, "not-observable", "no-common-key")
    if event.day < CSAPA_SINCE:
        return _all(CONTACT_WINDOWS, "not-observable", "no-coverage")
    contact = None
    if seen:
        later = [day for day in days if day > event.day]
        ends = min(later) if later else date.max
        own = [visit for visit in life.visits if visit.attended and event.day < visit.day <= ends]
        contact = min(own, key=_when, default=None)
    if contact and any(end and contact.day > end for end in (back, dead)):
        contact = None
    answers: Tree = {}
    for name, (first, last) in CONTACT_WINDOWS.items():
        if contact and first <= (contact.day - event.day).days <= last:
            answers[name] = {"outcome": "found", "follow_up": numbers.act(life, contact), "blind": None}
        else:
            answers |= _all([name], _without(event.day, last))
    return answers


def _goes_on(life: Life, event: _Event) -> bool:
    """A stay after which the same hospital took the person in again on that day or the next one is no discharge."""
    end = event.door.end
    return isinstance(event.door, Stay) and any(
        stay is not event.door
        and stay.is_return
        and end is not None
        and stay.start >= end
        and (stay.start.date() - end.date()).days <= CHAINED_WITHIN
        for stay in life.stays
    )


def _without(day: date, last: int) -> str:
    return "open" if (LAST_DAY - day).days <= last else "missed"


def _expected_night(life: Life, identity: Identity, event: _Event, dead: date | None) -> Tree:
    if event.day is None:
        return _all(NIGHT_WINDOWS, "not-observable", "no-event-time")
    if (dead and dead <= event.day) or _goes_on(life, event):
        return _all(NIGHT_WINDOWS, "excluded")
    if is_stopped(facts_of(life, {identity.source}), ORGANISATION[identity.source], "SIAO"):
        return _all(NIGHT_WINDOWS, "not-observable", "not-permitted")
    orientation = event.door.orientation
    if orientation is None or orientation.cancelled:
        return _all(NIGHT_WINDOWS, "not-observable", "no-common-key")
    if not orientation.consented or (orientation.withdrawn and orientation.withdrawn <= LAST_DAY):
        return _all(NIGHT_WINDOWS, "not-observable", "not-permitted")
    if event.day < SIAO_SINCE:
        return _all(NIGHT_WINDOWS, "not-observable", "no-coverage")
    night = _first_night(life, event.door)
    first, last = NIGHT_WINDOWS["d1"]
    if night and first <= (date.fromisoformat(night["day"]) - event.day).days <= last:
        return {"d1": {"outcome": "found", "follow_up": night["id"], "blind": None}}
    return _all(NIGHT_WINDOWS, _without(event.day, last))


def _orientation(life: Life, identity: Identity, event: _Event) -> Tree | None:
    """The orientation number given at the event, and the placements that may be linked with it: those of its request.

    A link is true whether or not the housing desk covered the day: coverage only decides what a silence tells.
    """
    one = event.door.orientation
    if one is None:
        return None
    placements = one.demand.placements if one.demand and event.day and _may_be_quoted(life, identity, one) else []
    return {
        "key": numbers.event_key(life, event.door) if identity.source == "usmp" else one.number,
        "placements": [
            numbers.placement(life, one.demand, placed)
            for placed in placements
            if one.demand and placed.entry and placed.entry <= LAST_DAY
        ],
    }


def _may_be_quoted(life: Life, identity: Identity, one: Orientation) -> bool:
    withdrawn = one.withdrawn is not None and one.withdrawn <= LAST_DAY
    stopped = is_stopped(facts_of(life, {identity.source}), ORGANISATION[identity.source], "SIAO")
    return one.consented and not withdrawn and not one.cancelled and not stopped


def _first_night(life: Life, door: Stay | Custody) -> Tree | None:
    demand = door.orientation.demand if door.orientation else None
    entered = [one for one in demand.placements if one.entry] if demand else []
    if not entered or demand is None:
        return None
    first = min(entered, key=lambda one: one.entry or date.max)
    day = first.entry.isoformat() if first.entry else ""
    return {"day": day, "id": numbers.placement(life, demand, first)}


def slip_rows(life: Life) -> Iterator[Tree]:
    """What became of each orientation slip; a token that was misread is a row of its own."""
    for slip in life.slips:
        contact = None
        if slip.presented is None or slip.misread:
            outcome = "not-presented"
        elif is_stopped(facts_of(life, {"csapa"}), "CAARUD", "CSAPA"):
            outcome = "not-permitted"
        elif not slip.consented:
            outcome = "not-consented"
        elif slip.presented > slip.expires:
            outcome = "expired"
        else:
            outcome = "linked"
            seen = [one for one in life.visits if one.attended and one.day >= max(slip.presented, CSAPA_SINCE)]
            first = min(seen, key=_when, default=None)
            contact = {"day": first.day.isoformat(), "num_acte": numbers.act(life, first)} if first else None
        presented = slip.presented.isoformat() if slip.presented else None
        row = {
            "token": slip.token,
            "num_bon": numbers.slip(life, slip),
            "num_contact": numbers.outreach(life, 0),
            "issued": slip.given.date().isoformat(),
            "expires": slip.expires.isoformat(),
            "presented": None if slip.misread else presented,
            "num_pec": numbers.episode(life) if slip.presented and not slip.misread else None,
            "contact": contact,
            "expected": outcome,
        }
        yield row
        if slip.misread and presented:
            unknown = dict.fromkeys(("num_bon", "num_contact", "issued", "expires", "contact"))
            pec = numbers.episode(life)
            yield {
                **row,
                **unknown,
                "token": slip.recorded,
                "presented": presented,
                "num_pec": pec,
                "expected": "unknown-token",
            }


def person_row(life: Life) -> Tree:
    """Who is behind which records, and which pairs link must make one person of."""
    pairs = []
    known = life.identities
    for place, one in enumerate(known):
        for other in known[place + 1 :]:
            concordant = life.traits_agree or "csapa" not in {one.source, other.source}
            facts = facts_of(life, {one.source, other.source})
            if not (one.has_ins and other.has_ins and concordant):
                continue
            if may_link(facts, ORGANISATION[one.source], ORGANISATION[other.source]):
                pairs.append(
                    [one.source, numbers.patient(life, one.source), other.source, numbers.patient(life, other.source)]
                )
    return {
        "person": life.person.index,
        "kind": life.person.kind,
        "records": {one.source: numbers.patient(life, one.source) for one in known},
        "ins": {one.source: one.has_ins for one in known},
        "anonymous": {one.source: one.anonymous for one in known},
        "traits_agree": life.traits_agree,
        "death": life.death.date().isoformat() if life.death else None,
        "same_person": pairs,
    }
