"""The audit: who did what to what, each line chained to the one before by its hash.

A changed, removed or inserted line breaks the chain; lines cut from the end disagree with the head. Whoever can
rewrite the whole table can rewrite the chain too: for that, note `head` somewhere else from time to time and give
it to `verify`.
"""

import hashlib
import json
from dataclasses import dataclass

import sqlalchemy as sa

from passerelle.stores.ledger import instants, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import audit as table
from passerelle.stores.ledger.tables import audit_head

_START = bytes(32)


@dataclass(frozen=True, slots=True)
class Head:
    """How many lines there are, and the hash of the last."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One act. `object` names a thing by id; `detail` is JSON. Neither holds a value of a person."""

    seq: int
    at: int
    actor: str
    action: str
    object: str
    detail: str


def _chained(previous: bytes, line: Line) -> bytes:
    content = json.dumps([line.seq, line.at, line.actor, line.action, line.object, line.detail], ensure_ascii=True)
    return hashlib.sha256(previous + content.encode()).digest()


def append(
    tx: Transaction, actor: str, action: str, subject: str, detail: str = "{}", *, now: int | None = None
) -> Head:
    """The act is the last line of the audit; the new head is returned."""
    writing.put_new(tx, audit_head, [{"id": 1, "seq": 0, "hash": _START}])
    # The head's row is locked until the transaction ends: two writers never chain to the same line.
    last = tx.rows(sa.select(audit_head).where(audit_head.c.id == 1).with_for_update())[0]
    line = Line(last.seq + 1, instants.now() if now is None else now, actor, action, subject, detail)
    previous = bytes(last.hash)
    chained = _chained(previous, line)
    row = {"seq": line.seq, "at": line.at, "actor": actor, "action": action, "object": subject, "detail": detail}
    tx.insert(table, [{**row, "previous": previous, "hash": chained}])
    tx.run(audit_head.update().where(audit_head.c.id == 1).values(seq=line.seq, hash=chained))
    return Head(line.seq, chained)


def head(tx: Transaction) -> Head:
    """The last line's number and hash, to be noted outside the ledger."""
    row = tx.one(sa.select(audit_head).where(audit_head.c.id == 1))
    return Head(0, _START) if row is None else Head(row.seq, bytes(row.hash))


def lines(tx: Transaction, *, after: int = 0, limit: int | None = None) -> list[Line]:
    """The lines after that number, oldest first."""
    asked = sa.select(table).where(table.c.seq > after).order_by(table.c.seq)
    rows = tx.rows(asked.limit(limit) if limit is not None else asked)
    return [Line(row.seq, row.at, row.actor, row.action, row.object, row.detail) for row in rows]


def last_of(tx: Transaction, action: str) -> Line | None:
    """The last line of this act, if there is one."""
    asked = sa.select(table).where(table.c.action == action).order_by(table.c.seq.desc())
    row = tx.one(asked.limit(1))
    return None if row is None else Line(row.seq, row.at, row.actor, row.action, row.object, row.detail)


def verify(tx: Transaction, anchor: Head | None = None) -> list[str]:
    """Sentences on what is wrong with the chain; none if every line is as it was written.

    Args:
        tx: a transaction.
        anchor: a head noted earlier outside the ledger.
    """
    problems: list[str] = []
    previous, seq = _START, 0
    for row in tx.connection.execute(sa.select(table).order_by(table.c.seq).execution_options(yield_per=5000)):
        seq += 1
        line = Line(row.seq, row.at, row.actor, row.action, row.object, row.detail)
        if row.seq != seq:
            problems.append(f"audit line {seq} is missing")
            seq = row.seq
        if bytes(row.previous) != previous:
            problems.append(f"audit line {seq} does not follow the line before it")
        if _chained(bytes(row.previous), line) != bytes(row.hash):
            problems.append(f"audit line {seq} was changed")
        previous = bytes(row.hash)
        if anchor is not None and anchor.seq == seq and anchor.hash != previous:
            problems.append(f"audit line {seq} is not the one that was noted outside")
    if head(tx) != Head(seq, previous):
        problems.append(f"the audit ends at line {seq}, its head says otherwise")
    if anchor is not None and anchor.seq > seq:
        problems.append(f"the audit ends at line {seq}, but line {anchor.seq} was noted outside")
    return problems
