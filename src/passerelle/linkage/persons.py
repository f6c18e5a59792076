"""Records of several sources that are one person: links with evidence, and the groups they make.

Nothing here is fuzzy. Two records are linked when both carry the same *current qualified* INS and concordant traits,
when a person handed over an orientation slip, or when a housing request quotes an orientation number under consent.
A wrong merge of two people is worse than a missed link: what is doubtful becomes a question for a person.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from passerelle.linkage.traits import Concordance, Traits, compare_traits

NO_TRAITS = Traits()


class LinkKind(StrEnum):
    """On what a link rests."""

    INS = "ins"
    SLIP = "orientation-slip"
    ORIENTATION = "orientation-number"


class LinkState(StrEnum):
    """Whether a link holds, or waits for a person."""

    ACTIVE = "active"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Known:
    """One source's Patient, as far as linking may see it. Withheld records never become one."""

    patient: bytes
    source: str
    first_order: str = ""
    ins: str = ""
    former_ins: tuple[str, ...] = ()
    traits: Traits = NO_TRAITS


@dataclass(frozen=True, slots=True)
class Link:
    """A statement that two things belong to one person, with what it rests on. `left` sorts before `right`."""

    kind: LinkKind
    left: bytes
    right: bytes
    state: LinkState
    because: str
    evidence: tuple[bytes, ...] = field(default=())


MayLink = Callable[[Known, Known], bool]


def links_by_ins(records: Iterable[Known], may_link: MayLink) -> Iterator[Link]:
    """Links between records of different sources with the same current qualified INS.

    Concordant traits make the link active; discordant or missing ones make it a question (`number-of-a-relative` is
    the usual answer). So do two records that contradict each other to a third that agrees with both: one of the two
    is not the third's, and nobody knows which. Pairs for which `may_link` says no are never formed.
    """
    by_number: dict[str, list[Known]] = defaultdict(list)
    for record in records:
        if record.ins:
            by_number[record.ins].append(record)
    for same_number in by_number.values():
        yield from _links_among(same_number, may_link)


def _links_among(same_number: Iterable[Known], may_link: MayLink) -> Iterator[Link]:
    verdicts: dict[tuple[bytes, bytes], Concordance] = {}
    apart: list[tuple[bytes, bytes]] = []
    for one, other in combinations(sorted(same_number, key=lambda record: record.patient), 2):
        pair = one.patient, other.patient
        if one.source == other.source:
            if compare_traits(one.traits, other.traits) is Concordance.DISCORDANT:
                apart.append(pair)
        elif may_link(one, other):
            verdicts[pair] = compare_traits(one.traits, other.traits)
            if verdicts[pair] is Concordance.DISCORDANT:
                apart.append(pair)
    agreeing: dict[bytes, set[bytes]] = defaultdict(set)
    for (left, right), verdict in verdicts.items():
        if verdict is Concordance.CONCORDANT:
            agreeing[left].add(right)
            agreeing[right].add(left)
    torn: set[frozenset[bytes]] = set()
    for left, right in apart:
        for third in agreeing[left] & agreeing[right]:
            torn |= {frozenset((left, third)), frozenset((right, third))}
    for (left, right), verdict in verdicts.items():
        doubtful = frozenset((left, right)) in torn
        active = verdict is Concordance.CONCORDANT and not doubtful
        yield Link(
            kind=LinkKind.INS,
            left=left,
            right=right,
            state=LinkState.ACTIVE if active else LinkState.REVIEW,
            because="same-qualified-ins-between-two-that-differ"
            if doubtful
            else f"same-qualified-ins-traits-{verdict}",
        )


@dataclass(frozen=True, slots=True)
class Person:
    """A group of Patients believed to be one person. `survivor` is the member that names it."""

    survivor: bytes
    members: tuple[bytes, ...]


def persons_of(records: Sequence[Known], links: Iterable[Link]) -> tuple[list[Person], list[Link]]:
    """The groups that active links make, and the links left out because a group may not hold two current INS.

    A group holds only records of which each is linked with each: that two doors know the same person is said of no
    pair that nobody permitted, not even through a third door that both may be linked with. A record may therefore
    belong to two groups. The member of lowest (first order, id) names a group; where it names another already, the
    next one does. The result does not depend on the order of records and links.
    """
    known = {record.patient: record for record in records}
    linked: dict[bytes, set[bytes]] = defaultdict(set)
    refused = []
    for link in sorted(links, key=lambda link: (link.left, link.right, link.kind)):
        if link.state is not LinkState.ACTIVE or link.left not in known or link.right not in known:
            continue
        if len({known[end].ins for end in (link.left, link.right)} - {""}) > 1:
            refused.append(link)
            continue
        linked[link.left].add(link.right)
        linked[link.right].add(link.left)
    persons: list[Person] = []
    naming: set[bytes] = set()
    for members in sorted(_circles(linked), key=lambda members: (-len(members), members)):
        free = [patient for patient in members if patient not in naming]
        if not free:
            continue  # each of them names a group already; the links themselves stand
        survivor = min(free, key=lambda patient: (known[patient].first_order, patient))
        naming.add(survivor)
        persons.append(Person(survivor, members))
    alone = [Person(patient, (patient,)) for patient in known if patient not in linked]
    return sorted([*persons, *alone], key=lambda person: person.survivor), refused


def _circles(linked: Mapping[bytes, set[bytes]]) -> Iterator[tuple[bytes, ...]]:
    """The largest sets of records of which each is linked with each (Bron and Kerbosch)."""

    def grow(circle: list[bytes], candidates: set[bytes], done: set[bytes]) -> Iterator[tuple[bytes, ...]]:
        if not candidates and not done:
            yield tuple(sorted(circle))
            return
        pivot = max(sorted(candidates | done), key=lambda one: len(linked[one] & candidates))
        for one in sorted(candidates - linked[pivot]):
            yield from grow([*circle, one], candidates & linked[one], done & linked[one])
            candidates = candidates - {one}
            done = done | {one}

    seen: set[bytes] = set()
    for start in linked:
        if start in seen:
            continue
        component, waiting = {start}, [start]
        while waiting:
            fresh = linked[waiting.pop()] - component
            component |= fresh
            waiting += fresh
        seen |= component
        yield from grow([], component, set())
