"""The sums of a cut, counted again by separate code from what link and deliver left behind.

Link: active links and links in review have passed or wait; each Task of the statements is one expected follow-up, and
in the state that it says itself; what left no trace but its count (slips that lead nowhere, events that nobody is
waited for after) is what link kept of its run. Deliver: what passed is what the target is known to hold, and what was
received is what stands in the cut. Counted are the last run of link, and for each target the last delivery.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from passerelle.ids import id_bytes, resource_id
from passerelle.records import Stage, State
from passerelle.stores.discrepancy import Discrepancy
from passerelle.stores.lake import CurrentView, Lake, batches_of
from passerelle.stores.ledger import Ledger, batches, contracts, cuts, items, links, outbox, run_log, stored, tallies
from passerelle.stores.ledger.batches import Batch
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.cuts import Cut
from passerelle.stores.ledger.items import Item
from passerelle.stores.ledger.stored import BatchFile, FileKind
from passerelle.stores.ledger.tallies import Tallies

LINK_SOURCE = "link"
"""The source under which link keeps what it states. No source folder may have this name."""

Scopes = dict[str, dict[State, int]]
Place = tuple[str, str]
"""Kind of follow-up and window, as a Task names them."""

_LINK, _DELIVER = "link", "deliver"
_FOLLOW_UPS = "follow-up."
_HELD = "held"
_NOT_PERMITTED = "not-permitted"
_KINDS = ("ins", "orientation-slip", "orientation-number")
_IN_REVIEW = {"active": State.PASSED, "review": State.QUARANTINED}
_MOST_LINES = 10_000


@dataclass(slots=True)
class _Stated:
    """The batch of link's statements, as the ledger has it."""

    batch: Batch
    files: list[BatchFile]
    counted: Tallies
    stopped: list[Item]
    trees: list[dict[str, Any]] | None = None
    """The statements, once the file was found to be whole."""


@dataclass(slots=True)
class _Run:
    """The last run of link: its cut, what it counted, the links and what it kept of itself."""

    at: int
    cut: Cut
    counted: Scopes
    links: dict[str, Counter[State]]
    kept: dict[str, Any] | None


@dataclass(slots=True)
class _Delivered:
    """The last delivery to one target: its cut, what it counted, what the target is known to hold."""

    at: int
    target: str
    cut: Cut
    counted: Scopes
    held: set[bytes]


@dataclass(slots=True)
class _Told:
    """What the ledger says of the last run of link and the last delivery to each target."""

    stated: list[_Stated] = field(default_factory=list)
    run: _Run | None = None
    delivered: list[_Delivered] = field(default_factory=list)
    published: list[tuple[int, int]] = field(default_factory=list)


def recount_cut(
    ledger: Ledger, lake: Lake, sources: Sequence[str] | None = None, *, broken: Collection[str] = ()
) -> list[Discrepancy]:
    """Everything of statements, links and deliveries that does not add up, sorted; nothing if every sum does.

    Args:
        ledger: read in one transaction, but for the files of a cut.
        lake: where the statements and what was delivered lie.
        sources: those that deliver looked at; all without.
        broken: names of files that are known to be gone or damaged: what needs them is not counted.
    """
    with ledger.read() as tx:
        told = _told(tx)
    found = [wrong for stated in told.stated for wrong in _statements(stated, lake)]
    if told.run is not None:
        found += _linked(told.run, [tree for stated in told.stated for tree in stated.trees or ()])
    for delivered in told.delivered:
        found += _held(delivered)
        if _can_be_seen(told, delivered) and all(stated.trees is not None for stated in told.stated):
            found += _received(ledger, lake, delivered, told.stated, sources, broken)
    found += _unknown(told.delivered)
    return sorted(found)


# What the ledger says ------------------------------------------------------------------------------------------------


def _told(tx: Transaction) -> _Told:
    told = _Told(published=batches.published(tx))
    for batch in batches.found(tx, source=LINK_SOURCE):
        counted, stopped = tallies.of(tx, batch.id), items.found(tx, batch_id=batch.id)
        told.stated.append(_Stated(batch, stored.of_batch(tx, batch.id), counted, stopped))
    for line in run_log.last(tx, 1, event=_LINK, source=LINK_SOURCE):
        told.run = _run(tx, line, told.stated)
    targets: set[str] = set()
    for line in run_log.last(tx, _MOST_LINES, event=_DELIVER):
        said = json.loads(line.detail)
        if said["target"] not in targets:
            targets.add(said["target"])
            told.delivered.append(_delivered(tx, line, said))
    return told


def _run(tx: Transaction, line: run_log.Line, stated: Sequence[_Stated]) -> _Run:
    cut = cuts.by_name(tx, json.loads(line.detail)["cut"])
    found = {kind: Counter(_IN_REVIEW[one.state] for one in links.found(tx, kind)) for kind in _KINDS}
    kept = contracts.of(tx, stated[-1].batch.contract_digest) if stated else None
    return _Run(line.at, cut, _counted(tx, cut, Stage.LINK), found, None if kept is None else orjson.loads(kept))


def _delivered(tx: Transaction, line: run_log.Line, said: Mapping[str, Any]) -> _Delivered:
    cut = cuts.by_name(tx, said["cut"])
    held = {key for key, one in outbox.receipts_of(tx, said["target"]).items() if one.state == _HELD}
    return _Delivered(line.at, said["target"], cut, _counted(tx, cut, Stage.DELIVER), held)


def _counted(tx: Transaction, cut: Cut, stage: Stage) -> Scopes:
    counted: defaultdict[str, dict[State, int]] = defaultdict(dict)
    for (at, scope, state), count in cuts.tallies(tx, cut.id).items():
        if at is stage and count:
            counted[scope][state] = count
    return dict(counted)


# What link states ----------------------------------------------------------------------------------------------------


def _statements(told: _Stated, lake: Lake) -> Iterator[Discrepancy]:
    """One whole file, each statement once, and nothing else under its batch."""
    name = told.batch.name
    if any(told.counted.values()) or told.stopped or told.batch.records:
        yield Discrepancy(name, Stage.LINK, "records are counted under statements, which have none")
    if len(told.files) != 1 or told.files[0].kind is not FileKind.RESOURCES:
        yield Discrepancy(name, Stage.LINK, f"{len(told.files)} files are listed, one of statements was wanted")
        return
    wrong = lake.verify(told.files[0].stored)
    if wrong is not None:
        yield Discrepancy(name, Stage.LINK, wrong)
        return
    rows = lake.read(told.files[0], ["id", "body"])
    told.trees = [orjson.loads(body) for body in rows.column("body").to_pylist()]
    twice = rows.num_rows - len(rows.column("id").unique())
    if twice:
        yield Discrepancy(name, Stage.LINK, f"{twice} statements stand twice")


# What link counts ----------------------------------------------------------------------------------------------------


def _linked(run: _Run, trees: Sequence[Mapping[str, Any]]) -> Iterator[Discrepancy]:
    kept: Scopes = _kept_states(run.kept)
    for scope in sorted(run.counted.keys() | kept.keys() | run.links.keys()):
        counted = run.counted.get(scope, {})
        states = (State.PASSED, State.QUARANTINED) if scope in run.links else ()
        for state in states:
            linked = run.links[scope][state]
            if counted.get(state, 0) != linked:
                sentence = f"{scope}: {counted.get(state, 0)} links are counted as {state}, {linked} are stored"
                yield Discrepancy(run.cut.name, Stage.LINK, sentence)
        for state in sorted(counted.keys() | kept.get(scope, {}).keys()):
            said = kept.get(scope, {}).get(state, 0)
            if run.kept is not None and state not in states and counted.get(state, 0) != said:
                sentence = f"{scope}: {counted.get(state, 0)} are counted as {state}, link said {said}"
                yield Discrepancy(run.cut.name, Stage.LINK, sentence)
    yield from _followed(run, trees)


def _kept_states(kept: Mapping[str, Any] | None) -> Scopes:
    told = {} if kept is None else kept["states"]
    return {scope: {State(name): count for name, count in states.items()} for scope, states in told.items()}


def _followed(run: _Run, trees: Sequence[Mapping[str, Any]]) -> Iterator[Discrepancy]:
    """Tasks against tallies; two pathways may expect the same kind within the same time, and are counted together."""
    if run.kept is None:
        return
    said: defaultdict[Place, Counter[State]] = defaultdict(Counter)
    for tree in trees:
        if tree["resourceType"] == "Task":
            said[_place(tree)][_state(tree)] += 1
    scopes: defaultdict[Place, list[str]] = defaultdict(list)
    for scope in sorted(run.kept["states"].keys() - run.links.keys()):
        _, kind, window = scope.split(".")
        scopes[kind.replace("_", "-"), window.replace("_", "-")].append(scope)
        nobody = run.kept["outcomes"].get(scope, {}).get("excluded", 0)
        said[kind.replace("_", "-"), window.replace("_", "-")][State.REJECTED] += nobody
    for place, states in sorted(said.items()):
        for state in (State.PASSED, State.SUPPRESSED, State.REJECTED):
            counted = sum(run.counted.get(scope, {}).get(state, 0) for scope in scopes[place])
            if counted != states[state]:
                name = " with ".join(scopes[place]) or ".".join(place)
                sentence = f"{name}: {counted} follow-ups are counted as {state}, {states[state]} are stated"
                yield Discrepancy(run.cut.name, Stage.LINK, sentence)


def _place(task: Mapping[str, Any]) -> Place:
    kind, window = (coding["code"] for coding in task["code"]["coding"])
    return kind, window


def _state(task: Mapping[str, Any]) -> State:
    if task["status"] == "entered-in-error":
        return State.REJECTED
    why = [coding["code"] for coding in task.get("statusReason", {}).get("coding", ())]
    return State.SUPPRESSED if _NOT_PERMITTED in why else State.PASSED


# What deliver counts -------------------------------------------------------------------------------------------------


def _held(told: _Delivered) -> Iterator[Discrepancy]:
    passed = told.counted.get(told.target, {}).get(State.PASSED, 0)
    if passed != len(told.held):
        sentence = f"{told.target}: {passed} resources are counted as passed, the target holds {len(told.held)}"
        yield Discrepancy(told.cut.name, Stage.DELIVER, sentence)


def _unknown(delivered: Sequence[_Delivered]) -> Iterator[Discrepancy]:
    targets = {told.target for told in delivered}
    strange = {
        (told.cut.name, scope)
        for told in delivered
        for scope in told.counted
        if scope not in targets and not scope.startswith(_FOLLOW_UPS)
    }
    for cut, scope in sorted(strange):
        yield Discrepancy(cut, Stage.DELIVER, f"{scope}: resources are counted, and nothing was delivered there")


def _can_be_seen(told: _Told, delivered: _Delivered) -> bool:
    """What was delivered of is what stands now: nothing was published and nothing linked since."""
    own = {stated.batch.id for stated in told.stated}
    standing = sorted(member for member in told.published if member[0] not in own)
    linked_before = told.run is not None and told.run.at <= delivered.at
    return linked_before and sorted(delivered.cut.members) == standing


def _received(
    ledger: Ledger,
    lake: Lake,
    told: _Delivered,
    stated: Sequence[_Stated],
    sources: Sequence[str] | None,
    broken: Collection[str],
) -> Iterator[Discrepancy]:
    with ledger.read() as tx:
        files = stored.cut_files(tx, told.cut.id, FileKind.RESOURCES, sources)
        excluded = items.excluded(tx, sources)
        source_of = {batch.id: batch.source for batch in batches.found(tx)}
    files += [file for one in stated for file in one.files]
    if any(file.name in broken for file in files):
        return
    with lake.view(stored.as_view_files(files), excluded) as view:
        yield from _standing(told, view)
        yield from _told_to_hospitals(told, view, [tree for one in stated for tree in one.trees or ()], source_of)


def _standing(told: _Delivered, view: CurrentView) -> Iterator[Discrepancy]:
    """What was received is what stands in the cut, and what of the directory is named by what left."""
    states = told.counted.get(told.target, {})
    standing = sum(view.count_by_type().values())
    directory = set(told.held)
    for part in batches_of(view.ids()):
        directory.difference_update(map(_written, part.column("id").to_pylist()))
    received, least = sum(states.values()), standing + len(directory)
    # Of what the last check refused nobody knows any more whether it was of the directory.
    if not least <= received <= least + states.get(State.QUARANTINED, 0):
        sentence = f"{told.target}: {received} resources are counted, {least} were there to be delivered"
        yield Discrepancy(told.cut.name, Stage.DELIVER, sentence)


def _told_to_hospitals(
    told: _Delivered, view: CurrentView, trees: Iterable[Mapping[str, Any]], source_of: Mapping[int, str]
) -> Iterator[Discrepancy]:
    """Each hospital is told, or told that it may not know, of every follow-up after a stay of its own people."""
    patients = {
        resource_id(key): source_of[batch_id]
        for part in batches_of(view.rows(["Patient"]))
        for key, batch_id in zip(part.column("id").to_pylist(), part.column("batch_id").to_pylist(), strict=True)
    }
    expected: Counter[str] = Counter()
    for tree in trees:
        if tree["resourceType"] == "Task" and tree["reasonReference"]["reference"].startswith("Encounter/"):
            source = patients.get(tree["for"]["reference"].removeprefix("Patient/"))
            expected[f"{_FOLLOW_UPS}{source}"] += 1
    for scope, states in sorted(told.counted.items()):
        if scope.startswith(_FOLLOW_UPS) and sum(states.values()) != expected[scope]:
            sentence = f"{scope}: {sum(states.values())} follow-ups are counted, {expected[scope]} are stated"
            yield Discrepancy(told.cut.name, Stage.DELIVER, sentence)


def _written(raw: bytes) -> bytes:
    return id_bytes(resource_id(raw))
