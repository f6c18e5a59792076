"""The contracts of each digest, kept so that an old batch can be explained under the contract that mapped it."""

import pyarrow as pa
import sqlalchemy as sa

from passerelle.stores.ledger import instants, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import contracts as table


def keep(tx: Transaction, digest: str, body: bytes, *, now: int | None = None) -> None:
    """The contracts of the digest are kept, compressed; kept twice is kept once."""
    packed = len(body).to_bytes(8, "big") + pa.Codec("zstd", compression_level=9).compress(body, asbytes=True)
    row = {"digest": digest, "body": packed, "kept_at": instants.now() if now is None else now}
    writing.put_new(tx, table, [row])


def of(tx: Transaction, digest: str) -> bytes | None:
    """The contracts of the digest as they were kept, or None."""
    row = tx.one(sa.select(table.c.body).where(table.c.digest == digest))
    if row is None:
        return None
    packed = bytes(row.body)
    body: bytes = pa.Codec("zstd").decompress(packed[8:], int.from_bytes(packed[:8], "big"), asbytes=True)
    return body
