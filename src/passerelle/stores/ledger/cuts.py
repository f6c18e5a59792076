"""Cuts: named lists of published (batch, generation). What link, deliver and report say is said of one cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from passerelle.errors import UsageError
from passerelle.records import Stage, State
from passerelle.stores.ledger import instants, leases, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.tables import cut_members, cut_tallies
from passerelle.stores.ledger.tables import cuts as table


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut, with the (batch, generation) it names, by batch."""

    id: int
    name: str
    created_at: int
    members: tuple[tuple[int, int], ...]


def make(
    tx: Transaction, lease: Lease, name: str, members: Sequence[tuple[int, int]], *, now: int | None = None
) -> Cut:
    """The cut is written; its name was free before."""
    leases.confirm(tx, lease)
    created_at = instants.now() if now is None else now
    made = tx.run(table.insert().values(name=name, created_at=created_at)).inserted_primary_key
    assert made is not None
    rows = [{"cut_id": made[0], "batch_id": batch, "generation": generation} for batch, generation in sorted(members)]
    tx.insert(cut_members, rows)
    return Cut(made[0], name, created_at, tuple(sorted(members)))


def by_name(tx: Transaction, name: str) -> Cut:
    """The cut.

    Raises:
        UsageError: the ledger has none of this name.
    """
    row = tx.one(sa.select(table).where(table.c.name == name))
    if row is None:
        raise UsageError(f"the ledger has no cut {name}")
    return _cut(tx, row)


def last(tx: Transaction) -> Cut | None:
    """The newest cut, or None."""
    row = tx.one(sa.select(table).order_by(table.c.id.desc()).limit(1))
    return None if row is None else _cut(tx, row)


def _cut(tx: Transaction, row: sa.Row[tuple[int, str, int]]) -> Cut:
    asked = sa.select(cut_members).where(cut_members.c.cut_id == row.id).order_by(cut_members.c.batch_id)
    members = tuple((member.batch_id, member.generation) for member in tx.rows(asked))
    return Cut(row.id, row.name, row.created_at, members)


def put_tallies(
    tx: Transaction, lease: Lease, cut_id: int, stage: Stage, scope: str, counts: Mapping[State, int]
) -> None:
    """The stage's tallies of the cut for this scope (a pathway, a target, a feed) are these, and no others."""
    leases.confirm(tx, lease)
    chosen = (cut_tallies.c.cut_id == cut_id, cut_tallies.c.stage == stage.value, cut_tallies.c.scope == scope)
    tx.run(cut_tallies.delete().where(*chosen))
    rows = [
        {"cut_id": cut_id, "stage": stage.value, "scope": scope, "state": state.value, "count": count}
        for state, count in sorted(counts.items())
    ]
    tx.insert(cut_tallies, rows)


def tallies(tx: Transaction, cut_id: int) -> dict[tuple[Stage, str, State], int]:
    """The tallies of the cut."""
    counted = (cut_tallies.c.stage, cut_tallies.c.scope, cut_tallies.c.state, cut_tallies.c.count.label("number"))
    rows = tx.rows(sa.select(*counted).where(cut_tallies.c.cut_id == cut_id))
    return {(Stage(row.stage), row.scope, State(row.state)): int(row.number) for row in rows}


def note_tallies(tx: Transaction, rows: Sequence[dict[str, object]]) -> None:
    """Tallies grew by these rows."""
    writing.add_up(tx, cut_tallies, "count", rows)
