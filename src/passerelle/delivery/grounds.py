"""On what ground a recipient may have a class of data of a person: the gate for `deliver`, asked once per person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce

from passerelle.contracts.house import House
from passerelle.gate import OrganisationFacts, SubjectFacts, decide, pooled
from passerelle.gate.recorded import Recorded, organisations_of_sources


@dataclass(frozen=True, slots=True)
class Subject:
    """A patient as one source knows them."""

    source: str
    asked_anonymity: bool = False


class Grounds:
    """The gate towards one recipient, on one day.

    A ground must be recorded where the data comes from. What stops may be recorded at any door at which the person
    is known to be the same.
    """

    def __init__(
        self,
        house: House,
        recorded: Recorded,
        subjects: Mapping[bytes, Subject],
        linked: Mapping[bytes, frozenset[bytes]],
        *,
        recipient: OrganisationFacts,
        day: date,
    ) -> None:
        self._gate = house.gate
        self._recorded = recorded
        self._subjects = subjects
        self._linked = linked
        self._recipient = recipient
        self._day = day
        self._organisations = organisations_of_sources(house)
        self._anonymous = {name for name, folder in house.sources.items() if folder.source.legal.anonymous}
        self._answers: dict[tuple[object, ...], str | None] = {}

    def refusal(self, patient: bytes, data_class: str) -> str | None:
        """The rule that keeps the class of data of this patient back; None when it may leave."""
        subject = self._subjects[patient]
        others = self._linked.get(patient, frozenset())
        if not others and not self._recorded.knows(subject.source, patient):
            key: tuple[object, ...] = (subject, data_class)
        else:
            key = (patient, data_class)
        if key not in self._answers:
            own = self._facts(patient)
            answer = self._asked(own, subject.source, data_class)
            if answer is None and others:
                answer = self._asked(self._together(own, others), subject.source, data_class)
            self._answers[key] = answer
        return self._answers[key]

    def refusal_of_others(self, patient: bytes, holder: str, data_class: str) -> str | None:
        """The rule that keeps back what a holder would say of this patient, whether it knows them or not.

        The same is asked in both cases: a silence must not tell that somebody is known there.
        """
        key = (patient, holder, data_class)
        if key not in self._answers:
            at_holder = [one for one in self._linked.get(patient, ()) if self._subjects[one].source == holder]
            facts = self._together(self._facts(patient), at_holder)
            self._answers[key] = self._asked(facts, holder, data_class)
        return self._answers[key]

    def refusal_of_nobody(self, source: str, data_class: str) -> str | None:
        """The rule that keeps back what a source says of nobody in particular."""
        return self._asked(SubjectFacts(anonymous_source=source in self._anonymous), source, data_class)

    def _asked(self, facts: SubjectFacts, sender: str, data_class: str) -> str | None:
        told = decide(self._gate, "deliver", facts, self._organisations[sender], self._recipient, data_class, self._day)
        return None if told.allowed else told.rule

    def _facts(self, patient: bytes) -> SubjectFacts:
        subject = self._subjects[patient]
        return self._recorded.facts(
            subject.source,
            patient,
            anonymous_source=subject.source in self._anonymous,
            asked_anonymity=subject.asked_anonymity,
        )

    def _together(self, own: SubjectFacts, others: Iterable[bytes]) -> SubjectFacts:
        return reduce(pooled, (self._facts(one) for one in sorted(others)), own)
