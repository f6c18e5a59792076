"""Batches: what was landed together, how far it is, and what each stage committed.

Every function that commits takes a lease and refuses when someone else took it over. Files, items and tallies of
a partition are named in one transaction, once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from passerelle.errors import BrokenPromise, UsageError
from passerelle.records import Stage, State, Stop
from passerelle.stores.ledger import findings as findings_
from passerelle.stores.ledger import instants, items, leases, names, stored, tallies
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.findings import Counted
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.stored import NewFile
from passerelle.stores.ledger.tables import batches as table
from passerelle.stores.ledger.tables import parts


class BatchState(StrEnum):
    """How far a batch is. Only a published one is seen by others."""

    LANDING = "landing"
    LANDED = "landed"
    CHECKED = "checked"
    MAPPED = "mapped"
    PUBLISHED = "published"
    STOPPED = "stopped"


_NEXT = {
    BatchState.LANDING: {BatchState.LANDED, BatchState.STOPPED},
    BatchState.LANDED: {BatchState.CHECKED, BatchState.STOPPED},
    BatchState.CHECKED: {BatchState.MAPPED, BatchState.STOPPED},
    BatchState.MAPPED: {BatchState.PUBLISHED, BatchState.STOPPED},
    BatchState.PUBLISHED: set[BatchState](),
    BatchState.STOPPED: {BatchState.LANDED},
}


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the ledger knows it."""

    id: int
    name: str
    source: str
    table: str
    seq: int
    window_id: int | None
    state: BatchState
    records: int
    partitions: int
    contract_digest: str
    wrapped_key: bytes
    generation: int
    note: str
    opened_at: int
    published_at: int | None


def _batch(row: sa.Row[Any]) -> Batch:
    return Batch(
        row.id,
        row.name,
        row.source,
        row.tbl,
        row.seq,
        row.window_id,
        BatchState(row.state),
        row.records,
        row.partitions,
        row.contract_digest,
        bytes(row.wrapped_key),
        row.generation,
        row.note,
        row.opened_at,
        row.published_at,
    )


def start(
    tx: Transaction,
    lease: Lease,
    *,
    source: str,
    table_name: str,
    window_id: int | None,
    wrapped_key: bytes,
    contract_digest: str,
    note: str = "",
    now: int | None = None,
) -> Batch:
    """A batch in state landing; its number follows that of the last batch of the table."""
    leases.confirm(tx, lease)
    seq = names.next_of(tx, f"batch:{source}:{table_name}")
    values = {
        "name": f"{source}-{table_name}-{seq:06d}",
        "source": source,
        "tbl": table_name,
        "seq": seq,
        "window_id": window_id,
        "state": BatchState.LANDING.value,
        "records": 0,
        "partitions": 0,
        "contract_digest": contract_digest,
        "wrapped_key": wrapped_key,
        "generation": 1,
        "note": note,
        "opened_at": instants.now() if now is None else now,
    }
    made = tx.run(table.insert().values(values)).inserted_primary_key
    assert made is not None
    return by_id(tx, made[0])


def by_id(tx: Transaction, batch_id: int) -> Batch:
    """The batch.

    Raises:
        BrokenPromise: the ledger has none with this number.
    """
    row = tx.one(sa.select(table).where(table.c.id == batch_id))
    if row is None:
        raise BrokenPromise(f"the ledger has no batch {batch_id}")
    return _batch(row)


def by_name(tx: Transaction, name: str) -> Batch:
    """The batch.

    Raises:
        UsageError: the ledger has none of this name.
    """
    row = tx.one(sa.select(table).where(table.c.name == name))
    if row is None:
        raise UsageError(f"the ledger has no batch {name}")
    return _batch(row)


def found(
    tx: Transaction,
    *,
    source: str | None = None,
    table_name: str | None = None,
    states: Sequence[BatchState] | None = None,
) -> list[Batch]:
    """The batches that fit everything that was given, oldest first."""
    asked = sa.select(table).order_by(table.c.id)
    if source is not None:
        asked = asked.where(table.c.source == source)
    if table_name is not None:
        asked = asked.where(table.c.tbl == table_name)
    if states is not None:
        asked = asked.where(table.c.state.in_([state.value for state in states]))
    return [_batch(row) for row in tx.rows(asked)]


def parts_done(tx: Transaction, batch_id: int, stage: Stage) -> set[int]:
    """The partitions that the stage has committed for the batch's newest generation."""
    asked = (
        sa.select(parts.c.part)
        .join(table, sa.and_(table.c.id == parts.c.batch_id, table.c.generation == parts.c.generation))
        .where(parts.c.batch_id == batch_id, parts.c.stage == stage.value)
    )
    return {row.part for row in tx.rows(asked)}


def commit_part(
    tx: Transaction,
    lease: Lease,
    batch_id: int,
    stage: Stage,
    part: int,
    *,
    passed: int,
    files: Sequence[NewFile] = (),
    stops: Iterable[Stop] = (),
    units: Mapping[int, int] | None = None,
    fan_out: int = 0,
    findings: Counted | None = None,
    now: int | None = None,
) -> None:
    """What the stage did with one partition is in the ledger: its files, its items, its tallies. Once.

    Args:
        tx: a write transaction.
        lease: the stage's lease.
        batch_id: the batch.
        stage: who commits.
        part: the partition.
        passed: how many items passed this stage.
        files: durable files, named from now on.
        stops: items of this stage (map also gives those of validate: what structure refused).
        units: for stops of validate, how many resources each row emitted.
        fan_out: how many resources map emitted, refused ones included.
        findings: what was noticed.
        now: when.

    Raises:
        StaleLease: someone took over.
        BrokenPromise: the partition was committed before.
    """
    leases.confirm(tx, lease)
    batch = by_id(tx, batch_id)
    if part in parts_done(tx, batch_id, stage):
        raise BrokenPromise(f"partition {part} of {batch.name} was committed by {stage} before")
    tx.insert(
        parts,
        [
            {
                "batch_id": batch_id,
                "stage": stage.value,
                "generation": batch.generation,
                "part": part,
                "fence": lease.fence,
            }
        ],
    )
    stored.add(tx, batch_id, stage, batch.generation, batch.contract_digest, files)
    items.put(tx, batch_id, stops, units=units, now=now)
    tallies.add(tx, batch_id, stage, State.PASSED, passed)
    if stage is Stage.MAP:
        tallies.add_fan_out(tx, batch_id, fan_out)
    findings_.add(tx, batch_id, findings or {})


def advance(
    tx: Transaction,
    lease: Lease,
    batch_id: int,
    state: BatchState,
    *,
    records: int | None = None,
    partitions: int | None = None,
    contract_digest: str | None = None,
    now: int | None = None,
) -> Batch:
    """The batch is in the state. Published, everybody sees it, from the end of this transaction on.

    Raises:
        StaleLease: someone took over.
        BrokenPromise: the batch cannot get there from where it is.
    """
    leases.confirm(tx, lease)
    batch = by_id(tx, batch_id)
    if state not in _NEXT[batch.state]:
        raise BrokenPromise(f"{batch.name} is {batch.state} and cannot become {state}")
    changed: dict[str, Any] = {"state": state.value}
    told = {"records": records, "partitions": partitions, "contract_digest": contract_digest}
    changed.update({name: value for name, value in told.items() if value is not None})
    if state is BatchState.PUBLISHED:
        changed["published_at"] = instants.now() if now is None else now
    tx.run(table.update().where(table.c.id == batch_id).values(changed))
    return by_id(tx, batch_id)


def reopen(tx: Transaction, lease: Lease, batch_id: int) -> Batch:
    """A batch that check stopped stands as landed again: what check said of it is gone, but for what a person closed.

    Raises:
        StaleLease: someone took over.
        BrokenPromise: the batch was not stopped.
    """
    batch = advance(tx, lease, batch_id, BatchState.LANDED)
    tx.run(parts.delete().where(parts.c.batch_id == batch_id, parts.c.stage == Stage.CHECK.value))
    items.clear_open(tx, batch_id, Stage.CHECK)
    findings_.clear(tx, batch_id, (Stage.CHECK,))
    return batch


def add_supplement(
    tx: Transaction, lease: Lease, batch_id: int, files: Sequence[NewFile], *, contract_digest: str | None = None
) -> Batch:
    """The batch has a new generation: its files and these, which hold records of it that were evaluated again.

    The caller moves items, tallies and fan-out in the same transaction.
    """
    leases.confirm(tx, lease)
    batch = by_id(tx, batch_id)
    generation = batch.generation + 1
    tx.run(table.update().where(table.c.id == batch_id).values(generation=generation))
    stored.add(tx, batch_id, Stage.MAP, generation, contract_digest or batch.contract_digest, files)
    return by_id(tx, batch_id)


def replace_generation(
    tx: Transaction,
    lease: Lease,
    batch_id: int,
    *,
    contract_digest: str,
    files: Sequence[NewFile],
    stops: Iterable[Stop],
    passed: Mapping[Stage, int],
    fan_out: int,
    units: Mapping[int, int] | None = None,
    findings: Counted | None = None,
    now: int | None = None,
) -> Batch:
    """The batch was mapped again: the new files stand in the place of all that map wrote before, in one switch.

    Items, tallies and findings of map and validate are those given. Records that a person closed at map or validate
    are among `stops` if they are to stay closed.
    """
    leases.confirm(tx, lease)
    generation = by_id(tx, batch_id).generation + 1
    again = (Stage.MAP, Stage.VALIDATE)
    for subject in (items, tallies, findings_):
        subject.clear(tx, batch_id, again)
    stored.drop(tx, batch_id, Stage.MAP, generation)
    tx.run(table.update().where(table.c.id == batch_id).values(generation=generation, contract_digest=contract_digest))
    stored.add(tx, batch_id, Stage.MAP, generation, contract_digest, files)
    items.put(tx, batch_id, stops, units=units, now=now)
    tallies.add_many(tx, batch_id, {(stage, State.PASSED): count for stage, count in passed.items()})
    tallies.add_fan_out(tx, batch_id, fan_out)
    findings_.add(tx, batch_id, findings or {})
    return by_id(tx, batch_id)


def published(tx: Transaction) -> list[tuple[int, int]]:
    """(batch, generation) of everything published, by batch: what a cut is made of."""
    rows = tx.rows(
        sa.select(table.c.id, table.c.generation)
        .where(table.c.state == BatchState.PUBLISHED.value)
        .order_by(table.c.id)
    )
    return [(row.id, row.generation) for row in rows]
