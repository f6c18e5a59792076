"""What was noticed without stopping anything, and which codes and columns were used: counts, never values of a person."""

from collections import Counter
from collections.abc import Iterable

import sqlalchemy as sa

from passerelle.records import Finding, Reason, Stage
from passerelle.stores.ledger import writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import findings as table
from passerelle.stores.ledger.tables import uses

Counted = dict[tuple[Stage, Reason, str], int]
_COUNTED = (table.c.stage, table.c.reason, table.c.place, table.c.count.label("number"))


def count(findings: Iterable[Finding]) -> Counted:
    """How often each finding was made."""
    return dict(Counter((finding.stage, finding.reason, finding.place) for finding in findings))


def add(tx: Transaction, batch_id: int, counted: Counted) -> None:
    """The batch's findings grew by these."""
    rows = [
        {"batch_id": batch_id, "stage": stage.value, "reason": reason.value, "place": place, "count": number}
        for (stage, reason, place), number in sorted(counted.items())
        if number
    ]
    writing.add_up(tx, table, "count", rows)


def of(tx: Transaction, batch_id: int) -> Counted:
    """The findings of the batch."""
    return {
        (Stage(row.stage), Reason(row.reason), row.place): int(row.number)
        for row in tx.rows(sa.select(*_COUNTED).where(table.c.batch_id == batch_id))
    }


def clear(tx: Transaction, batch_id: int, stages: tuple[Stage, ...]) -> None:
    """The stages have no findings."""
    tx.run(table.delete().where(table.c.batch_id == batch_id, table.c.stage.in_([stage.value for stage in stages])))


def put_use(tx: Transaction, batch_id: int, kind: str, told: str) -> None:
    """The batch's use of codes or columns (`kind`) is this JSON text: codes and counts, no other value."""
    writing.put(tx, uses, [{"batch_id": batch_id, "kind": kind, "told": told}])


def uses_of(tx: Transaction, batch_id: int) -> dict[str, str]:
    """The JSON texts put for the batch, by kind."""
    return {str(row.kind): str(row.told) for row in tx.rows(sa.select(uses).where(uses.c.batch_id == batch_id))}


def use_of(tx: Transaction, batch_id: int, kind: str) -> str | None:
    """The JSON text put for the kind, or None."""
    found = tx.one(sa.select(uses.c.told).where(uses.c.batch_id == batch_id, uses.c.kind == kind))
    return None if found is None else str(found.told)
