"""What the ledger has recorded, as the gate wants it: who a source is, and what one of its patients said."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from passerelle.contracts.directory import DirectoryOrganisation
from passerelle.contracts.house import House
from passerelle.gate.facts import ANY, CareTeamFacts, ConsentFacts, Opposition, OrganisationFacts, SubjectFacts
from passerelle.stores.ledger import consents
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.consents import StoredConsent, StoredMember

OPPOSITION = "opposition"
PERMIT = "permit"

Subject = tuple[str, bytes]
"""A patient as one source knows them: the source's name and the id of its Patient."""

_Span = tuple[date | None, date | None]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What people said that was stopped and waits for a person to settle it.

    Attributes:
        closed: patients who may have opposed or refused, or asked for anonymity: nothing of them is shared.
        silenced: (batch, row) of consents and care teams of which a later version waits: they open nothing.
    """

    closed: frozenset[Subject] = frozenset()
    silenced: frozenset[tuple[int, int]] = frozenset()


NO_DOUBTS = Doubts()


def facts_of_organisation(one: DirectoryOrganisation) -> OrganisationFacts:
    """An organisation of the directory, as the gate knows it."""
    return OrganisationFacts(one.code, one.kind, one.care, one.region, one.jurisdiction)


def organisations_of_sources(house: House) -> dict[str, OrganisationFacts]:
    """The organisation that speaks through each source: that of the directory, else what source.yaml says of it."""
    found = {one.source: facts_of_organisation(one) for one in house.organisations.values() if one.source}
    for name, folder in house.sources.items():
        source = folder.source
        found.setdefault(
            name,
            OrganisationFacts(
                name, source.legal.kind, source.legal.care, source.organisation.region, source.jurisdiction
            ),
        )
    return found


class Recorded:
    """Consents, oppositions and care teams of every subject, read once."""

    def __init__(
        self, told: Iterable[StoredConsent], teams: Iterable[StoredMember], doubts: Doubts = NO_DOUBTS
    ) -> None:
        self._consents: dict[Subject, list[StoredConsent]] = defaultdict(list)
        self._teams: dict[Subject, list[StoredMember]] = defaultdict(list)
        self._closed = doubts.closed
        for consent in told:
            if consent.type != PERMIT or (consent.batch_id, consent.row) not in doubts.silenced:
                self._consents[consent.source, consent.subject_id].append(consent)
        for member in teams:
            if (member.batch_id, member.row) not in doubts.silenced:
                self._teams[member.source, member.subject_id].append(member)

    @classmethod
    def read(cls, tx: Transaction, doubts: Doubts = NO_DOUBTS) -> "Recorded":
        """Everything that the ledger holds, without what is in doubt."""
        return cls(consents.consents_of(tx), consents.care_teams_of(tx), doubts)

    def knows(self, source: str, patient: bytes) -> bool:
        """Whether anything at all was recorded of the patient."""
        one = (source, patient)
        return one in self._consents or one in self._teams or one in self._closed

    def facts(
        self, source: str, patient: bytes, *, anonymous_source: bool = False, asked_anonymity: bool = False
    ) -> SubjectFacts:
        """What was recorded of the patient at the source."""
        told = self._consents.get((source, patient), ())
        unread = (Opposition(),) if (source, patient) in self._closed else ()
        return SubjectFacts(
            anonymous_source,
            asked_anonymity,
            (*unread, *(_opposition(one) for one in told if one.kind == OPPOSITION)),
            tuple(_consent(one) for one in told if one.kind != OPPOSITION),
            tuple(_teams(self._teams.get((source, patient), ()))),
        )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _name(one: StoredConsent) -> str:
    return f"{one.source}:{one.batch_id}:{one.row}"


def _opposition(one: StoredConsent) -> Opposition:
    return Opposition(
        one.grantee or ANY,
        _day(one.collected_on),
        _day(one.withdrawn_on),
        frozenset(one.purposes) or frozenset({ANY}),
        _name(one),
    )


def _consent(one: StoredConsent) -> ConsentFacts:
    """An agreement that names no purpose was given for every purpose; one that names no class of data opens none."""
    permits = one.type == PERMIT
    purposes = frozenset(one.purposes)
    return ConsentFacts(
        _name(one),
        permits,
        one.grantee or ANY,
        purposes or (frozenset({ANY}) if permits else purposes),
        frozenset(one.classes),
        _day(one.collected_on),
        _day(one.from_day),
        _day(one.to_day),
        _day(one.withdrawn_on),
    )


def _teams(members: Iterable[StoredMember]) -> Iterator[CareTeamFacts]:
    """One team per record and span of days: those who belong to it for all of that span."""
    recorded: dict[tuple[int, int, str], list[tuple[_Span, str]]] = defaultdict(list)
    for one in members:
        span = _day(one.from_day), _day(one.to_day)
        recorded[one.batch_id, one.row, one.basis or ""].append((span, one.organisation))
    for (batch_id, row, basis), belonging in sorted(recorded.items()):
        spans = {span for span, _ in belonging}
        shared = {_common(one, other) for one in spans for other in spans}
        for span in sorted(shared, key=str):
            covering = frozenset(organisation for own, organisation in belonging if _common(own, span) == span)
            if covering:
                yield CareTeamFacts(f"{batch_id}:{row}", covering, int(basis) if basis.isdigit() else None, *span)


def _common(one: _Span, other: _Span) -> _Span:
    """The days that both spans have. A span without a start has none, and what it meets has none either."""
    if one[0] is None or other[0] is None:
        return None, None
    ends = [end for end in (one[1], other[1]) if end is not None]
    return max(one[0], other[0]), min(ends, default=None)
