"""Whether two records may be said to be of one person: the gate, asked with what each of their sources recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from passerelle.contracts.house import House
from passerelle.gate import ConsentFacts, Decision, OrganisationFacts, SubjectFacts, decide, may_link, pooled
from passerelle.gate.recorded import Recorded, organisations_of_sources
from passerelle.linkage.facts import PatientFacts
from passerelle.linkage.persons import Known

IDENTITY = "identity"
SLIP = "orientation-slip"
NOBODY = SubjectFacts()
"""What is known of somebody whom the other side may not know at all: nothing."""

_STOPS = frozenset({"jurisdiction", "forbidden-recipient", "anonymity", "opposition", "legal-kind"})


class Permissions:
    """The gate for the purpose `link`, on one day."""

    def __init__(self, house: House, recorded: Recorded, patients: Mapping[bytes, PatientFacts], day: date) -> None:
        self._table = house.gate
        self._day = day
        self._recorded = recorded
        self._patients = patients
        self._organisations = organisations_of_sources(house)
        self._anonymous = {name for name, folder in house.sources.items() if folder.source.legal.anonymous}
        self._answers: dict[tuple[bytes, bytes], bool] = {}

    def organisation(self, source: str) -> OrganisationFacts:
        """Who speaks through the source."""
        return self._organisations[source]

    def facts(self, patient: bytes) -> SubjectFacts:
        """What the patient's own source recorded."""
        told = self._patients[patient]
        source = told.known.source
        return self._recorded.facts(
            source, patient, anonymous_source=source in self._anonymous, asked_anonymity=told.asked_anonymity
        )

    def may_link(self, one: Known, other: Known) -> bool:
        """Whether the two records may be said to be of one person; what either source recorded counts for both."""
        pair = (min(one.patient, other.patient), max(one.patient, other.patient))
        if pair not in self._answers:
            left = (self.facts(one.patient), self.organisation(one.source))
            right = (self.facts(other.patient), self.organisation(other.source))
            self._answers[pair] = may_link(self._table, left, right, self._day).allowed
        return self._answers[pair]

    def may_be_looked_for(self, patient: bytes, source: str) -> bool:
        """Whether the patient may be looked for at a source where nobody is known to be them."""
        own = (self.facts(patient), self.organisation(self._patients[patient].known.source))
        return may_link(self._table, own, (NOBODY, self.organisation(source)), self._day).allowed

    def may_be_quoted(
        self, patient: bytes, source: str, agreed: Iterable[ConsentFacts] = (), there: bytes | None = None
    ) -> bool | None:
        """Whether an orientation number of the patient may be matched at a source that quotes it.

        Args:
            patient: to whom the number was given.
            source: the source that quotes it.
            agreed: what was agreed to, or refused, for this orientation. No other consent counts for it.
            there: the patient for whom it was quoted, where the source knows one: what stops there stops here.

        Returns:
            None when a stop of the gate applies, whatever was agreed.
        """
        told = self._patients[patient]
        own = self.facts(patient) if there is None else pooled(self.facts(patient), self.facts(there))
        refused = tuple(one for one in own.consents if not one.permits)
        subject = replace(own, consents=(*refused, *agreed), care_teams=(), carers=())
        sender, recipient = self.organisation(told.known.source), self.organisation(source)
        return _answered(decide(self._table, "link", subject, sender, recipient, IDENTITY, self._day))

    def may_follow_slip(self, patient: bytes, shown: ConsentFacts | None, issued_by: str) -> bool | None:
        """Whether a slip that the patient handed over may be matched with the one that was printed.

        `shown` is what the person said when they handed it over. None is answered when a stop of the gate applies.
        """
        own = self.facts(patient)
        consents = own.consents if shown is None else (*own.consents, shown)
        subject = replace(own, anonymous_source=issued_by in self._anonymous, consents=consents)
        sender, recipient = self.organisation(issued_by), self.organisation(self._patients[patient].known.source)
        return _answered(decide(self._table, "link", subject, sender, recipient, SLIP, self._day))


def _answered(answer: Decision) -> bool | None:
    """Yes, no for want of a ground, or None where something stops whatever ground there may be."""
    return None if not answer.allowed and answer.rule in _STOPS else answer.allowed
