"""What is to be sent to whom, and what each target is known to hold. At least once on the wire, once in effect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from passerelle.stores.ledger import instants, leases, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.tables import outbox as table
from passerelle.stores.ledger.tables import receipts


class SendState(StrEnum):
    """Where a send stands. `unknown`: it may have arrived; only asking the target settles it."""

    READY = "ready"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    REFUSED = "refused"
    STOPPED = "stopped"  # withdrawn, opposed or replaced before it left


@dataclass(frozen=True, slots=True)
class Send:
    """One resource to be brought to one target. `action` is put or delete; `reason` says why something is deleted."""

    target: str
    resource_id: bytes
    type: str
    action: str
    digest: bytes
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """A send in the outbox."""

    id: int
    send: Send
    state: SendState
    reason: str
    cut_id: int
    attempts: int
    due_at: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the target is known to hold of a resource, from its last answer."""

    target: str
    resource_id: bytes
    type: str
    digest: bytes
    state: str
    version: str | None
    at: int
    cut_id: int


def enqueue(tx: Transaction, lease: Lease, cut_id: int, sends: Iterable[Send], *, now: int | None = None) -> int:
    """The sends are ready, for the cut; the same send that was there is as it was. How many were given is returned.

    A cut may be delivered again on a later day, on which a consent has run out: a send of the cut that says something
    else of a resource takes the place of what was said before.
    """
    leases.confirm(tx, lease)
    due_at = instants.now() if now is None else now
    count = 0
    for chunk in writing.chunks(sends, 5000):
        rows = [
            {
                "target": send.target,
                "resource_id": send.resource_id,
                "type": send.type,
                "action": send.action,
                "digest": send.digest,
                "state": SendState.READY.value,
                "reason": send.reason,
                "cut_id": cut_id,
                "attempts": 0,
                "due_at": due_at,
            }
            for send in chunk
        ]
        writing.put_other(tx, table, rows, ("target", "resource_id", "cut_id"), ("action", "digest"))
        count += len(rows)
    return count


def _queued(row: sa.Row[Any]) -> Queued:
    send = Send(row.target, bytes(row.resource_id), row.type, row.action, bytes(row.digest), row.reason)
    return Queued(row.id, send, SendState(row.state), row.reason, row.cut_id, row.attempts, row.due_at)


def due(
    tx: Transaction,
    target: str,
    *,
    states: Sequence[SendState] = (SendState.READY, SendState.UNKNOWN),
    limit: int = 100,
    now: int | None = None,
) -> list[Queued]:
    """The target's sends that are due, in the order they were queued."""
    moment = instants.now() if now is None else now
    chosen = (table.c.target == target, table.c.state.in_([state.value for state in states]), table.c.due_at <= moment)
    return [_queued(row) for row in tx.rows(sa.select(table).where(*chosen).order_by(table.c.id).limit(limit))]


def mark(
    tx: Transaction,
    lease: Lease,
    ids: Iterable[int],
    state: SendState,
    *,
    reason: str | None = None,
    due_at: int | None = None,
    attempted: bool = True,
) -> None:
    """The sends stand in the state; an attempt is counted unless told otherwise. A reason replaces the one before."""
    leases.confirm(tx, lease)
    values: dict[str, Any] = {"state": state.value}
    if reason is not None:
        values["reason"] = reason
    if due_at is not None:
        values["due_at"] = due_at
    if attempted:
        values["attempts"] = table.c.attempts + 1
    for chunk in writing.chunks(ids):
        tx.run(table.update().where(table.c.id.in_(chunk)).values(values))


def waiting(tx: Transaction, target: str) -> list[Queued]:
    """The target's sends that have not left, whenever they are due."""
    chosen = (table.c.target == target, table.c.state == SendState.READY.value)
    return [_queued(row) for row in tx.rows(sa.select(table).where(*chosen).order_by(table.c.id))]


def stop(tx: Transaction, resource_ids: Iterable[bytes], reason: str, *, target: str | None = None) -> int:
    """Sends of these resources that have not left are stopped; how many they were is returned."""
    stopped = 0
    for chunk in writing.chunks(sorted(set(resource_ids))):
        chosen = [table.c.resource_id.in_(chunk), table.c.state == SendState.READY.value]
        if target is not None:
            chosen.append(table.c.target == target)
        values = {"state": SendState.STOPPED.value, "reason": reason}
        stopped += tx.run(table.update().where(*chosen).values(values)).rowcount
    return stopped


def counts(tx: Transaction, target: str, cut_id: int | None = None) -> dict[SendState, int]:
    """How many sends to the target stand in each state."""
    asked = sa.select(table.c.state, sa.func.count().label("number")).where(table.c.target == target)
    if cut_id is not None:
        asked = asked.where(table.c.cut_id == cut_id)
    return {SendState(row.state): int(row.number) for row in tx.rows(asked.group_by(table.c.state))}


def put_receipts(tx: Transaction, lease: Lease, told: Iterable[Receipt]) -> None:
    """What the targets are known to hold is this, for these resources."""
    leases.confirm(tx, lease)
    for chunk in writing.chunks(told, 5000):
        writing.put(
            tx,
            receipts,
            [
                {
                    "target": receipt.target,
                    "resource_id": receipt.resource_id,
                    "type": receipt.type,
                    "digest": receipt.digest,
                    "state": receipt.state,
                    "version": receipt.version,
                    "at": receipt.at,
                    "cut_id": receipt.cut_id,
                }
                for receipt in chunk
            ],
        )


def receipts_of(tx: Transaction, target: str, resource_ids: Iterable[bytes] | None = None) -> dict[bytes, Receipt]:
    """What the target is known to hold, by resource id: of these resources, or all."""
    asked = sa.select(receipts).where(receipts.c.target == target)
    if resource_ids is None:
        rows = list(tx.rows(asked))
    else:
        chunks = writing.chunks(sorted(set(resource_ids)))
        rows = [row for chunk in chunks for row in tx.rows(asked.where(receipts.c.resource_id.in_(chunk)))]
    return {
        bytes(row.resource_id): Receipt(
            row.target, bytes(row.resource_id), row.type, bytes(row.digest), row.state, row.version, row.at, row.cut_id
        )
        for row in rows
    }
