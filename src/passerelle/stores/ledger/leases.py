"""Leases: who works on what. The fence protects; the expiry only says when another may take over.

Expiries are instants of the host that takes the lease. A holder whose clock is wrong, or that was stopped and
comes back, still carries an old fence, and every commit compares fences inside its own transaction.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from passerelle.errors import Unavailable
from passerelle.stores.ledger import instants
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.holders import is_gone
from passerelle.stores.ledger.tables import leases


class StaleLease(Unavailable):
    """Someone else took over. What this worker did in the transaction is gone; a later run finds what is left to do."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to commit under this name, as long as nobody took a higher fence."""

    name: str
    holder: str
    fence: int


def take(tx: Transaction, name: str, holder: str, seconds: float, *, now: int | None = None) -> Lease:
    """The lease, with a fence higher than every earlier one.

    Raises:
        Unavailable: another holder has it, has not let it expire, and is not known to be gone.
    """
    now = instants.now() if now is None else now
    expires_at = now + int(seconds * 1_000_000)
    found = tx.one(sa.select(leases).where(leases.c.name == name).with_for_update())
    if found is None:
        # Two that both find nothing: the second meets the primary key, and its transaction is run again or refused.
        fresh = _insert_if_absent(tx, name, holder, expires_at)
        if fresh:
            return Lease(name, holder, 1)
        found = tx.one(sa.select(leases).where(leases.c.name == name).with_for_update())
        assert found is not None
    if found.expires_at > now and found.holder != holder and not is_gone(found.holder):
        raise Unavailable(f"{_work(name)} is under way ({_who(found.holder)}); it ends or expires by itself")
    fence = found.fence + 1
    tx.run(leases.update().where(leases.c.name == name).values(holder=holder, fence=fence, expires_at=expires_at))
    return Lease(name, holder, fence)


def _work(name: str) -> str:
    kind, _, of = name.partition(":")
    return f"another {kind} of {of}" if of else f"another {kind}"


def _who(holder: str) -> str:
    host, _, rest = holder.partition(":")
    return f"host {host}, pid {rest.partition(':')[0]}" if rest else holder


def _insert_if_absent(tx: Transaction, name: str, holder: str, expires_at: int) -> bool:
    if tx.is_sqlite:
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    fresh = insert(leases).values(name=name, holder=holder, fence=1, expires_at=expires_at)
    return tx.run(fresh.on_conflict_do_nothing().returning(leases.c.fence)).first() is not None


def confirm(tx: Transaction, lease: Lease) -> None:
    """The lease is still the newest under its name, and stays so until this transaction ends.

    Raises:
        StaleLease: someone took it since; nothing of this transaction may be committed.
    """
    found = tx.one(sa.select(leases.c.fence).where(leases.c.name == lease.name).with_for_update())
    if found is None or found.fence != lease.fence:
        raise StaleLease(
            f"the lease {lease.name} with fence {lease.fence} was taken over meanwhile: nothing of this step is kept"
        )


def renew(tx: Transaction, lease: Lease, seconds: float, *, now: int | None = None) -> None:
    """The lease expires that many seconds from now.

    Raises:
        StaleLease: someone took it since.
    """
    confirm(tx, lease)
    now = instants.now() if now is None else now
    tx.run(leases.update().where(leases.c.name == lease.name).values(expires_at=now + int(seconds * 1_000_000)))


def release(tx: Transaction, lease: Lease) -> None:
    """The lease is free if it was still ours; its fence is remembered."""
    tx.run(leases.update().where(leases.c.name == lease.name, leases.c.fence == lease.fence).values(expires_at=0))
