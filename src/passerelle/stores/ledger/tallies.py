"""How many items stand in which state, per batch and stage. Received is the sum of the states."""

from collections.abc import Mapping

import sqlalchemy as sa

from passerelle.records import Stage, State
from passerelle.stores.ledger import writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import fan_outs
from passerelle.stores.ledger.tables import tallies as table

Tallies = dict[tuple[Stage, State], int]
_COUNTED = (table.c.batch_id, table.c.stage, table.c.state, table.c.count.label("number"))


def add(tx: Transaction, batch_id: int, stage: Stage, state: State, count: int) -> None:
    """The tally grew by `count`, which may be negative."""
    add_many(tx, batch_id, {(stage, state): count})


def add_many(tx: Transaction, batch_id: int, counts: Mapping[tuple[Stage, State], int]) -> None:
    """Each tally grew by its count."""
    rows = [
        {"batch_id": batch_id, "stage": stage.value, "state": state.value, "count": count}
        for (stage, state), count in sorted(counts.items())
        if count
    ]
    writing.add_up(tx, table, "count", rows)


def of(tx: Transaction, batch_id: int) -> Tallies:
    """The tallies of the batch; a state without items is missing or zero."""
    return {
        (Stage(row.stage), State(row.state)): int(row.number)
        for row in tx.rows(sa.select(*_COUNTED).where(table.c.batch_id == batch_id))
    }


def all_of(tx: Transaction) -> dict[int, Tallies]:
    """The tallies of every batch."""
    told: dict[int, Tallies] = {}
    for row in tx.rows(sa.select(*_COUNTED)):
        told.setdefault(row.batch_id, {})[Stage(row.stage), State(row.state)] = int(row.number)
    return told


def received(tallies: Tallies, stage: Stage) -> int:
    """How many the stage received: the sum over its states."""
    return sum(count for (at, _), count in tallies.items() if at is stage)


def add_fan_out(tx: Transaction, batch_id: int, count: int) -> None:
    """The batch's map emitted that many more resources."""
    writing.add_up(tx, fan_outs, "count", [{"batch_id": batch_id, "count": count}])


def fan_out(tx: Transaction, batch_id: int) -> int:
    """How many resources the batch's map emitted, which validate received."""
    return tx.number(sa.select(fan_outs.c.count).where(fan_outs.c.batch_id == batch_id))


def clear(tx: Transaction, batch_id: int, stages: tuple[Stage, ...]) -> None:
    """The stages have no tallies; with map, the fan-out is gone too."""
    tx.run(table.delete().where(table.c.batch_id == batch_id, table.c.stage.in_([stage.value for stage in stages])))
    if Stage.MAP in stages:
        tx.run(fan_outs.delete().where(fan_outs.c.batch_id == batch_id))
