"""Consents, oppositions and care teams as the gate asks for them: a projection of the current view of each source."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from passerelle.stores.ledger import leases, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.tables import care_team_members as members
from passerelle.stores.ledger.tables import consents as table

T = TypeVar("T", "StoredConsent", "StoredMember")


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A consent or opposition. Days are ISO texts; purposes and data classes are codes, none means all."""

    source: str
    subject_id: bytes
    kind: str
    type: str
    grantee: str | None
    purposes: tuple[str, ...]
    classes: tuple[str, ...]
    collected_on: str | None
    how: str | None
    from_day: str | None
    to_day: str | None
    withdrawn_on: str | None
    batch_id: int
    row: int


@dataclass(frozen=True, slots=True)
class StoredMember:
    """An organisation that takes part in the care of a subject, why, and between which days."""

    source: str
    subject_id: bytes
    organisation: str
    basis: str | None
    from_day: str | None
    to_day: str | None
    batch_id: int
    row: int


def _coded(codes: tuple[str, ...]) -> str:
    return " ".join(codes)


def _decoded(text: str) -> tuple[str, ...]:
    return tuple(text.split(" ")) if text else ()


def _consent(row: sa.Row[Any]) -> StoredConsent:
    return StoredConsent(
        row.source,
        bytes(row.subject_id),
        row.kind,
        row.type,
        row.grantee,
        _decoded(row.purposes),
        _decoded(row.classes),
        row.collected_on,
        row.how,
        row.from_day,
        row.to_day,
        row.withdrawn_on,
        row.batch_id,
        row.row,
    )


def _member(row: sa.Row[Any]) -> StoredMember:
    return StoredMember(
        row.source,
        bytes(row.subject_id),
        row.organisation,
        row.basis,
        row.from_day,
        row.to_day,
        row.batch_id,
        row.row,
    )


def replace(
    tx: Transaction,
    lease: Lease,
    source: str,
    consents: Iterable[StoredConsent],
    care_teams: Iterable[StoredMember],
) -> None:
    """What the source says is this and nothing else. A row that says what is still said is not touched."""
    leases.confirm(tx, lease)
    fresh = _put_right(tx, table, consents, ((row.id, _consent(row)) for row in _rows(tx, table, source)))
    coded = [{**_values(one), "purposes": _coded(one.purposes), "classes": _coded(one.classes)} for one in fresh]
    tx.insert(table, coded)
    joined = _put_right(tx, members, care_teams, ((row.id, _member(row)) for row in _rows(tx, members, source)))
    tx.insert(members, [_values(one) for one in joined])


def _put_right(tx: Transaction, held: sa.Table, told: Iterable[T], rows: Iterable[tuple[int, T]]) -> list[T]:
    """Rows that say what is no longer told are gone; what is told and in no row is returned."""
    left = Counter(told)
    gone = []
    for number, one in rows:
        if left[one]:
            left[one] -= 1
        else:
            gone.append(number)
    for chunk in writing.chunks(gone):
        tx.run(held.delete().where(held.c.id.in_(chunk)))
    return list(left.elements())


def _values(one: StoredConsent | StoredMember) -> dict[str, Any]:
    """By field, as `asdict` tells it, without copying what cannot be changed."""
    return {name: getattr(one, name) for name in one.__slots__}


def consents_of(tx: Transaction, source: str | None = None) -> list[StoredConsent]:
    """Consents and oppositions, of one source or all, in a fixed order."""
    return sorted(
        (_consent(row) for row in _rows(tx, table, source)),
        key=lambda told: (
            told.source,
            told.subject_id,
            told.batch_id,
            told.row,
            told.kind,
            told.type,
            told.grantee or "",
        ),
    )


def care_teams_of(tx: Transaction, source: str | None = None) -> list[StoredMember]:
    """Care team members, of one source or all, in a fixed order."""
    return sorted(
        (_member(row) for row in _rows(tx, members, source)),
        key=lambda told: (
            *(told.source, told.subject_id, told.organisation, told.batch_id, told.row),
            *(told.from_day or "", told.to_day or ""),
        ),
    )


def _rows(tx: Transaction, held: sa.Table, source: str | None) -> Sequence[sa.Row[Any]]:
    asked = sa.select(held)
    return tx.rows(asked if source is None else asked.where(held.c.source == source))
