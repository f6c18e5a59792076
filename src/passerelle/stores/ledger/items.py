"""Items that did not pass, each in one state at one stage. An item that passed has no row here.

Whoever changes an item changes the tallies of its batch in the same transaction, so the sums never drift. An
item of validate counts in `units` resources, because its record goes or stays as a whole.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from passerelle.errors import BrokenPromise
from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores.ledger import instants, tallies, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import batches
from passerelle.stores.ledger.tables import items as table

WITHHOLDING = (Stage.MAP, Stage.VALIDATE)
_EXCLUDED = pa.schema([pa.field("batch_id", pa.int64()), pa.field("row", pa.int64())])


class Item(NamedTuple):
    """One item that did not pass. Thousands are read at once, so it costs as little as can be."""

    batch_id: int
    stage: Stage
    row: int
    state: State
    reason: Reason
    place: str
    units: int
    pending_key: bytes | None
    opened_at: int
    closed_by: str | None
    detail: str | None


# Asking an enumeration costs more than all the rest of an item.
_STAGES = {one.value: one for one in Stage}
_STATES = {one.value: one for one in State}
_REASONS = {one.value: one for one in Reason}


def _item(row: Sequence[Any]) -> Item:
    batch_id, stage, number, state, reason, place, units, pending, opened_at, closed_by, detail = row
    pending_key = None if pending is None else bytes(pending)
    return Item(
        batch_id,
        _STAGES[stage],
        number,
        _STATES[state],
        _REASONS[reason],
        place,
        units,
        pending_key,
        opened_at,
        closed_by,
        detail,
    )


def put(
    tx: Transaction,
    batch_id: int,
    stops: Iterable[Stop],
    *,
    units: Mapping[int, int] | None = None,
    now: int | None = None,
) -> int:
    """The stops are items of the batch and counted; how many they are is returned.

    They are counted as received now: items counted as passed before go through `stop_passed`.

    Args:
        tx: a write transaction.
        batch_id: whose items.
        stops: what stopped.
        units: for stops of validate, how many resources the row emitted; 1 without.
        now: when they were opened.
    """
    return _put(tx, batch_id, stops, units or {}, now, from_passed=False)


def stop_passed(
    tx: Transaction,
    batch_id: int,
    stops: Iterable[Stop],
    *,
    units: Mapping[int, int] | None = None,
    now: int | None = None,
) -> int:
    """Items that had passed their stage no longer do; the sum of the stage is as before."""
    return _put(tx, batch_id, stops, units or {}, now, from_passed=True)


def _put(
    tx: Transaction,
    batch_id: int,
    stops: Iterable[Stop],
    units: Mapping[int, int],
    now: int | None,
    *,
    from_passed: bool,
) -> int:
    opened_at = instants.now() if now is None else now
    counts: Counter[tuple[Stage, State]] = Counter()
    total = 0
    for chunk in writing.chunks(stops, 5000):
        rows = []
        for stop in sorted(chunk, key=lambda stop: (stop.stage, stop.row)):
            if stop.state is State.PASSED:
                raise BrokenPromise("an item that passed has no row in the ledger")
            weight = units.get(stop.row, 1) if stop.stage is Stage.VALIDATE else 1
            counts[stop.stage, stop.state] += weight
            if from_passed:
                counts[stop.stage, State.PASSED] -= weight
            rows.append(
                {
                    "batch_id": batch_id,
                    "stage": stop.stage.value,
                    "row": stop.row,
                    "state": stop.state.value,
                    "reason": stop.reason.value,
                    "place": stop.place,
                    "units": weight,
                    "pending_key": stop.pending_key,
                    "opened_at": opened_at,
                }
            )
        tx.insert(table, rows)
        total += len(rows)
    tallies.add_many(tx, batch_id, counts)
    return total


def one(tx: Transaction, batch_id: int, stage: Stage, row: int) -> Item | None:
    """The item, or None if it passed (or never was)."""
    found = tx.one(sa.select(table).where(*_is(batch_id, stage, row)))
    return None if found is None else _item(found)


def _is(batch_id: int, stage: Stage, row: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.batch_id == batch_id, table.c.stage == stage.value, table.c.row == row)


def move(
    tx: Transaction,
    batch_id: int,
    stage: Stage,
    row: int,
    state: State,
    *,
    expected: State | None = None,
    reason: Reason | None = None,
    place: str | None = None,
    pending_key: bytes | None = None,
    by: str | None = None,
    detail: str | None = None,
) -> Item:
    """The item stands in the state and the tallies of its batch follow; the item as it was before is returned.

    Moved to `passed`, its row is gone. `by` names the person or rule that closed it.

    Raises:
        BrokenPromise: there is no such item, or it no longer stands in the state that was expected.
    """
    found = tx.one(sa.select(table).where(*_is(batch_id, stage, row)).with_for_update())
    if found is None:
        raise BrokenPromise(f"row {row} of batch {batch_id} has no open item at {stage}")
    before = _item(found)
    if expected is not None and before.state is not expected:
        raise BrokenPromise(f"row {row} of batch {batch_id} is {before.state} at {stage}, no longer {expected}")
    if state is State.PASSED:
        tx.run(table.delete().where(*_is(batch_id, stage, row)))
    else:
        changed: dict[str, Any] = {"state": state.value, "pending_key": pending_key}
        told = {"reason": reason and reason.value, "place": place, "closed_by": by, "detail": detail}
        changed.update({name: value for name, value in told.items() if value is not None})
        tx.run(table.update().where(*_is(batch_id, stage, row)).values(changed))
    if state is not before.state:
        tallies.add_many(tx, batch_id, {(stage, before.state): -before.units, (stage, state): before.units})
    return before


def release(tx: Transaction, batch_id: int, stage: Stage, rows: Iterable[int]) -> int:
    """The items of these rows passed the stage, whatever state they stood in; how many they were is returned."""
    counts: Counter[tuple[Stage, State]] = Counter()
    gone = 0
    for chunk in writing.chunks(rows):
        chosen = (table.c.batch_id == batch_id, table.c.stage == stage.value, table.c.row.in_(chunk))
        found = tx.rows(sa.select(table.c.state, table.c.units).where(*chosen))
        for row in found:
            counts[stage, State(row.state)] -= row.units
            counts[stage, State.PASSED] += row.units
        tx.run(table.delete().where(*chosen))
        gone += len(found)
    tallies.add_many(tx, batch_id, counts)
    return gone


def retract(
    tx: Transaction, batch_id: int, stops: Sequence[Stop], resources: Mapping[int, int], *, now: int | None = None
) -> None:
    """Records that had passed map no longer do, and what they emitted is received by validate no longer.

    Args:
        tx: a write transaction.
        batch_id: whose records.
        stops: stops of map, one per record.
        resources: how many resources each of their rows emitted.
        now: when the items were opened.
    """
    counts: Counter[tuple[Stage, State]] = Counter()
    gone = 0
    for chunk in writing.chunks(stops):
        chosen = (
            table.c.batch_id == batch_id,
            table.c.stage == Stage.VALIDATE.value,
            table.c.row.in_([stop.row for stop in chunk]),
        )
        stopped = {row.row: row for row in tx.rows(sa.select(table.c.row, table.c.state, table.c.units).where(*chosen))}
        tx.run(table.delete().where(*chosen))
        for stop in chunk:
            known = stopped.get(stop.row)
            units = known.units if known is not None else resources.get(stop.row, 0)
            counts[Stage.VALIDATE, State(known.state) if known is not None else State.PASSED] -= units
            gone += units
    tallies.add_many(tx, batch_id, counts)
    tallies.add_fan_out(tx, batch_id, -gone)
    stop_passed(tx, batch_id, stops, now=now)


def readmit(tx: Transaction, batch_id: int, resources: Mapping[int, int]) -> None:
    """Records stopped at map passed it, and validate received and passed the resources each row emitted."""
    release(tx, batch_id, Stage.MAP, resources)
    emitted = sum(resources.values())
    tallies.add(tx, batch_id, Stage.VALIDATE, State.PASSED, emitted)
    tallies.add_fan_out(tx, batch_id, emitted)


def found(
    tx: Transaction,
    *,
    batch_id: int | None = None,
    source: str | None = None,
    stage: Stage | None = None,
    states: Sequence[State] | None = None,
    reason: Reason | None = None,
    limit: int | None = None,
) -> list[Item]:
    """The items that fit everything that was given, by batch, stage and row."""
    asked = sa.select(table).order_by(table.c.batch_id, table.c.stage, table.c.row)
    if source is not None:
        asked = asked.join(batches, batches.c.id == table.c.batch_id).where(batches.c.source == source)
    if batch_id is not None:
        asked = asked.where(table.c.batch_id == batch_id)
    if stage is not None:
        asked = asked.where(table.c.stage == stage.value)
    if states is not None:
        asked = asked.where(table.c.state.in_([state.value for state in states]))
    if reason is not None:
        asked = asked.where(table.c.reason == reason.value)
    return [_item(row) for row in tx.rows(asked.limit(limit) if limit is not None else asked)]


def summary(tx: Transaction, source: str | None = None) -> list[tuple[str, Stage, State, Reason, str, int]]:
    """Per batch name, stage, state, reason and place: how many items."""
    columns = (batches.c.name, table.c.stage, table.c.state, table.c.reason, table.c.place)
    asked = sa.select(*columns, sa.func.count().label("number")).join(batches, batches.c.id == table.c.batch_id)
    if source is not None:
        asked = asked.where(batches.c.source == source)
    rows = tx.rows(asked.group_by(*columns).order_by(*columns))
    return [
        (row.name, Stage(row.stage), State(row.state), Reason(row.reason), row.place, int(row.number)) for row in rows
    ]


def pending_on(tx: Transaction, keys: Iterable[bytes]) -> list[Item]:
    """The items that wait for one of these keys, by batch, stage and row."""
    waiting: list[Item] = []
    for chunk in writing.chunks(sorted(set(keys))):
        chosen = (table.c.pending_key.in_(chunk), table.c.state == State.PENDING.value)
        waiting.extend(_item(row) for row in tx.rows(sa.select(table).where(*chosen)))
    return sorted(waiting, key=lambda item: (item.batch_id, item.stage, item.row))


def pending_keys(tx: Transaction, source: str) -> set[bytes]:
    """Every key that an item of the source waits for."""
    asked = (
        sa.select(table.c.pending_key)
        .join(batches, batches.c.id == table.c.batch_id)
        .where(batches.c.source == source, table.c.state == State.PENDING.value, table.c.pending_key.is_not(None))
        .distinct()
    )
    return {bytes(row.pending_key) for row in tx.rows(asked)}


def excluded(tx: Transaction, sources: Sequence[str] | None = None, *, but: Sequence[Reason] = ()) -> pa.Table:
    """The (batch_id, row) that map or validate withhold from the view, as Arrow.

    Args:
        tx: a transaction.
        sources: only batches of these sources.
        but: items pending for one of these reasons are not counted: they are being judged again.
    """
    asked = sa.select(table.c.batch_id, table.c.row).where(table.c.stage.in_([stage.value for stage in WITHHOLDING]))
    if sources is not None:
        asked = asked.join(batches, batches.c.id == table.c.batch_id).where(batches.c.source.in_(list(sources)))
    if but:
        judged = sa.and_(table.c.state == State.PENDING.value, table.c.reason.in_([reason.value for reason in but]))
        asked = asked.where(sa.not_(judged))
    pairs = tx.rows(asked.distinct())
    columns: Iterator[Any] = zip(*pairs, strict=True) if pairs else iter(((), ()))
    return pa.Table.from_arrays([pa.array(column, pa.int64()) for column in columns], schema=_EXCLUDED)


def clear_open(tx: Transaction, batch_id: int, stage: Stage) -> None:
    """Only what a person or rule closed is left of the stage's items, and of its tallies."""
    tx.run(
        table.delete().where(
            table.c.batch_id == batch_id, table.c.stage == stage.value, table.c.state != State.REJECTED.value
        )
    )
    told = tallies.of(tx, batch_id)
    tallies.add_many(
        tx, batch_id, {key: -count for key, count in told.items() if key[0] is stage and key[1] is not State.REJECTED}
    )


def clear(tx: Transaction, batch_id: int, stages: tuple[Stage, ...]) -> None:
    """The stages have no items. Tallies are the caller's."""
    tx.run(table.delete().where(table.c.batch_id == batch_id, table.c.stage.in_([stage.value for stage in stages])))
