"""Consents, oppositions and care teams as the gate asks for them: a projection of the current view of each source."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from passerelle.stores.ledger import leases, writing
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.tables import care_team_members as members
from passerelle.stores.ledger.tables import consents as table


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
    *,
    subjects: Sequence[bytes] | None = None,
) -> None:
    """What the source says is this and nothing else: of all its subjects, or of the given ones only.

    Where it says what it said before, no row is touched.
    """
    leases.confirm(tx, lease)
    consents, care_teams = list(consents), list(care_teams)
    if _is_said(consents, consents_of(tx, source, subjects)) and _is_said(
        care_teams, care_teams_of(tx, source, subjects)
    ):
        return
    for held in (table, members):
        if subjects is None:
            tx.run(held.delete().where(held.c.source == source))
        else:
            for chunk in writing.chunks(sorted(set(subjects))):
                tx.run(held.delete().where(held.c.source == source, held.c.subject_id.in_(chunk)))
    tx.insert(
        table,
        [
            {**_values(consent), "purposes": _coded(consent.purposes), "classes": _coded(consent.classes)}
            for consent in consents
        ],
    )
    tx.insert(members, [_values(member) for member in care_teams])


def _is_said(told: Sequence[StoredConsent | StoredMember], held: Sequence[StoredConsent | StoredMember]) -> bool:
    return Counter(told) == Counter(held)


def _values(one: StoredConsent | StoredMember) -> dict[str, Any]:
    """By field, as `asdict` tells it, without copying what cannot be changed."""
    return {name: getattr(one, name) for name in one.__slots__}


def consents_of(
    tx: Transaction, source: str | None = None, subjects: Iterable[bytes] | None = None
) -> list[StoredConsent]:
    """Consents and oppositions, of one source or all, of these subjects or all, in a fixed order."""
    return sorted(
        (_consent(row) for row in _rows(tx, table, source, subjects)),
        key=lambda told: (told.source, told.subject_id, told.batch_id, told.row, told.kind, told.type),
    )


def care_teams_of(
    tx: Transaction, source: str | None = None, subjects: Iterable[bytes] | None = None
) -> list[StoredMember]:
    """Care team members, of one source or all, of these subjects or all, in a fixed order."""
    return sorted(
        (_member(row) for row in _rows(tx, members, source, subjects)),
        key=lambda told: (told.source, told.subject_id, told.organisation, told.batch_id, told.row),
    )


def _rows(tx: Transaction, held: sa.Table, source: str | None, subjects: Iterable[bytes] | None) -> list[sa.Row[Any]]:
    asked = sa.select(held)
    if source is not None:
        asked = asked.where(held.c.source == source)
    if subjects is None:
        return list(tx.rows(asked))
    chunks = writing.chunks(sorted(set(subjects)))
    return [row for chunk in chunks for row in tx.rows(asked.where(held.c.subject_id.in_(chunk)))]
