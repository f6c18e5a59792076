"""The run log: what was run, tried, found empty. The only part of the ledger that a run without news changes."""

from dataclasses import dataclass

import sqlalchemy as sa

from passerelle.stores.ledger import instants
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import run_log as table


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the run log. `detail` is JSON without values of a person."""

    at: int
    event: str
    source: str | None
    batch_id: int | None
    detail: str


def note(
    tx: Transaction,
    event: str,
    *,
    source: str | None = None,
    batch_id: int | None = None,
    detail: str = "",
    now: int | None = None,
) -> None:
    """The event is in the run log."""
    row = {"at": instants.now() if now is None else now, "event": event, "source": source}
    tx.insert(table, [{**row, "batch_id": batch_id, "detail": detail}])


def last(tx: Transaction, count: int = 100, *, event: str | None = None, source: str | None = None) -> list[Line]:
    """The last lines, newest first."""
    asked = sa.select(table).order_by(table.c.id.desc()).limit(count)
    if event is not None:
        asked = asked.where(table.c.event == event)
    if source is not None:
        asked = asked.where(table.c.source == source)
    return [Line(row.at, row.event, row.source, row.batch_id, row.detail) for row in tx.rows(asked)]
