"""Mapped batches become visible, in one transaction, with all that they change in other batches of their source.

Judged as sets: a record that refers to something not in the view is pending on it, and one that waited no longer
does when its target stands. What is decided is decided on the files as they will be, before anybody sees them.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pyarrow as pa

from passerelle.contracts.across_rules import AcrossRule
from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores.files import ViewFile
from passerelle.stores.lake import EXCLUDED_SCHEMA, CurrentView
from passerelle.stores.ledger import Transaction, batches, consents, findings, items, stored, supplements, tallies
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.consents import StoredConsent, StoredMember
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.ledger.supplements import Supplement
from passerelle.stores.opened import Stores
from passerelle.validation.across import Broken, broken_rules

Agreed = tuple[Sequence[StoredConsent], Sequence[StoredMember]]
Projection = Callable[[CurrentView], Agreed | None]
"""Consents and care teams of a view; nothing when they are what the ledger holds already."""
Row = tuple[int, int]
_WAITING = Reason.WAITS_FOR_TARGET


@dataclass(frozen=True, slots=True)
class _Settled:
    """What the view looks like: who waits for which target, how much each record emits, what the gate is told."""

    waiting: dict[Row, bytes]
    emitted: dict[Row, int]
    broken: Broken
    agreed: Agreed | None


def publish(
    stores: Stores,
    source: str,
    together: Sequence[Batch],
    lease: Lease,
    changes: Sequence[Supplement],
    *,
    known_ids: pa.Table,
    project: Projection,
    rules: Sequence[AcrossRule] = (),
) -> list[Batch]:
    """The batches are published; supplements of others, new references and consents count from the same moment.

    Args:
        stores: where everything lies.
        source: whose batches.
        together: mapped batches.
        lease: the source's lease.
        changes: records of this source that were evaluated again because of the batches.
        known_ids: ids that stand elsewhere (the directory); a table with a column `id`.
        project: reads consents and care teams out of the view.
        rules: what must hold between two resources; what a batch breaks is counted among its findings.

    Raises:
        StaleLease: someone took over.
        BrokenPromise: a file of the view is gone.
    """
    settled = _settle(stores, source, {batch.id for batch in together}, changes, known_ids, project, rules)

    def commit(tx: Transaction) -> list[Batch]:
        _put(tx, source, lease, changes, settled)
        return [_published(tx, batch.id, lease, settled.broken) for batch in together]

    return stores.ledger.in_transaction(commit)


def _published(tx: Transaction, batch_id: int, lease: Lease, broken: Broken) -> Batch:
    """The batch is seen; what of it does not wait has passed, and what it breaks is noted."""
    missing = tallies.fan_out(tx, batch_id) - tallies.received(tallies.of(tx, batch_id), Stage.VALIDATE)
    tallies.add(tx, batch_id, Stage.VALIDATE, State.PASSED, missing)
    noticed = {
        (Stage.VALIDATE, Reason.RULE_ACROSS, place): count for (by, place), count in broken.items() if by == batch_id
    }
    findings.add(tx, batch_id, noticed)
    return batches.advance(tx, lease, batch_id, BatchState.PUBLISHED)


def resettle(
    stores: Stores,
    source: str,
    lease: Lease,
    changes: Sequence[Supplement],
    *,
    known_ids: pa.Table,
    project: Projection,
) -> None:
    """Records that were evaluated again, without a new batch, count; references are settled anew."""
    settled = _settle(stores, source, frozenset(), changes, known_ids, project)
    stores.ledger.in_transaction(lambda tx: _put(tx, source, lease, changes, settled))


def _put(tx: Transaction, source: str, lease: Lease, changes: Sequence[Supplement], settled: _Settled) -> None:
    """What was evaluated again counts, with who waits for what and what was agreed to as the view has it."""
    for change in changes:
        supplements.apply(tx, lease, change)
    _note_waiting(tx, source, settled)
    if settled.agreed is not None:
        consents.replace(tx, lease, source, *settled.agreed)


def _settle(
    stores: Stores,
    source: str,
    fresh: AbstractSet[int],
    changes: Sequence[Supplement],
    known_ids: pa.Table,
    project: Projection,
    rules: Sequence[AcrossRule] = (),
) -> _Settled:
    with stores.ledger.read() as tx:
        files = stored.view_files(tx, [source], with_batches=fresh)
        excluded = items.excluded(tx, [source], but=[_WAITING])
        visible = fresh | {one.id for one in batches.found(tx, source=source, states=[BatchState.PUBLISHED])}
    files = [*files, *_added(files, changes, visible)]
    with stores.lake.view(files, _after(excluded, changes)) as view:
        told = view.settle(known_ids)
        waiting = {
            (batch_id, row): ref
            for batch_id, row, ref in zip(*(column.to_pylist() for column in told.columns), strict=True)
        }
        # What was agreed comes last: it stays in memory.
        broken = broken_rules(view, fresh, rules) if fresh else Broken()
        agreed = project(view)
    held = {batch_id for batch_id, _ in waiting}
    counted = stores.lake.evaluations([file for file in files if file.batch_id in held])
    numbers = zip(*(counted.column(name).to_pylist() for name in ("batch_id", "row", "resources")), strict=True)
    emitted = {(batch_id, row): count for batch_id, row, count in numbers if (batch_id, row) in waiting}
    return _Settled(waiting, emitted, broken, agreed)


def _added(files: Sequence[ViewFile], changes: Sequence[Supplement], visible: AbstractSet[int]) -> list[ViewFile]:
    latest = max((file.position for file in files), default=0)
    return [
        ViewFile(file.stored.name, change.batch_id, latest + 1)
        for change in changes
        if change.batch_id in visible
        for file in change.files
        if file.kind is FileKind.RESOURCES
    ]


def _after(excluded: pa.Table, changes: Sequence[Supplement]) -> pa.Table:
    """The rows that map and validate will withhold once the changes count."""
    pairs = set(zip(excluded.column("batch_id").to_pylist(), excluded.column("row").to_pylist(), strict=True))
    for change in changes:
        for row, verdict in change.verdicts.items():
            if verdict is None:
                pairs.discard((change.batch_id, row))
            else:
                pairs.add((change.batch_id, row))
    listed = sorted(pairs)
    arrays = [pa.array([pair[place] for pair in listed], pa.int64()) for place in (0, 1)]
    return pa.Table.from_arrays(arrays, schema=EXCLUDED_SCHEMA)


def _note_waiting(tx: Transaction, source: str, settled: _Settled) -> None:
    held = {
        (item.batch_id, item.row): item
        for item in items.found(tx, source=source, stage=Stage.VALIDATE, states=[State.PENDING], reason=_WAITING)
    }
    published = {one.id for one in batches.found(tx, source=source, states=[BatchState.PUBLISHED])}
    gone: defaultdict[int, list[int]] = defaultdict(list)
    for place in held.keys() - settled.waiting.keys():
        gone[place[0]].append(place[1])
    for batch_id, rows in gone.items():
        items.release(tx, batch_id, Stage.VALIDATE, sorted(rows))
    fresh: defaultdict[int, list[Stop]] = defaultdict(list)
    for place, ref in settled.waiting.items():
        known = held.get(place)
        if known is None:
            fresh[place[0]].append(_stop(place[1], ref))
        elif known.pending_key != ref:
            items.move(tx, place[0], Stage.VALIDATE, place[1], State.PENDING, pending_key=ref)
    for batch_id, stops in sorted(fresh.items()):
        units = {stop.row: settled.emitted.get((batch_id, stop.row), 0) for stop in stops}
        if batch_id in published:
            items.stop_passed(tx, batch_id, stops, units=units)
        else:
            items.put(tx, batch_id, stops, units=units)


def _stop(row: int, ref: bytes) -> Stop:
    return Stop(row, Stage.VALIDATE, State.PENDING, _WAITING, "reference", pending_key=ref)
