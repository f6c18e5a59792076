"""Stopped records, tried again under today's contract. Idempotent: what stops again is as it was.

A record stopped before map is first let through land and check, and then stands at map, stopped for the same
reason, so that every sum holds if the work ends there; from map on it is evaluated like any record.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from passerelle.checking import check_partition, compile_expectations
from passerelle.contracts.house import SourceFolder
from passerelle.fold.versions import Place
from passerelle.fold.view import day_of
from passerelle.landing.classifying import Classified, Classifier
from passerelle.mapping.refreshing import Refresher
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import Asked, projection, run_source
from passerelle.records import BATCH_STAGES, PARTITION_ROWS, Reason, Stage, State, Stop
from passerelle.stores.ledger import Lease, Transaction, batches, items, key_index, stored, tallies
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.items import Item
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.ledger.stored import FileKind
from passerelle.validation.publishing import resettle

_OPEN = (State.QUARANTINED, State.PENDING)


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many records were tried again, and how many of them stand now."""

    tried: int
    passed: int


def replay(instance: Instance, source: str, *, reason: Reason | None = None, batch: str | None = None) -> Replayed:
    """Open records of published batches are tried again; batches that were stopped as a whole are run again.

    Raises:
        UsageError: the source or the batch is not known.
        Unavailable: another process works on the source.
    """
    folder = instance.folder(source)
    again = _stopped_batches(instance, source, batch) if reason in {None, Reason.BATCH_STOPPED} else []
    for stopped in again:
        with instance.lease(f"run:{source}") as lease:
            instance.stores.ledger.in_transaction(partial(batches.reopen, lease=lease, batch_id=stopped.id))
        run_source(instance, source, {}, Asked(stages=BATCH_STAGES[1:], batch=stopped.name))
    with instance.lease(f"run:{source}") as lease:
        chosen = _chosen(instance, source, reason, batch)
        by_batch: defaultdict[Batch, list[Item]] = defaultdict(list)
        for found, item in chosen:
            by_batch[found].append(item)
        for found, listed in by_batch.items():
            _let_through(instance, folder, found, [one for one in listed if one.stage in _EARLY])
        _evaluate(instance, source, by_batch, lease)
        still = {(found.id, item.row) for found, item in _chosen(instance, source, None, batch)}
    tried = {(found.id, item.row) for found, item in chosen}
    opened, standing = sum(one.records for one in again), _standing(instance, again)
    return Replayed(len(tried) + opened, len(tried - still) + standing)


def _stopped_batches(instance: Instance, source: str, batch: str | None) -> list[Batch]:
    with instance.stores.ledger.read() as tx:
        found = batches.found(tx, source=source, states=[BatchState.STOPPED])
    return [one for one in found if batch is None or one.name == batch]


def _standing(instance: Instance, again: Sequence[Batch]) -> int:
    """How many records of the batches have passed map."""
    with instance.stores.ledger.read() as tx:
        return sum(tallies.of(tx, one.id).get((Stage.MAP, State.PASSED), 0) for one in again)


_EARLY = (Stage.LAND, Stage.CHECK)


def _chosen(instance: Instance, source: str, reason: Reason | None, batch: str | None) -> list[tuple[Batch, Item]]:
    with instance.stores.ledger.read() as tx:
        found = {one.id: one for one in batches.found(tx, source=source, states=[BatchState.PUBLISHED])}
        if batch is not None:
            named = batches.by_name(tx, batch)
            found = {named.id: named} if named.id in found else {}
        listed = items.found(tx, source=source, states=_OPEN, reason=reason)
    return [(found[item.batch_id], item) for item in listed if item.batch_id in found]


def _evaluate(instance: Instance, source: str, by_batch: dict[Batch, list[Item]], lease: Lease) -> None:
    stores, tools = instance.stores, instance.tools(source)
    for found, listed in by_batch.items():
        refresher = Refresher(stores, tools, tools.evaluator())
        places = [Place(found.id, item.row) for item in listed if _stands_at_map(instance, found, item)]
        changes = refresher.again(found.table, places) if places else []
        if changes:
            resettle(
                stores,
                source,
                lease,
                changes,
                known_ids=instance.known_ids,
                project=projection(instance, source),
            )


def _stands_at_map(instance: Instance, batch: Batch, item: Item) -> bool:
    if item.stage not in _EARLY:
        return True
    with instance.stores.ledger.read() as tx:
        return items.one(tx, batch.id, Stage.MAP, item.row) is not None


def _let_through(instance: Instance, folder: SourceFolder, batch: Batch, listed: Sequence[Item]) -> None:
    """Those of the records that land and check accept today stand at map, stopped for the reason they had."""
    if not listed:
        return
    classified = _classified(instance, folder, batch, [one.row for one in listed])
    readable = {row: told for row, (told, _) in classified.items() if told.state is State.PASSED}
    refused = _refused_by_check(instance, folder, batch, {row: classified[row][1] for row in readable})
    source = folder.source.source

    def commit(tx: Transaction) -> None:
        for one in listed:
            told = readable.get(one.row)
            if told is None or one.row in refused:
                continue
            items.release(tx, batch.id, one.stage, [one.row])
            if one.stage is Stage.LAND:
                key_index.forget(tx, batch.id, [one.row])
                for role, fold in told.folds:
                    entry = Entry(fold, told.order, batch.id, one.row, told.digest)
                    key_index.insert(tx, source, role, [entry])
                tallies.add(tx, batch.id, Stage.CHECK, State.PASSED, 1)
            items.put(tx, batch.id, [Stop(one.row, Stage.MAP, State.QUARANTINED, one.reason, one.place)])

    if readable:
        instance.stores.ledger.in_transaction(commit)


def _classified(
    instance: Instance, folder: SourceFolder, batch: Batch, rows: Sequence[int]
) -> dict[int, tuple[Classified, bytes]]:
    stores = instance.stores
    classifier = Classifier(
        folder.source, batch.table, stores.keys.fold_key(folder.source.source), frozenset(folder.units)
    )
    by_part: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows:
        by_part[row // PARTITION_ROWS].append(row)
    found: dict[int, tuple[Classified, bytes]] = {}
    for part, listed in by_part.items():
        with stores.ledger.read() as tx:
            (file,) = stored.of_batch(tx, batch.id, FileKind.RECORDS, part=part)
        key = stores.vault.open_data_key(file.wrapped_key or batch.wrapped_key)
        first = part * PARTITION_ROWS
        for index, raw in stores.vault.read_rows(file, key, [row - first for row in listed]).items():
            found[first + index] = (classifier.classify(raw), raw)
    return found


def _refused_by_check(instance: Instance, folder: SourceFolder, batch: Batch, raw: dict[int, bytes]) -> set[int]:
    table = folder.source.tables[batch.table]
    classifier = Classifier(
        folder.source, batch.table, instance.stores.keys.fold_key(folder.source.source), frozenset(folder.units)
    )
    width = len(classifier.reader.slots)
    verdict = check_partition(
        [(row, classifier.reader.parse(record)[:width]) for row, record in sorted(raw.items())],
        table.columns,
        compile_expectations(table, instance.house.suites),
        day_of(instance.settings.as_of, folder.source.time_zone),
        decimal=table.dialect.decimal if table.dialect else ".",
        time_zone=folder.source.time_zone,
        null=table.dialect.null if table.dialect else ("",),
    )
    return {stop.row for stop in verdict.stops}
