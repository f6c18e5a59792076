"""(source, role, fold key, order) -> (batch, row): where every version of every key lies.

A role is which key of the source it is (a table's record key, a stay, a patient). One entry per record and role,
inserted sorted, because fold keys are random and a B-tree pays for each page it touches.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa

from passerelle.stores.ledger import names
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import key_index as table
from passerelle.stores.ledger.writing import chunks

_SOURCE, _ROLE = "source", "key role"
_COLUMNS = "source_id, role, fold, ord, batch_id, row, digest"


class Entry(NamedTuple):
    """One version of one key: its order, where its record lies, and the hash of its bytes."""

    fold: bytes
    ord: str
    batch_id: int
    row: int
    digest: bytes


def insert(tx: Transaction, source: str, role: str, entries: Iterable[Entry]) -> int:
    """The entries are in the index; how many they are is returned."""
    rows = sorted(entries)
    source_id, role_id = names.number(tx, _SOURCE, source), names.number(tx, _ROLE, role)
    if not rows:
        return 0
    if tx.is_sqlite:
        prefix = (source_id, role_id)
        tx.connection.exec_driver_sql(
            f"INSERT INTO key_index ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 our own names
            [prefix + row for row in rows],
        )
        return len(rows)
    with tx.driver().cursor() as cursor, cursor.copy(f"COPY key_index ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int2", "int2", "bytea", "text", "int8", "int8", "bytea"])
        for row in rows:
            copy.write_row((source_id, role_id, *row))
    return len(rows)


def lookup(tx: Transaction, source: str, role: str, folds: Collection[bytes]) -> list[Entry]:
    """Every version of these keys, sorted by key, order, batch and row."""
    source_id, role_id = names.find(tx, _SOURCE, source), names.find(tx, _ROLE, role)
    if source_id is None or role_id is None:
        return []
    wanted = sorted(set(folds))
    rows = (
        _sqlite_rows(tx, source_id, role_id, wanted) if tx.is_sqlite else _postgres_rows(tx, source_id, role_id, wanted)
    )
    return [Entry._make(row) for row in sorted(rows)]


_PLACES = 800


def _sqlite_rows(tx: Transaction, source_id: int, role_id: int, folds: list[bytes]) -> Iterator[tuple[Any, ...]]:
    for chunk in chunks(folds, _PLACES):
        # One text for all full chunks, so that it is prepared once; the last value fills what is left.
        full = chunk + [chunk[-1]] * (_PLACES - len(chunk)) if len(folds) > _PLACES else chunk
        places = ", ".join("?" * len(full))
        yield from tx.driver().execute(
            "SELECT fold, ord, batch_id, row, digest FROM key_index "  # noqa: S608 only question marks
            f"WHERE source_id = ? AND role = ? AND fold IN ({places})",
            (source_id, role_id, *full),
        )


def _postgres_rows(tx: Transaction, source_id: int, role_id: int, folds: list[bytes]) -> Iterator[tuple[Any, ...]]:
    for chunk in chunks(folds, 20_000):
        with tx.driver().cursor(binary=True) as cursor:
            cursor.execute(
                "SELECT fold, ord, batch_id, row, digest FROM key_index "
                "WHERE source_id = %s AND role = %s AND fold = ANY(%s)",
                (source_id, role_id, chunk),
            )
            yield from cursor.fetchall()


def newest(tx: Transaction, source: str, role: str, folds: Collection[bytes]) -> dict[bytes, Entry]:
    """For each of these keys that is known, its version of the highest order (of those, the last batch and row)."""
    return {entry.fold: entry for entry in lookup(tx, source, role, folds)}


def rows_by_batch(tx: Transaction) -> Iterator[tuple[int, int, bytes]]:
    """(batch, row, fold) of every entry of the index, in no order that means anything."""
    asked = sa.select(table.c.batch_id, table.c.row, table.c.fold).execution_options(yield_per=20_000)
    for row in tx.connection.execute(asked):
        yield row.batch_id, row.row, bytes(row.fold)


def keys_by_row(tx: Transaction) -> Iterator[tuple[int, int, str, bytes]]:
    """(batch, row, role, fold) of every entry of the index, in no order that means anything."""
    roles = names.all_of(tx, _ROLE)
    asked = sa.select(table.c.batch_id, table.c.row, table.c.role, table.c.fold).execution_options(yield_per=20_000)
    for row in tx.connection.execute(asked):
        yield row.batch_id, row.row, roles[row.role], bytes(row.fold)


def forget(tx: Transaction, batch_id: int, rows: Collection[int]) -> None:
    """These records of the batch have no entry: for rows that are out of scope or erased after all."""
    for chunk in chunks(sorted(rows)):
        tx.run(table.delete().where(table.c.batch_id == batch_id, table.c.row.in_(chunk)))
