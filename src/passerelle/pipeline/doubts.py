"""What people said that waits to be read: records of consents, oppositions, care teams and wishes for anonymity.

A record that was stopped is not in the view, and the version below it stands. For what somebody agreed to or opposed
that would be the wrong way round: until a person has settled the stopped record, or a later version has come, it is
taken as the most restrictive thing that it may say.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from passerelle.contracts.house import SourceFolder
from passerelle.contracts.mapping import Emit, FieldLine
from passerelle.fold.keys import child_role, own_role
from passerelle.fold.versions import Known, Place, Versions
from passerelle.gate.recorded import PERMIT, Doubts
from passerelle.ids import KeyedHasher, id_bytes, resource_id
from passerelle.mapping.labels import source_hasher
from passerelle.pipeline.instance import Instance
from passerelle.reading import Row, Unreadable, canonicalizer
from passerelle.records import PARTITION_ROWS, State
from passerelle.stores.ledger import items

NORELINK = "NORELINK"
_WHOSE = "Consent.patient"
_TYPE = "Consent.provision.type"
_LIMIT = "Consent.provision.data"
_LABELS = "Patient.meta.security"

Silence = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One resource by which a table tells what somebody wants: where its versions are found, and whose it is."""

    role: str
    emit: Emit
    columns: tuple[str, ...]
    hasher: KeyedHasher | None


@dataclass(slots=True)
class _Found:
    closed: set[bytes] = field(default_factory=set)
    silenced: Silence = field(default_factory=set)


def doubts_of(instance: Instance) -> Doubts:
    """What of all sources waits to be read, as the ledger has it now. A record that nobody can attribute is not in it."""
    closed: set[tuple[str, bytes]] = set()
    silenced: Silence = set()
    for name in sorted(instance.house.sources):
        found = _of_source(instance, instance.house.sources[name])
        closed |= {(name, patient) for patient in found.closed}
        silenced |= found.silenced
    return Doubts(frozenset(closed), frozenset(silenced))


def _of_source(instance: Instance, folder: SourceFolder) -> _Found:
    found = _Found()
    spoken = {table: list(_spoken(instance, folder, table)) for table in folder.source.tables}
    listed = {table: list(_lists(folder, spoken, table)) for table in folder.source.tables}
    with instance.stores.ledger.read() as tx:
        stopped = items.found(tx, source=folder.source.source, states=[State.QUARANTINED])
    if not stopped:
        return found
    versions = Versions(instance.stores, folder)
    known = versions.known()
    by_table: defaultdict[str, set[Place]] = defaultdict(set)
    for item in stopped:
        table = known.tables.get(item.batch_id, "")
        if spoken.get(table) or listed.get(table):
            by_table[table].add(Place(item.batch_id, item.row))
    for table, places in sorted(by_table.items()):
        reading = _Reading(folder, versions, known, table)
        for place, row in reading.rows(places):
            for one in spoken[table]:
                reading.judge(one, place, row, found)
            for parent in listed[table]:
                reading.silence_parent(parent, place, row, found)
    return found


def _spoken(instance: Instance, folder: SourceFolder, table: str) -> Iterator[_Spoken]:
    """The consents, care teams and wishes for anonymity that a table tells of."""
    for mapping in folder.mappings:
        if mapping.reads != table:
            continue
        role = own_role(table, mapping.fold or "key")
        for emit in mapping.emits:
            if emit.resource == "CareTeam":
                yield _Spoken(role, emit, (), None)
            elif emit.resource == "Consent":
                whose = next((line for line in emit.fields if line.to == _WHOSE and line.refers), None)
                yield _spoken_of(instance, folder, role, emit, whose)
            elif emit.resource == "Patient" and any(_asks_for_anonymity(line) for line in emit.fields):
                yield _Spoken(role, emit, emit.key, source_hasher(folder, instance.stores.keys, emit.as_))


def _spoken_of(instance: Instance, folder: SourceFolder, role: str, emit: Emit, whose: FieldLine | None) -> _Spoken:
    if whose is None or whose.refers is None:
        return _Spoken(role, emit, (), None)
    return _Spoken(role, emit, whose.key, source_hasher(folder, instance.stores.keys, whose.refers))


def _asks_for_anonymity(line: FieldLine) -> bool:
    return line.to.startswith(_LABELS) and isinstance(line.constant, dict) and line.constant.get("code") == NORELINK


def _lists(folder: SourceFolder, spoken: Mapping[str, Collection[_Spoken]], table: str) -> Iterator[str]:
    """The tables that list records of this one in what they tell: members in a care team."""
    for name, parent in folder.source.tables.items():
        if spoken[name] and any(repeat.table == table for repeat in parent.repeats.values()):
            yield name


class _Reading:
    """The stopped records of one table."""

    def __init__(self, folder: SourceFolder, versions: Versions, known: Known, table: str) -> None:
        self._folder = folder
        self._versions = versions
        self._known = known
        self._table = table
        self._keys = versions.tables[table]
        self._slots = {name: place for place, name in enumerate(self._keys.reader.slots)}
        self._texts: dict[str, Callable[[str], str]] = {}

    def rows(self, places: Iterable[Place]) -> Iterator[tuple[Place, Row]]:
        """The records that can be read, one after the other."""
        parts: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for place in sorted(places):
            parts[place.batch_id, place.row // PARTITION_ROWS].append(place.row)
        for (batch_id, part), numbers in sorted(parts.items()):
            for number, raw in sorted(self._versions.raw(batch_id, part, numbers).items()):
                try:
                    yield Place(batch_id, number), self._keys.reader.parse(raw)
                except Unreadable:
                    continue  # nobody can tell whose it is; quarantine lists it

    def judge(self, one: _Spoken, place: Place, row: Row, found: _Found) -> None:
        """What the record may say counts, unless a later version has been read."""
        below = self._below(one.role, place, row)
        if below is None:
            return
        if one.emit.resource == "Patient":
            if not self._wants_anonymity(one.emit, row):
                return
        else:
            found.silenced |= below
            if one.emit.resource == "CareTeam" or self._is_limited(one.emit) or self._permits(one.emit, row):
                return
        patient = self._patient(one, row)
        if patient is not None:
            found.closed.add(patient)

    def silence_parent(self, parent: str, place: Place, row: Row, found: _Found) -> None:
        """What lists the record opens nothing while the record waits to be read."""
        if self._below(self._keys.first_role, place, row) is None:
            return
        try:
            fold = self._keys.registrations[child_role(self._table, parent)].fold_of(row)
        except Unreadable:
            return
        if fold is not None:
            entries = self._versions.entries(own_role(parent, "key"), [fold]).get(fold, [])
            found.silenced |= {(entry.batch_id, entry.row) for entry in entries}

    def _below(self, role: str, place: Place, row: Row) -> Silence | None:
        """Where the versions lie that the record would replace; None when a later one has been read since."""
        try:
            fold = self._keys.registrations[role].fold_of(row)
        except Unreadable:
            fold = None
        if fold is None:
            return set()
        entries = self._versions.entries(role, [fold]).get(fold, [])
        own = next((one.ord for one in entries if (one.batch_id, one.row) == place), None)
        if own is not None and any(
            one.ord > own and self._known.is_mapped(Place(one.batch_id, one.row)) for one in entries
        ):
            return None
        return {(one.batch_id, one.row) for one in entries if own is None or one.ord <= own} - {tuple(place)}

    def _wants_anonymity(self, emit: Emit, row: Row) -> bool:
        return any(
            all(read(name) == wanted for name, wanted in line.only.items())
            for line in emit.fields
            if _asks_for_anonymity(line)
            for read in self._readers(line.each, row)
        )

    def _readers(self, each: str | None, row: Row) -> Iterator[Callable[[str], str | None]]:
        """What reads a value by name: in the row, or in one occurrence of a repetition after the other."""
        if each is None:
            yield partial(self._value, row)
            return
        reader = self._keys.reader
        names = tuple(self._keys.table.repeats[each].fields)
        for occurrence in row[len(reader.slots) + reader.repeats.index(each)]:
            yield dict(zip(names, occurrence, strict=True)).get

    @staticmethod
    def _is_limited(emit: Emit) -> bool:
        """Whether what is said is about one thing only, such as one orientation."""
        return any(line.to.startswith(_LIMIT) for line in emit.fields)

    def _permits(self, emit: Emit, row: Row) -> bool:
        """Whether the record certainly permits; what cannot be told is a refusal."""
        lines = [line for line in emit.fields if line.to == _TYPE]
        return len(lines) == 1 and self._said(lines[0], row) == PERMIT

    def _said(self, line: FieldLine, row: Row) -> str | None:
        if line.constant is not None:
            return str(line.constant)
        value = self._value(row, line.column or "")
        if line.codes is None or value is None:
            return value
        target = self._folder.code_lists[line.codes].rows.get(value)
        return target.code if target is not None else None

    def _value(self, row: Row, name: str) -> str | None:
        place = self._slots.get(name)
        return None if place is None else row[place]

    def _patient(self, one: _Spoken, row: Row) -> bytes | None:
        if one.hasher is None:
            return None
        try:
            values = [self._canonical(name, self._value(row, name)) for name in one.columns]
        except Unreadable:
            return None
        known = [value for value in values if value is not None]
        return id_bytes(resource_id(one.hasher.of(known))) if known and len(known) == len(values) else None

    def _canonical(self, name: str, value: str | None) -> str | None:
        if value is None:
            return None
        if name not in self._texts:
            table = self._keys.table
            decimal = table.dialect.decimal if table.dialect else "."
            zone = self._folder.source.time_zone
            self._texts[name] = canonicalizer(table.columns[name], zone=zone, decimal=decimal, name=name)
        return self._texts[name](value)
