"""Under which keys a record is found again: its own, those of the parents it belongs to. Pure."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter

from passerelle.contracts.source import Source, Table
from passerelle.fold.pam import keys_of_message
from passerelle.ids import KeyedHasher
from passerelle.reading import Unreadable, canonicalizer
from passerelle.records import Reason

Row = list[object]
KeyReader = Callable[[Row], tuple[str, ...] | None]
MOST_REMEMBERED = 20_000
"""Keys of which a registration remembers the sixteen bytes: a record is asked for its keys several times."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One key under which records of a table are found again: their own, or that of a parent they belong to.

    `role` names it in the key index: `contacts/key`, `adt/stay`, `contacts>patients`. Two registrations with the same
    scope give the same sixteen bytes for the same values, so that parent and child meet.
    """

    role: str
    own: bool
    read: KeyReader
    hasher: KeyedHasher
    cells: Callable[[Row], Hashable] | None = None
    """What of a row decides the key, where that is told without reading it."""
    known: dict[Hashable, bytes] = field(default_factory=dict, repr=False, compare=False)

    def fold_of(self, row: Row) -> bytes | None:
        """The fold key of a row; None when the row does not carry this key.

        Raises:
            Unreadable: a key column holds something that is not of its declared type.
        """
        if self.cells is None:
            return self._made(row)
        cells = self.cells(row)
        fold = self.known.get(cells)
        if fold is None and (fold := self._made(row)) is not None:
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            self.known[cells] = fold
        return fold

    def _made(self, row: Row) -> bytes | None:
        values = self.read(row)
        return None if values is None else self.hasher.of(values)


def digest_of(raw: bytes) -> bytes:
    """BLAKE2b of the raw bytes, 16 bytes: two records with the same digest are the same record."""
    return blake2b(raw, digest_size=16).digest()


def own_role(table: str, fold: str) -> str:
    """The name under which a table's own versions are found."""
    return f"{table}/{fold}"


def child_role(child: str, parent: str) -> str:
    """The name under which a parent's children are found."""
    return f"{child}>{parent}"


UNREADABLE_ROLE = "unreadable"


def _by_columns(table: Table, columns: Sequence[str], slots: Sequence[str], zone: str, *, optional: bool) -> KeyReader:
    places = [slots.index(column) for column in columns]
    texts = [
        canonicalizer(table.columns[column], zone=zone, decimal=_decimal(table), name=column) for column in columns
    ]
    single = len(places) == 1

    def read(row: Row) -> tuple[str, ...] | None:
        if single:
            value = row[places[0]]
            if not value:
                _refuse(columns[0])
                return None
            return (texts[0](str(value)),)
        found = []
        for place, text, column in zip(places, texts, columns, strict=True):
            value = row[place]
            if not value:
                _refuse(column)
                return None
            found.append(text(str(value)))
        return tuple(found)

    def _refuse(column: str) -> None:
        if not optional:
            raise Unreadable(Reason.MISSING_KEY, column)

    return read


def _cells(columns: Sequence[str], slots: Sequence[str]) -> Callable[[Row], Hashable]:
    return itemgetter(*(slots.index(column) for column in columns))


def _decimal(table: Table) -> str:
    return table.dialect.decimal if table.dialect else "."


def registrations_of(source: Source, table_name: str, fold_key: bytes) -> list[Registration]:
    """Every key under which a record of this table is found again: own folds, parents, and parents that list it."""
    table = source.tables[table_name]
    slots = tuple(table.columns)
    made = []
    if table.key:
        read = _by_columns(table, table.key, slots, source.time_zone, optional=False)
        made.append(
            Registration(
                role=own_role(table_name, "key"),
                own=True,
                read=read,
                hasher=hasher_of(fold_key, source, table_name, "key"),
                cells=_cells(table.key, slots),
            )
        )
    for fold_name, fold in table.folds.items():
        read = keys_of_message(fold_name, fold, table, slots, zone=source.time_zone)
        made.append(
            Registration(
                role=own_role(table_name, fold_name),
                own=True,
                read=read,
                hasher=hasher_of(fold_key, source, table_name, fold_name),
            )
        )
    for parent_name, on in parent_links(source, table_name):
        parent_key = source.tables[parent_name].key
        ours = {theirs: our for our, theirs in on.items()}
        columns = [ours[column] for column in parent_key]
        read = _by_columns(table, columns, slots, source.time_zone, optional=True)
        role = child_role(table_name, parent_name)
        made.append(
            Registration(
                role=role,
                own=False,
                read=read,
                hasher=hasher_of(fold_key, source, parent_name, "key"),
                cells=_cells(columns, slots),
            )
        )
    return made


def parent_links(source: Source, table_name: str) -> list[tuple[str, dict[str, str]]]:
    """(parent table, our column -> its key column): told by our `parents`, or by a parent's `repeats` over us."""
    links = {parent.table: dict(parent.on) for parent in source.tables[table_name].parents.values()}
    for other_name, other in source.tables.items():
        for repeat in other.repeats.values():
            if repeat.table == table_name:
                links.setdefault(other_name, dict(repeat.on))
    return sorted(links.items())


def hasher_of(fold_key: bytes, source: Source, table: str, fold: str) -> KeyedHasher:
    """Makes the fold keys of one key of one table."""
    return KeyedHasher(fold_key, (source.source, table, fold))
