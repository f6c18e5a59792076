"""Links: statements of link with their evidence, and decisions of persons. Statements are replaced, decisions kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from passerelle.stores.ledger import instants, leases, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.tables import decisions
from passerelle.stores.ledger.tables import links as table


@dataclass(frozen=True, slots=True)
class Link:
    """Two things of one kind of link, the lower id on the left where it has no direction. `evidence` is JSON without values."""

    kind: str
    left: bytes
    right: bytes
    state: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a named person decided about a link. The last decision on a link counts."""

    kind: str
    left: bytes
    right: bytes
    verdict: str
    decided_by: str
    decided_at: int
    because: str


def replace(tx: Transaction, lease: Lease, cut_id: int, kind: str, stated: Iterable[Link]) -> int:
    """The links of the kind are these, stated for the cut, and no others; how many they are is returned."""
    leases.confirm(tx, lease)
    tx.run(table.delete().where(table.c.kind == kind))
    return _put(tx, cut_id, stated)


def put(tx: Transaction, lease: Lease, cut_id: int, stated: Iterable[Link]) -> int:
    """These links are stated for the cut; others stay. How many they are is returned."""
    leases.confirm(tx, lease)
    return _put(tx, cut_id, stated)


def _put(tx: Transaction, cut_id: int, stated: Iterable[Link]) -> int:
    count = 0
    for chunk in writing.chunks(stated, 5000):
        rows = [
            {
                "kind": link.kind,
                "left_id": link.left,
                "right_id": link.right,
                "state": link.state,
                "evidence": link.evidence,
                "cut_id": cut_id,
            }
            for link in chunk
        ]
        writing.put(tx, table, rows)
        count += len(rows)
    return count


def _link(row: sa.Row[Any]) -> Link:
    return Link(row.kind, bytes(row.left_id), bytes(row.right_id), row.state, row.evidence)


def found(tx: Transaction, kind: str, *, states: Sequence[str] | None = None, limit: int | None = None) -> list[Link]:
    """The links of the kind, by their ids."""
    asked = sa.select(table).where(table.c.kind == kind).order_by(table.c.left_id, table.c.right_id)
    if states is not None:
        asked = asked.where(table.c.state.in_(list(states)))
    return [_link(row) for row in tx.rows(asked.limit(limit) if limit is not None else asked)]


def touching(tx: Transaction, kind: str, ids: Iterable[bytes]) -> list[Link]:
    """The links of the kind with one of these ids on either side, by their ids."""
    links: set[Link] = set()
    for chunk in writing.chunks(sorted(set(ids))):
        either = sa.or_(table.c.left_id.in_(chunk), table.c.right_id.in_(chunk))
        links.update(_link(row) for row in tx.rows(sa.select(table).where(table.c.kind == kind, either)))
    return sorted(links, key=lambda link: (link.left, link.right))


def decide(
    tx: Transaction,
    kind: str,
    left: bytes,
    right: bytes,
    verdict: str,
    decided_by: str,
    because: str = "",
    *,
    now: int | None = None,
) -> None:
    """The person's decision on the link is the last one."""
    row = {"kind": kind, "left_id": left, "right_id": right, "verdict": verdict, "decided_by": decided_by}
    tx.insert(decisions, [{**row, "decided_at": instants.now() if now is None else now, "because": because}])


def decided(tx: Transaction, kind: str) -> dict[tuple[bytes, bytes], Decision]:
    """The last decision on each link of the kind on which there is one."""
    rows = tx.rows(sa.select(decisions).where(decisions.c.kind == kind).order_by(decisions.c.id))
    return {
        (bytes(row.left_id), bytes(row.right_id)): Decision(
            row.kind, bytes(row.left_id), bytes(row.right_id), row.verdict, row.decided_by, row.decided_at, row.because
        )
        for row in rows
    }
