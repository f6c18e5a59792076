"""Every wrapped data key in the ledger, for a rotation of the vault key."""

from collections.abc import Callable

import sqlalchemy as sa

from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import batches, files, watermarks, windows

_PLACES = (
    (batches, batches.c.wrapped_key),
    (files, files.c.wrapped_key),
    (windows, windows.c.sealed),
    (watermarks, watermarks.c.value),
)


def change_all(tx: Transaction, change: Callable[[bytes], bytes]) -> int:
    """Each wrapped key, and each sealed value with a wrapped key in front, is what `change` made of it; returns how many changed."""
    changed = 0
    for table, column in _PLACES:
        keys = list(table.primary_key)
        for row in tx.rows(sa.select(*keys, column.label("wrapped")).where(column.is_not(None))):
            before = bytes(row.wrapped)
            after = change(before)
            if after != before:
                same = [key == value for key, value in zip(keys, row, strict=False)]
                tx.run(table.update().where(*same).values({column.name: after}))
                changed += 1
    return changed
