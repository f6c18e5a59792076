"""Versions of the keys of one source: where they lie, which of them stand, and their records, read from the vault.

The key index says where; the vault holds the bytes; the contract of today reads them. Rows are cached, bounded.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from passerelle.contracts.house import SourceFolder
from passerelle.contracts.source import Table
from passerelle.errors import BrokenPromise
from passerelle.fold.keys import Registration, child_role, digest_of, own_role, registrations_of
from passerelle.fold.tombstones import Tombstones
from passerelle.reading import Reader, reader_for
from passerelle.records import PARTITION_ROWS, Reason, Stage, State
from passerelle.stores.ledger import batches, items, key_index, stored
from passerelle.stores.ledger.batches import BatchState
from passerelle.stores.ledger.items import Item
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.opened import Stores

Row = list[Any]
CACHED_ROWS = 10_000
_STANDING = {BatchState.MAPPED, BatchState.PUBLISHED}


class Place(NamedTuple):
    """Where a record lies."""

    batch_id: int
    row: int


class Version(NamedTuple):
    """One version of a record of a table: where it lies, its order, its bytes' hash, what it says."""

    place: Place
    order: str
    digest: bytes
    row: Row


@dataclass(frozen=True)
class TableKeys:
    """How a table is read and under which roles its records are found."""

    name: str
    table: Table
    reader: Reader
    registrations: dict[str, Registration]

    @property
    def own_roles(self) -> list[str]:
        """The roles of the table's own keys."""
        return [role for role, one in self.registrations.items() if one.own]

    @property
    def first_role(self) -> str:
        """The role of the table's key, or of its first fold."""
        return self.own_roles[0]

    @cached_property
    def _deleted(self) -> tuple[int, frozenset[str]] | None:
        deleted = self.table.deleted
        return None if deleted is None else (self.reader.slots.index(deleted.column), frozenset(deleted.values))

    def is_deleted(self, row: Row) -> bool:
        """True if this version is a tombstone."""
        return self._deleted is not None and row[self._deleted[0]] in self._deleted[1]


@dataclass(slots=True)
class Known:
    """What the ledger says of the records of a source at one moment."""

    states: dict[int, BatchState] = field(default_factory=dict)
    tables: dict[int, str] = field(default_factory=dict)
    stopped: dict[Place, Item] = field(default_factory=dict)

    def is_standing(self, batch_id: int) -> bool:
        """True if the batch has gone through map."""
        return self.states.get(batch_id) in _STANDING

    def is_mapped(self, place: Place) -> bool:
        """True if the record's batch has gone through map and the record was not stopped by then."""
        if self.states.get(place.batch_id) not in _STANDING:
            return False
        item = self.stopped.get(place)
        return item is None or (item.stage is Stage.VALIDATE and item.state is State.PENDING)

    def waits_for(self, place: Place) -> bytes | None:
        """The key of the parent that the record waits for, and for nothing else of its own."""
        item = self.stopped.get(place)
        return None if item is None or item.reason is not Reason.WAITS_FOR_PARENT else item.pending_key

    def came_to_map(self, place: Place) -> bool:
        """True if map has judged the record, whatever it said, and nobody has closed it since."""
        if self.states.get(place.batch_id) not in _STANDING:
            return False
        item = self.stopped.get(place)
        return item is None or (item.stage in {Stage.MAP, Stage.VALIDATE} and item.state is not State.REJECTED)

    def may_fold(self, place: Place) -> bool:
        """True if the record takes part in the story of its key: it stands, or waits for another of the story."""
        item = self.stopped.get(place)
        return item is None or item.reason is Reason.WAITS_FOR_MOVEMENT or item.reason is Reason.WAITS_FOR_TARGET


class Versions:
    """Finds and reads the versions of one source's keys."""

    def __init__(self, stores: Stores, folder: SourceFolder) -> None:
        self.stores = stores
        self.source = folder.source
        self.name = folder.source.source
        fold_key = stores.keys.fold_key(self.name)
        self.tables = {
            name: TableKeys(
                name,
                table,
                reader_for(table, zone=folder.source.time_zone),
                {one.role: one for one in registrations_of(folder.source, name, fold_key)},
            )
            for name, table in folder.source.tables.items()
        }
        self._rows: OrderedDict[Place, tuple[bytes, Row]] = OrderedDict()
        self._tombstones = Tombstones()
        self._asked_if_gone = {
            parent.table
            for keys in self.tables.values()
            for parent in keys.table.parents.values()
            if self.tables[parent.table].table.deleted is not None
        }
        """Tables of which children ask whether a record still stands."""

    def known(self, also: int | None = None) -> Known:
        """What the ledger says now; the batch `also` counts as mapped though it is not yet."""
        told = Known()
        with self.stores.ledger.read() as tx:
            for batch in batches.found(tx, source=self.name):
                told.states[batch.id] = BatchState.MAPPED if batch.id == also else batch.state
                told.tables[batch.id] = batch.table
            for item in items.found(tx, source=self.name):
                place = Place(item.batch_id, item.row)
                if place not in told.stopped or item.stage is not Stage.VALIDATE:
                    told.stopped[place] = item
        return told

    def entries(self, role: str, folds: Collection[bytes]) -> dict[bytes, list[Entry]]:
        """Every version of these keys, by key; each list by order, batch and row."""
        found: dict[bytes, list[Entry]] = {}
        if folds:
            with self.stores.ledger.read() as tx:
                for entry in key_index.lookup(tx, self.name, role, folds):
                    found.setdefault(entry.fold, []).append(entry)
        return found

    def rows(self, table: str, places: Iterable[Place]) -> dict[Place, Row]:
        """The parsed records at these places, all of one table."""
        return {place: row for place, (_, row) in self._read(table, places).items()}

    def versions(self, table: str, entries: Iterable[Entry]) -> list[Version]:
        """The versions behind the entries, with their records, in the order given."""
        listed = list(entries)
        read = self._read(table, (Place(entry.batch_id, entry.row) for entry in listed))
        return [
            Version(place, entry.ord, entry.digest, read[place][1])
            for entry in listed
            for place in (Place(entry.batch_id, entry.row),)
        ]

    def located(self, table: str, read: Mapping[Place, Row]) -> tuple[list[Version], dict[bytes, list[Entry]]]:
        """The records as versions, by place, and every known version of the first key that each of them has."""
        keys = self.tables[table]
        self._note_tombstones(table, read)
        found: dict[Place, Version] = {}
        known: dict[bytes, list[Entry]] = {}
        for role in keys.own_roles:
            fold_of = keys.registrations[role].fold_of
            left = {place: row for place, row in read.items() if place not in found} if found else read
            entries = self.entries(role, {fold for row in left.values() if (fold := fold_of(row)) is not None})
            known = known | entries if known else entries
            # Of every version of their keys, those that lie at these places. A place is found by its two numbers.
            by_place = {entry[2:4]: entry for listed in entries.values() for entry in listed}
            for place, row in left.items():
                at = by_place.get(place)
                if at is not None:
                    # As Version(...), at half the cost.
                    found[place] = tuple.__new__(Version, (place, at.ord, at.digest, row))
        if keys.table.folds:
            # A message that takes part in no fold has no version of anything; it is judged all the same.
            found = {place: found.get(place) or Version(place, "", b"", row) for place, row in read.items()}
        if len(found) != len(read):
            raise BrokenPromise(f"{len(read) - len(found)} records of {self.name}.{table} are not in the key index")
        return [found[place] for place in sorted(found)], known

    def _note_tombstones(self, table: str, read: Mapping[Place, Row]) -> None:
        if table in self._asked_if_gone:
            self._tombstones.note({place: self.is_deleted(table, row) for place, row in read.items()})

    def remember(self, place: Place, raw: bytes, row: Row) -> None:
        """The record was read elsewhere; reading it again costs nothing."""
        self._rows[place] = (digest_of(raw), row)
        if len(self._rows) > CACHED_ROWS:
            self._rows.popitem(last=False)

    def _read(self, table: str, places: Iterable[Place]) -> dict[Place, tuple[bytes, Row]]:
        read: dict[Place, tuple[bytes, Row]] = {}
        missing: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for place in dict.fromkeys(places):
            cached = self._rows.get(place)
            if cached is not None:
                read[place] = cached
            else:
                missing[place.batch_id, place.row // PARTITION_ROWS].append(place.row)
        reader = self.tables[table].reader
        for (batch_id, part), numbers in sorted(missing.items()):
            for row, raw in self.raw(batch_id, part, numbers).items():
                place = Place(batch_id, row)
                parsed = reader.parse(raw)
                read[place] = (digest_of(raw), parsed)
                self.remember(place, raw, parsed)
        self._note_tombstones(table, {place: row for place, (_, row) in read.items()})
        return read

    def raw(self, batch_id: int, part: int, rows: Iterable[int]) -> dict[int, bytes]:
        """The bytes of these rows of one partition, by row of the batch."""
        first = part * PARTITION_ROWS
        with self.stores.ledger.read() as tx:
            batch = batches.by_id(tx, batch_id)
            (file,) = stored.of_batch(tx, batch_id, FileKind.RECORDS, part=part)
        key = self.stores.vault.open_data_key(file.wrapped_key or batch.wrapped_key)
        found = self.stores.vault.read_rows(file, key, [row - first for row in rows])
        return {first + index: raw for index, raw in found.items()}

    def newest_mapped(self, table: str, folds: Collection[bytes], known: Known) -> dict[bytes, Version]:
        """For each key of the table that has one: its newest version that stands at map."""
        chosen = self._newest_entries(table, folds, known)
        read = self.versions(table, chosen.values())
        return dict(zip(chosen, read, strict=True))

    def _newest_entries(self, table: str, folds: Collection[bytes], known: Known) -> dict[bytes, Entry]:
        chosen: dict[bytes, Entry] = {}
        for fold, listed in self.entries(own_role(table, "key"), folds).items():
            for entry in reversed(listed):
                if known.is_mapped(Place(entry.batch_id, entry.row)):
                    chosen[fold] = entry
                    break
        return chosen

    def standing(self, table: str, folds: Collection[bytes], known: Known) -> dict[bytes, Version]:
        """For each key of the table that has one: its newest version that stands at map, if that is no tombstone."""
        found = self.newest_mapped(table, folds, known)
        return {fold: one for fold, one in found.items() if not self.is_deleted(table, one.row)}

    def keys_standing(self, table: str, folds: Collection[bytes], known: Known) -> set[bytes]:
        """The keys of which `standing` would find a version; a record is only read if it may be a tombstone."""
        chosen = self._newest_entries(table, folds, known)
        if self.tables[table].table.deleted is None:
            return set(chosen)
        told = {fold: self._tombstones.is_gone(entry.batch_id, entry.row) for fold, entry in chosen.items()}
        unread = [fold for fold, is_gone in told.items() if is_gone is None]
        read = self.versions(table, [chosen[fold] for fold in unread])
        told |= {fold: self.is_deleted(table, one.row) for fold, one in zip(unread, read, strict=True)}
        return {fold for fold, is_gone in told.items() if not is_gone}

    def is_deleted(self, table: str, row: Row) -> bool:
        """True if this version is a tombstone."""
        return self.tables[table].is_deleted(row)

    def children_of(
        self, child: str, parent: str, folds: Collection[bytes], known: Known
    ) -> dict[bytes, list[Version]]:
        """For each parent key: the records of the child table that name it in their newest version, tombstones left out.

        A version that only waits for what lists it counts, whichever record that is: else what the parent says would
        decide what it reads, and a child that has moved to a parent not yet here would still be listed by the old one.
        """
        register = self.tables[child].registrations[child_role(child, parent)]
        wanted = set(folds)
        found: defaultdict[bytes, list[Version]] = defaultdict(list)
        for version in self._newest_listed(child, self.keys_below(child, parent, wanted), known):
            fold = register.fold_of(version.row)
            if fold in wanted and not self.is_deleted(child, version.row):
                found[fold].append(version)
        return dict(found)

    def keys_below(self, child: str, parent: str, folds: Collection[bytes]) -> set[bytes]:
        """The keys of the records of the child table that name one of these parents in any version."""
        own = self.tables[child].registrations[own_role(child, "key")]
        listed = [entry for entries in self.entries(child_role(child, parent), folds).values() for entry in entries]
        return {key for one in self.versions(child, listed) if (key := own.fold_of(one.row)) is not None}

    def listers_of(self, child: str) -> list[Registration]:
        """The keys by which the tables that list the records of this one are named in them."""
        return [
            self.tables[child].registrations[child_role(child, name)]
            for name, keys in sorted(self.tables.items())
            if any(repeat.table == child for repeat in keys.table.repeats.values())
        ]

    def _newest_listed(self, child: str, keys: Collection[bytes], known: Known) -> list[Version]:
        """Of each key, the newest version that counts; the newest of all are read at once, then those below."""
        listers = self.listers_of(child)
        turns = [
            [entry for entry in reversed(listed) if _may_be_listed(Place(entry.batch_id, entry.row), known)]
            for _, listed in sorted(self.entries(own_role(child, "key"), keys).items())
        ]
        chosen = []
        while turns := [turn for turn in turns if turn]:
            below = []
            for turn, version in zip(turns, self.versions(child, [turn[0] for turn in turns]), strict=True):
                waited = known.waits_for(version.place)
                if waited is None or any(register.fold_of(version.row) == waited for register in listers):
                    chosen.append(version)
                else:
                    below.append(turn[1:])
            turns = below
        return chosen


def _may_be_listed(place: Place, known: Known) -> bool:
    return known.is_mapped(place) or known.waits_for(place) is not None
