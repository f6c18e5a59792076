"""The figures of a cut, gathered from what the stages committed: tallies, items, links, and the statements of link."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from passerelle.contracts.house import House
from passerelle.contracts.pathway import FollowUp, Pathway, Window
from passerelle.fold.view import CutView, Tree, day_in, day_of, id_in
from passerelle.ids import KeyedHasher
from passerelle.records import BATCH_STAGES, Stage, State
from passerelle.reporting.summary import Overdue, Quality, Shares, StageSums, Summary, Unused
from passerelle.stores.cut_sums import LINK_SOURCE
from passerelle.stores.ledger import batches, cuts, findings, items, links, tallies
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.cuts import Cut
from passerelle.stores.opened import Stores

UNITS = {
    Stage.LAND: "record",
    Stage.CHECK: "record",
    Stage.MAP: "record",
    Stage.VALIDATE: "resource",
    Stage.LINK: "fact",
    Stage.DELIVER: "resource",
}
MOST_REASONS = 12
_LINK_KINDS = ("ins", "orientation-slip", "orientation-number")
_FOUND, _MISSED, _OPEN, _BLIND = "found", "missed", "open", "not-observable"


class Linked(Protocol):
    """What the report wants to know of a run of link."""

    @property
    def batch_id(self) -> int:
        """The batch that holds the statements."""


class Delivered(Protocol):
    """What the report wants to know of a delivery."""

    @property
    def recipient(self) -> str:
        """Who received."""

    @property
    def delivered(self) -> Mapping[str, int]:
        """Resources by type."""

    @property
    def withheld(self) -> Mapping[str, int]:
        """Resources by the rule that keeps them back."""


def summarise(
    stores: Stores,
    house: House,
    cut: Cut,
    linked: Linked,
    delivered: Delivered,
    *,
    as_of: date | datetime,
    balanced: bool,
    unused: Mapping[str, Unused] | None = None,
) -> Summary:
    """The figures of the cut, as of that day. The same stores give the same figures."""
    day = day_of(as_of, house.gate.time_zone)
    told = list(_follow_ups(stores, house, cut, linked))
    with stores.ledger.read() as tx:
        environments = {folder.source.environment for folder in house.sources.values()}
        return Summary(
            as_of=day.isoformat(),
            environment="production" if environments == {"production"} else "test",
            sums=[*_sums(tx, house), *_cut_sums(tx, cut)],
            shares=_shares(told),
            overdue=_overdue(told, KeyedHasher(stores.keys.token_key("report"), ("report", day.isoformat())), day),
            quality=[_quality(tx, house, name, (unused or {}).get(name, Unused())) for name in sorted(house.sources)],
            delivered=dict(delivered.delivered),
            withheld=dict(delivered.withheld),
            links={kind: len(links.found(tx, kind, states=["active"])) for kind in _LINK_KINDS},
            recipient=delivered.recipient,
            balanced=balanced,
        )


# Sums ----------------------------------------------------------------------------------------------------------------


def _sums(tx: Transaction, house: House) -> Iterator[StageSums]:
    """Per source and stage of its batches; sources and stages in their order."""
    counted = tallies.all_of(tx)
    by_source: dict[str, Counter[tuple[Stage, State]]] = defaultdict(Counter)
    for batch in batches.found(tx):
        if batch.source != LINK_SOURCE:
            by_source[batch.source].update(counted.get(batch.id, {}))
    for source in sorted(house.sources):
        for stage in BATCH_STAGES:
            states = {state.value: by_source[source][stage, state] for state in State}
            yield _stage_sums(source, stage, states)


def _cut_sums(tx: Transaction, cut: Cut) -> Iterator[StageSums]:
    """Per scope of link and deliver: what is counted once per cut."""
    found: dict[tuple[Stage, str], dict[str, int]] = defaultdict(dict)
    for (stage, scope, state), count in cuts.tallies(tx, cut.id).items():
        found[stage, scope][state.value] = count
    stages = list(Stage)
    for stage, scope in sorted(found, key=lambda key: (stages.index(key[0]), key[1])):
        yield _stage_sums(scope, stage, found[stage, scope])


def _stage_sums(source: str, stage: Stage, states: Mapping[str, int]) -> StageSums:
    return StageSums(source, stage.value, UNITS[stage], sum(states.values()), dict(states))


# Follow-ups ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of one event in one window."""

    event: bytes
    patient: bytes
    door: str
    pathway: Pathway
    follow_up: FollowUp
    window: Window
    outcome: str
    blind: str
    since: date | None
    died: bool


def _follow_ups(stores: Stores, house: House, cut: Cut, linked: Linked) -> Iterator[_Told]:
    """Every Task of link, read back: what was committed is what is reported."""
    with CutView(stores, cut, sorted(house.sources), _no_identity, also=[linked.batch_id]) as view:
        doors: dict[bytes, str] = {}
        dead: set[bytes] = set()
        for one in view.bodies(("Patient",)):
            doors[one.id] = one.source
            if one.tree.get("deceasedDateTime") or one.tree.get("deceasedBoolean"):
                dead.add(one.id)
        with stores.ledger.read() as tx:
            same = [{link.left, link.right} for link in links.found(tx, "ins", states=["active"])]
        dead |= set().union(*(ends for ends in same if ends & dead))  # any door may know of a death
        windows = _windows(house)
        for one in view.bodies(("Task",)):
            patient, event = id_in(one.tree.get("for"), "Patient"), id_in(one.tree.get("reasonReference"))
            if one.source != LINK_SOURCE or patient not in doors or event is None:
                continue
            assert patient is not None
            kind = house.sources[doors[patient]].source.legal.kind
            codes = tuple(coding.get("code", "") for coding in one.tree.get("code", {}).get("coding", ()))
            found = windows.get((kind, *codes))
            if found is not None:
                yield _read(one.tree, event, patient, doors[patient], found, died=patient in dead)


def _no_identity(body: Tree, _identity: Tree | None) -> Tree:
    return body


_Found = tuple[Pathway, FollowUp, Window]


def _windows(house: House) -> dict[tuple[str, ...], _Found]:
    """By legal kind of the door, code of the follow-up and code of the window: what is meant."""
    return {
        (kind, follow_up.follow_up.replace("_", "-"), window.name.replace("_", "-")): (pathway, follow_up, window)
        for _, pathway in sorted(house.pathways.items())
        for kind in pathway.after.kinds
        for follow_up in pathway.expects
        for window in follow_up.windows
    }


def _read(tree: Tree, event: bytes, patient: bytes, door: str, found: _Found, *, died: bool) -> _Told:
    pathway, follow_up, window = found
    start = day_in(tree.get("restriction", {}).get("period", {}).get("start"))
    since = None if start is None else start - timedelta(days=window.first)
    outcome, blind = _code(tree.get("businessStatus")), _code(tree.get("statusReason"))
    return _Told(event, patient, door, pathway, follow_up, window, outcome, blind, since, died)


def _code(concept: Tree | None) -> str:
    return next((str(one["code"]) for one in (concept or {}).get("coding", ()) if one.get("code")), "")


def _shares(told: Iterable[_Told]) -> list[Shares]:
    """Per pathway, door, follow-up and window: how the events went."""
    counted: dict[tuple[str, str, str, str, int], Counter[str]] = defaultdict(Counter)
    blind: dict[tuple[str, str, str, str, int], Counter[str]] = defaultdict(Counter)
    for one in told:
        key = (one.pathway.pathway, one.door, one.follow_up.follow_up, one.window.name, one.window.last)
        counted[key][one.outcome] += 1
        if one.outcome == _BLIND:
            blind[key][one.blind] += 1
    return [
        Shares(
            *key,
            found=states[_FOUND],
            missed=states[_MISSED],
            not_observable=states[_BLIND],
            open=states[_OPEN],
            blind=dict(sorted(blind[key].items())),
        )
        for key, states in sorted(counted.items(), key=lambda row: (*row[0][:3], row[0][4], row[0][3]))
    ]


def _overdue(told: Iterable[_Told], hasher: KeyedHasher, day: date) -> list[Overdue]:
    """Who left, was missed in a window that is over, and was seen in no other; the latest first. The dead are not waited for."""
    by_event: dict[tuple[bytes, str], list[_Told]] = defaultdict(list)
    for one in told:
        by_event[one.event, one.follow_up.follow_up].append(one)
    found = []
    for listed in by_event.values():
        missed = [one for one in listed if one.outcome == _MISSED]
        if not missed or any(one.outcome == _FOUND or one.died for one in listed):
            continue
        longest = max(missed, key=lambda one: one.window.last)
        if longest.since is None:
            continue
        found.append(
            Overdue(
                hasher.of((longest.patient.hex(),)).hex()[:8],
                longest.follow_up.follow_up,
                longest.window.name,
                longest.since.isoformat(),
                (day - longest.since).days,
            )
        )
    return sorted(found, key=lambda one: (one.days, one.follow_up, one.pseudonym))


# Quality -------------------------------------------------------------------------------------------------------------


def _quality(tx: Transaction, house: House, source: str, unused: Unused) -> Quality:
    stopped: Counter[tuple[str, str]] = Counter()
    for _, _, state, reason, place, count in items.summary(tx, source):
        if state is not State.DUPLICATE:
            stopped[reason.value, place] += count
    noticed: Counter[tuple[str, str]] = Counter()
    for batch in batches.found(tx, source=source):
        for (_, reason, place), count in findings.of(tx, batch.id).items():
            noticed[reason.value, place] += count
    return Quality(source, house.sources[source].source.says, _most(stopped), _most(noticed), unused)


def _most(counted: Counter[tuple[str, str]]) -> list[tuple[str, str, int]]:
    listed = sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    return [(reason, place, count) for (reason, place), count in listed[:MOST_REASONS]]
