"""Short numbers for names that millions of rows repeat, and counters that only go up."""

import sqlalchemy as sa

from passerelle.stores.ledger import writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import counters, names


def find(tx: Transaction, kind: str, text: str) -> int | None:
    """The number of the name, or None if it never got one."""
    found = tx.one(sa.select(names.c.number).where(names.c.kind == kind, names.c.text == text))
    return None if found is None else int(found.number)


def number(tx: Transaction, kind: str, text: str) -> int:
    """The number of the name, given now if it had none."""
    found = find(tx, kind, text)
    if found is not None:
        return found
    given = next_of(tx, f"names:{kind}")
    writing.put_new(tx, names, [{"kind": kind, "text": text, "number": given}])
    found = find(tx, kind, text)
    assert found is not None
    return found


def all_of(tx: Transaction, kind: str) -> dict[int, str]:
    """Every number of the kind, with its name."""
    return {row.number: row.text for row in tx.rows(sa.select(names).where(names.c.kind == kind))}


def next_of(tx: Transaction, counter: str, count: int = 1) -> int:
    """The first of `count` numbers that nobody else gets; they follow one another. The first ever is 1."""
    writing.add_up(tx, counters, "value", [{"name": counter, "value": count}])
    return tx.number(sa.select(counters.c.value).where(counters.c.name == counter)) - count + 1
