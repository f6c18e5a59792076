"""Statements that both databases spell alike but SQLAlchemy does not."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from passerelle.stores.ledger.connection import Transaction

CHUNK = 500
T = TypeVar("T")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most that many."""
    source = iter(values)
    while chunk := list(islice(source, size)):
        yield chunk


def _insert(tx: Transaction, table: sa.Table) -> Any:
    return sqlite.insert(table) if tx.is_sqlite else postgresql.insert(table)


def put(tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Each row is there with these values, whether its primary key was there before or not."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = _insert(tx, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    tx.run(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def put_new(tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Each row is there; one whose key was there before is as it was."""
    if rows:
        tx.run(_insert(tx, table).on_conflict_do_nothing(), rows)


def put_other(
    tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]], keys: Sequence[str], says: Sequence[str]
) -> None:
    """Each row is there; one whose keys were there before is replaced if it differs in a column of `says`."""
    if not rows:
        return
    statement = _insert(tx, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    differs = sa.or_(*(table.c[name] != statement.excluded[name] for name in says))
    tx.run(statement.on_conflict_do_update(index_elements=list(keys), set_=changed, where=differs), rows)


def add_up(tx: Transaction, table: sa.Table, column: str, rows: Sequence[dict[str, Any]]) -> None:
    """The number in the column grew by that of each row; a row that was missing counts as zero."""
    if not rows:
        return
    keys = [key.name for key in table.primary_key]
    statement = _insert(tx, table)
    grown = {column: table.c[column] + statement.excluded[column]}
    tx.run(statement.on_conflict_do_update(index_elements=keys, set_=grown), rows)
