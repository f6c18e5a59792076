"""Which files are current: the list of a batch, by generation. Readers take names from here, never from a folder.

A generation of a batch is a list of files. A file is in it from the generation that brought it until the one that
dropped it, so that a cut can still read the list it named.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from passerelle.records import Stage
from passerelle.stores.files import StoredFile, ViewFile
from passerelle.stores.ledger import names as names_
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.tables import batches, cut_members
from passerelle.stores.ledger.tables import files as table

PUBLISHED = "published"
Wrapped = bytes  # in a class with a field called `bytes` the type needs another name


class FileKind(StrEnum):
    """What a file holds."""

    RECORDS = "records"  # raw records, one place per row of the partition
    UNSCOPED = "unscoped"  # raw records whose scope is not known yet, under a key of their own
    IDENTITY = "identity"  # what was split off resources
    RESOURCES = "resources"  # resources without it, in the lake


@dataclass(frozen=True, slots=True)
class NewFile:
    """A durable file that a transaction is about to name. `wrapped_key` only if it has a key of its own."""

    stored: StoredFile
    kind: FileKind
    part: int = 0
    wrapped_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file that the ledger names."""

    id: int
    batch_id: int
    stage: Stage
    kind: FileKind
    part: int
    generation: int
    until_generation: int | None
    position: int
    name: str
    rows: int
    bytes: int
    sha256: str
    contract_digest: str
    wrapped_key: "Wrapped | None"

    @property
    def is_current(self) -> bool:
        """True if the batch's newest generation lists the file."""
        return self.until_generation is None

    @property
    def stored(self) -> StoredFile:
        """The facts noted when it was written."""
        return StoredFile(self.name, self.rows, self.bytes, self.sha256)


def _file(row: sa.Row[Any]) -> BatchFile:
    key = row.wrapped_key
    return BatchFile(
        row.id,
        row.batch_id,
        Stage(row.stage),
        FileKind(row.kind),
        row.part,
        row.generation,
        row.until_generation,
        row.position,
        row.name,
        row.rows,
        row.bytes,
        row.sha256,
        row.contract_digest,
        None if key is None else bytes(key),
    )


def add(
    tx: Transaction, batch_id: int, stage: Stage, generation: int, contract_digest: str, new: Sequence[NewFile]
) -> None:
    """The files are listed from that generation on; each has a position above all earlier ones of its source."""
    if not new:
        return
    source = tx.rows(sa.select(batches.c.source).where(batches.c.id == batch_id))[0].source
    position = names_.next_of(tx, f"position:{source}", len(new))
    rows = [
        {
            "batch_id": batch_id,
            "stage": stage.value,
            "kind": file.kind.value,
            "part": file.part,
            "generation": generation,
            "position": position + place,
            "name": file.stored.name,
            "rows": file.stored.rows,
            "bytes": file.stored.bytes,
            "sha256": file.stored.sha256,
            "contract_digest": contract_digest,
            "wrapped_key": file.wrapped_key,
        }
        for place, file in enumerate(new)
    ]
    tx.insert(table, rows)


def drop(tx: Transaction, batch_id: int, stage: Stage, generation: int) -> None:
    """No file that the stage wrote before is listed from that generation on."""
    tx.run(
        table.update()
        .where(table.c.batch_id == batch_id, table.c.stage == stage.value, table.c.until_generation.is_(None))
        .values(until_generation=generation)
    )


def of_batch(
    tx: Transaction, batch_id: int, kind: FileKind | None = None, *, part: int | None = None, current: bool = True
) -> list[BatchFile]:
    """The files of the batch in order of position: those of its newest generation, or all that ever were."""
    asked = sa.select(table).where(table.c.batch_id == batch_id).order_by(table.c.position, table.c.id)
    if kind is not None:
        asked = asked.where(table.c.kind == kind.value)
    if part is not None:
        asked = asked.where(table.c.part == part)
    if current:
        asked = asked.where(table.c.until_generation.is_(None))
    return [_file(row) for row in tx.rows(asked)]


def current(tx: Transaction, kind: FileKind | None = None) -> list[BatchFile]:
    """Every file that is current, of every batch, in order of batch and position."""
    asked = sa.select(table).where(table.c.until_generation.is_(None)).order_by(table.c.batch_id, table.c.position)
    if kind is not None:
        asked = asked.where(table.c.kind == kind.value)
    return [_file(row) for row in tx.rows(asked)]


def last_position(tx: Transaction, source: str) -> int:
    """The highest position that a file of the source has; 0 without files."""
    asked = sa.select(sa.func.coalesce(sa.func.max(table.c.position), 0)).join(
        batches, batches.c.id == table.c.batch_id
    )
    return tx.number(asked.where(batches.c.source == source))


def batches_after(tx: Transaction, source: str, position: int) -> set[int]:
    """Batches of the source of which every current file of resources has a higher position."""
    asked = (
        sa.select(table.c.batch_id)
        .join(batches, batches.c.id == table.c.batch_id)
        .where(batches.c.source == source, table.c.kind == FileKind.RESOURCES.value, table.c.until_generation.is_(None))
        .group_by(table.c.batch_id)
        .having(sa.func.min(table.c.position) > position)
    )
    return {row.batch_id for row in tx.rows(asked)}


def batches_with_files_after(tx: Transaction, source: str, position: int) -> set[int]:
    """Batches of the source of which a current file has a higher position."""
    asked = (
        sa.select(table.c.batch_id)
        .join(batches, batches.c.id == table.c.batch_id)
        .where(batches.c.source == source, table.c.until_generation.is_(None), table.c.position > position)
    )
    return {row.batch_id for row in tx.rows(asked.distinct())}


def view_files(
    tx: Transaction, sources: Sequence[str] | None = None, *, with_batches: Collection[int] = ()
) -> list[ViewFile]:
    """The lake files of published batches; those of a few more (not published yet) if asked for."""
    visible: sa.ColumnElement[bool] = batches.c.state == PUBLISHED
    if with_batches:
        visible = sa.or_(visible, batches.c.id.in_(sorted(with_batches)))
    asked = (
        sa.select(table.c.name, table.c.batch_id, table.c.position)
        .join(batches, batches.c.id == table.c.batch_id)
        .where(visible, table.c.kind == FileKind.RESOURCES.value, table.c.until_generation.is_(None))
        .order_by(table.c.position)
    )
    if sources is not None:
        asked = asked.where(batches.c.source.in_(list(sources)))
    return [ViewFile(row.name, row.batch_id, row.position) for row in tx.rows(asked)]


def cut_files(
    tx: Transaction, cut_id: int, kind: FileKind = FileKind.RESOURCES, sources: Sequence[str] | None = None
) -> list[BatchFile]:
    """The files that the cut names: for each of its batches, the list of the generation it noted."""
    asked = (
        sa.select(table)
        .join(cut_members, cut_members.c.batch_id == table.c.batch_id)
        .where(
            cut_members.c.cut_id == cut_id,
            table.c.kind == kind.value,
            table.c.generation <= cut_members.c.generation,
            sa.or_(table.c.until_generation.is_(None), table.c.until_generation > cut_members.c.generation),
        )
        .order_by(table.c.batch_id, table.c.position)
    )
    if sources is not None:
        asked = asked.join(batches, batches.c.id == table.c.batch_id).where(batches.c.source.in_(list(sources)))
    return [_file(row) for row in tx.rows(asked)]


def as_view_files(files: Sequence[BatchFile]) -> list[ViewFile]:
    """The same files as the lake wants them."""
    return [ViewFile(file.name, file.batch_id, file.position) for file in files]


def known_names(tx: Transaction) -> set[str]:
    """Every file name in the ledger, current or not: what a sweep leaves alone."""
    return {row.name for row in tx.rows(sa.select(table.c.name))}


def forget(tx: Transaction, names: Sequence[str]) -> None:
    """The files are named no longer; a sweep removes them. For files whose content must go (scope, erasure)."""
    tx.run(table.delete().where(table.c.name.in_(list(names))))
