"""Which resources of the view a recipient may have, and in which form; decided on bodies, before identity is read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from passerelle.contracts.house import House
from passerelle.contracts.pathway import Pathway
from passerelle.contracts.target import Target
from passerelle.delivery.classes import Classifier
from passerelle.delivery.grounds import Grounds, Subject
from passerelle.fold.view import CutView, Standing, Tree, id_in
from passerelle.stores.cut_sums import LINK_SOURCE

NORELINK = "NORELINK"
NOT_CLASSIFIED = "not-classified"
POINTS_TO_WITHHELD = "points-to-withheld"


class Form(StrEnum):
    """In which form a resource leaves."""

    FULL = "full"
    PLAIN = "plain"


@dataclass(slots=True)
class Chosen:
    """What may leave, by id, and why the rest may not, by rule."""

    forms: dict[bytes, Form] = field(default_factory=dict)
    withheld: Counter[str] = field(default_factory=Counter)
    closed_answers: dict[bytes, frozenset[str]] = field(default_factory=dict)
    out_of_scope: int = 0


def subjects_of(view: CutView) -> dict[bytes, Subject]:
    """Every Patient that stands, with its source and whether anonymity was asked for."""
    return {
        one.id: Subject(
            one.source, any(label.get("code") == NORELINK for label in one.tree.get("meta", {}).get("security", ()))
        )
        for one in view.bodies(("Patient",))
    }


def subject_in(one: Standing) -> bytes | None:
    """The Patient that a resource is about."""
    if one.type == "Patient":
        return one.id
    for name in ("subject", "patient", "for"):
        found = id_in(one.tree.get(name), "Patient")
        if found is not None:
            return found
    actors = (id_in(taking_part.get("actor"), "Patient") for taking_part in _listed(one.tree, "participant"))
    return next((found for found in actors if found is not None), None)


def _listed(tree: Tree, name: str) -> Iterable[Tree]:
    value = tree.get(name, ())
    return value if isinstance(value, list) else ()


class Chooser:
    """Decides for each resource of a view whether one target may have it."""

    def __init__(
        self,
        house: House,
        target: Target,
        classifier: Classifier,
        grounds: Grounds,
        *,
        subjects: Mapping[bytes, Subject],
    ) -> None:
        self._target = target
        self._classifier = classifier
        self._grounds = grounds
        self._subjects = subjects
        self._kinds = {name: folder.source.legal.kind for name, folder in house.sources.items()}
        self._holders = holders_by_kind_of_follow_up(house)

    def choose(self, view: CutView) -> Chosen:
        """What of the view may leave. Patients are judged first: nothing leaves whose subject is withheld."""
        chosen = Chosen()
        listed = set(self._target.elements)
        counted = view.count_by_type()
        chosen.out_of_scope = sum(count for name, count in counted.items() if name not in listed)
        rest = sorted(listed - {"Patient", "Person"})
        for types in (("Patient",), ("Person",), tuple(rest)):
            for one in view.bodies([name for name in types if name in listed]):
                self._judge(one, chosen)
        return chosen

    def _judge(self, one: Standing, chosen: Chosen) -> None:
        refused, form = self._person(one, chosen) if one.type == "Person" else self._answer(one, chosen)
        if refused is None:
            chosen.forms[one.id] = form
        else:
            chosen.withheld[refused] += 1

    def _person(self, one: Standing, chosen: Chosen) -> tuple[str | None, Form]:
        """A Person leaves when the recipient gets at least two of the records that it says are one."""
        members = [id_in(link.get("target")) for link in one.tree.get("link", ())]
        reached = sum(member in chosen.forms for member in members if member is not None)
        return (None if reached > 1 else POINTS_TO_WITHHELD), Form.FULL

    def _answer(self, one: Standing, chosen: Chosen) -> tuple[str | None, Form]:
        subject = subject_in(one)
        if subject is None or subject not in self._subjects:
            source_class = self._classifier.own_class(one.type, self._kinds.get(one.source, ""))
            if one.source == LINK_SOURCE or source_class is None:
                return NOT_CLASSIFIED, Form.FULL
            return self._grounds.refusal_of_nobody(one.source, source_class) or NOT_CLASSIFIED, Form.FULL
        source = self._subjects[subject].source
        kind = self._kinds[source]
        own = self._classifier.own_class(one.type, kind)
        if own is None:
            return NOT_CLASSIFIED, Form.FULL
        if one.type != "Patient" and subject not in chosen.forms:
            return self._grounds.refusal(subject, "identity") or POINTS_TO_WITHHELD, Form.FULL
        return self._asked(one, subject, kind, own, chosen)

    def _asked(self, one: Standing, subject: bytes, kind: str, own: str, chosen: Chosen) -> tuple[str | None, Form]:
        refused = self._grounds.refusal(subject, own)
        if refused is not None:
            return refused, Form.FULL
        belonging = self._classifier.belonging(kind)
        told = self._classifier.told_by(one.tree)
        classes = sorted(told - {own, belonging.class_ if belonging else ""})
        if one.source == LINK_SOURCE:
            refused = self._refused_by_holders(one, subject)
            if refused is not None:
                return refused, Form.FULL
        for name in classes:
            refused = self._grounds.refusal(subject, name)
            if refused is not None:
                return refused, Form.FULL
        if one.type == "QuestionnaireResponse":
            self._close_answers(one, subject, chosen)
        if belonging is None:
            return None, Form.FULL
        refused = self._grounds.refusal(subject, belonging.class_)
        if refused is None:
            return None, Form.FULL
        return (None if one.type in belonging.plain else refused), Form.PLAIN

    def _refused_by_holders(self, one: Standing, subject: bytes) -> str | None:
        """What link says of a follow-up rests on what its holders told: each of them is asked too."""
        for holder, data_class in holders_asked(one.tree, self._holders):
            refused = self._grounds.refusal_of_others(subject, holder, data_class)
            if refused is not None:
                return refused
        return None

    def _close_answers(self, one: Standing, subject: bytes, chosen: Chosen) -> None:
        closed = frozenset(
            question
            for question, data_class in self._classifier.table.answers.items()
            if self._grounds.refusal(subject, data_class) is not None
        )
        if closed:
            chosen.closed_answers[one.id] = closed


Holders = Mapping[str, Sequence[tuple[str, str]]]
"""By code of a kind of follow-up: which sources may hold it, and the class of data that they would tell."""


def holders_by_kind_of_follow_up(house: House) -> Holders:
    """Which sources may hold a follow-up of each kind; housing tells of housing, all others of follow-up."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for pathway in house.pathways.values():
        for code, name, kind in _holding(pathway, house):
            found[code].add((name, "housing" if kind == "housing" else "follow-up"))
    return {code: sorted(listed) for code, listed in found.items()}


def _holding(pathway: Pathway, house: House) -> Iterable[tuple[str, str, str]]:
    for follow_up in pathway.expects:
        for name, folder in house.sources.items():
            kind = folder.source.legal.kind
            if kind in follow_up.holds.kinds:
                yield follow_up.follow_up.replace("_", "-"), name, kind


def holders_asked(tree: Tree, holders: Holders) -> Iterable[tuple[str, str]]:
    """The sources on which a statement about a follow-up rests, with the class of data that they would tell."""
    for coding in tree.get("code", {}).get("coding", ()):
        yield from holders.get(coding.get("code", ""), ())
