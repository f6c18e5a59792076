"""A fingerprint of the ledger: how many rows each table has and a hash over them, for saying that nothing changed.

Left out is what a run without news may change: the run log, leases, the audit of reads, and windows that became no
batch.
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import audit, audit_head, counters, leases, metadata, run_log, windows

_RUN_LOG = {run_log.name, leases.name, audit.name, audit_head.name, counters.name, "watermarks"}


def fingerprint(tx: Transaction) -> dict[str, tuple[int, str]]:
    """Per table: rows, and a hash that does not depend on their order in the database."""
    told = {}
    for table in metadata.sorted_tables:
        if table.name in _RUN_LOG:
            continue
        asked = sa.select(table)
        if table is windows:
            asked = asked.where(windows.c.batch_id.is_not(None))
        hashes = sorted(hashlib.sha256(_line(row)).digest() for row in tx.connection.execute(asked))
        told[table.name] = (len(hashes), hashlib.sha256(b"".join(hashes)).hexdigest())
    return told


def _line(row: sa.Row[Any]) -> bytes:
    values = [value.hex() if isinstance(value, bytes | memoryview) else value for value in row]
    return json.dumps(values, ensure_ascii=True, default=str).encode()
