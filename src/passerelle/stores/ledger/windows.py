"""Windows: what a land is about to read, written before it reads. And how far each table was read.

Bounds in the clear hold no value of a person (hashes of files, dates of reading); a cursor that may be one is
sealed by the vault before it comes here.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from passerelle.stores.ledger import instants, leases, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.tables import watermarks
from passerelle.stores.ledger.tables import windows as table

OPEN, DONE = "open", "done"


@dataclass(frozen=True, slots=True)
class Window:
    """One table's window; `bounds` is JSON, `sealed` the part of it that may tell of a person."""

    id: int
    source: str
    table: str
    state: str
    bounds: str
    sealed: bytes | None
    batch_id: int | None


def _window(row: sa.Row[Any]) -> Window:
    sealed = None if row.sealed is None else bytes(row.sealed)
    return Window(row.id, row.source, row.tbl, row.state, row.bounds, sealed, row.batch_id)


def open_one(
    tx: Transaction,
    lease: Lease,
    *,
    source: str,
    table_name: str,
    bounds: str,
    sealed: bytes | None = None,
    now: int | None = None,
) -> Window:
    """The table's open window: the one left open by a land that stopped, else a new one with these bounds."""
    leases.confirm(tx, lease)
    left = left_open(tx, source, table_name)
    if left is not None:
        return left
    values = {
        "source": source,
        "tbl": table_name,
        "state": OPEN,
        "bounds": bounds,
        "sealed": sealed,
        "opened_at": instants.now() if now is None else now,
    }
    made = tx.run(table.insert().values(values)).inserted_primary_key
    assert made is not None
    return by_id(tx, made[0])


def left_open(tx: Transaction, source: str, table_name: str) -> Window | None:
    """The window of the table that is still open, or None."""
    asked = sa.select(table).where(table.c.source == source, table.c.tbl == table_name, table.c.state == OPEN)
    row = tx.one(asked.order_by(table.c.id))
    return None if row is None else _window(row)


def by_id(tx: Transaction, window_id: int) -> Window:
    """The window."""
    return _window(tx.rows(sa.select(table).where(table.c.id == window_id))[0])


def join_batch(tx: Transaction, lease: Lease, window_id: int, batch_id: int) -> None:
    """The window says which batch it became."""
    leases.confirm(tx, lease)
    tx.run(table.update().where(table.c.id == window_id).values(batch_id=batch_id))


def close(tx: Transaction, lease: Lease, window_id: int, *, now: int | None = None) -> None:
    """The window is done; the next land of the table opens another."""
    leases.confirm(tx, lease)
    closed_at = instants.now() if now is None else now
    tx.run(table.update().where(table.c.id == window_id).values(state=DONE, closed_at=closed_at))


def watermark(tx: Transaction, source: str, table_name: str) -> bytes | None:
    """How far the table was read, as it was set; None if it never was."""
    asked = sa.select(watermarks.c.value).where(watermarks.c.source == source, watermarks.c.tbl == table_name)
    row = tx.one(asked)
    return None if row is None else bytes(row.value)


def set_watermark(
    tx: Transaction, lease: Lease, source: str, table_name: str, value: bytes, window_id: int | None = None
) -> None:
    """The next window begins here. `value` is sealed by the vault: a cursor may tell of a person."""
    leases.confirm(tx, lease)
    row = {"source": source, "tbl": table_name, "value": value, "window_id": window_id}
    writing.put(tx, watermarks, [row])
