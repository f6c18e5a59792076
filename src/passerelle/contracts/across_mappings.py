"""What must hold in the mappings of a source before FHIR is asked: every name they read or refer to exists."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from passerelle.contracts.directory import DirectoryOrganisation
from passerelle.contracts.housed import SourceFolder
from passerelle.contracts.mapping import Emit, FieldLine, MappingFile, Present
from passerelle.contracts.problems import Place, Problems
from passerelle.contracts.reach import bare_names_at, every_each, names_at, repeats_on
from passerelle.contracts.source import ColumnType, Table

ORGANISATION, UNIT = "organisation", "unit"
OF_DIRECTORY = (ORGANISATION, UNIT)
"""Labels that no mapping emits."""
_OF_PERSONS = ("Patient", "Person", "RelatedPerson")
_TELECOM = ("phone", "fax", "email", "pager", "url", "sms", "other")
_NAMES_PERSONS = ("ins-", "nss-", "nir", "orientation-number")
_POINTS_TO_PERSONS = frozenset({"actor", "beneficiary", "for", "individual", "patient", "subject", "subscriber"})


def check_mappings(
    folder: SourceFolder,
    naming: Mapping[str, str],
    organisations: Mapping[str, DirectoryOrganisation],
    problems: Problems,
) -> None:
    """Tables, folds, columns, code lists, systems and labels exist; a label is emitted once."""
    emits = _labels(folder, problems)
    for mapping in folder.mappings:
        table = folder.source.tables.get(mapping.reads)
        if table is None:
            place = folder.lines.of_mapping(mapping.mapping, None, None, "reads")
            problems.unknown(place, "{} is not a table of this source", mapping.reads, folder.source.tables)
            continue
        _check_fold(folder, mapping, table, problems)
        for emit in mapping.emits:
            _EmitCheck(folder, mapping, table, emit, emits, naming, organisations, problems).all()


def _labels(folder: SourceFolder, problems: Problems) -> dict[str, Emit]:
    found: dict[str, Emit] = {}
    where: dict[str, Place] = {}
    for mapping in folder.mappings:
        for emit in mapping.emits:
            place = folder.lines.of_mapping(mapping.mapping, emit.as_, None, "as")
            if emit.as_ in OF_DIRECTORY:
                problems.add(place, f"label '{emit.as_}' belongs to the directory; choose another")
            elif emit.as_ in found:
                same = where[emit.as_] == place
                other = f"in {place.file}" if same else f"at {where[emit.as_]}"
                problems.add(place, f"label '{emit.as_}' is emitted twice, also {other}")
            else:
                found[emit.as_], where[emit.as_] = emit, place
    return found


def _check_fold(folder: SourceFolder, mapping: MappingFile, table: Table, problems: Problems) -> None:
    place = folder.lines.of_mapping(mapping.mapping, None, None, "fold" if mapping.fold else "reads")
    if mapping.fold is None and table.format == "hl7v2":
        problems.add(place, f"table '{mapping.reads}' is read by one of its folds; `fold` is missing")
    if mapping.fold is not None and mapping.fold not in table.folds:
        problems.unknown(place, f"{{}} is not a fold of table '{mapping.reads}'", mapping.fold, table.folds)


@dataclass(frozen=True, slots=True)
class _EmitCheck:
    folder: SourceFolder
    mapping: MappingFile
    table: Table
    emit: Emit
    emits: Mapping[str, Emit]
    naming: Mapping[str, str]
    organisations: Mapping[str, DirectoryOrganisation]
    problems: Problems

    def all(self) -> None:
        emit = self.emit
        if emit.drop:
            self.problems.add(self._at("drop"), "`drop` leaves out a resource of a standard; this mapping extends none")
        self._each(emit.each, self._at("each"))
        names = self._names(emit.each)
        for column in emit.key:
            self._reads(column, names, self._at("key"))
        if isinstance(emit.present, Present):
            self._reads(emit.present.column, names, self._at("present"))
            self._codes(emit.present.codes, self._at("present"))
        elif emit.present is not None:
            self._reads(emit.present, names, self._at("present"))
        self._only(emit.only, names, emit.each, self._at("only"))
        if self.folder.source.legal.anonymous:
            self._anonymous()
        written: dict[str, Place] = {}
        for position, line in enumerate(emit.fields):
            place = self._field_at(position)
            if line.to in written:
                self.problems.add(place, f"'{line.to}' is written twice; it is already at {written[line.to]}")
            written.setdefault(line.to, place)
            self._field(position, line)

    def _at(self, key: str) -> Place:
        return self.folder.lines.of_mapping(self.mapping.mapping, self.emit.as_, None, key)

    def _field_at(self, position: int, *keys: str) -> Place:
        return self.folder.lines.of_mapping(self.mapping.mapping, self.emit.as_, position, *keys)

    def _names(self, *each: str | None) -> dict[str, ColumnType]:
        known = [one for one in each if one and repeats_on(self.folder.source, self.mapping.reads, one)]
        return names_at(self.folder.source, self.mapping.reads, *known)

    def _each(self, each: str | None, place: Place) -> None:
        if each is not None and repeats_on(self.folder.source, self.mapping.reads, each) is None:
            known = every_each(self.folder.source, self.mapping.reads)
            sentence = f"{{}} is not a repetition of table '{self.mapping.reads}'"
            self.problems.unknown(place, sentence, each, known)

    def _reads(self, column: str, names: Mapping[str, ColumnType], place: Place) -> None:
        if column not in names:
            sentence = f"{{}} is not a column that a mapping of table '{self.mapping.reads}' may read here"
            self.problems.unknown(place, sentence, column, names)
        elif column in self.table.columns and self.table.columns[column].unread:
            self.problems.add(place, f"column '{column}' is `unread: true` in source.yaml and is read here")

    def _only(self, only: Mapping[str, str], names: Mapping[str, ColumnType], each: str | None, place: Place) -> None:
        bare = bare_names_at(self.folder.source, self.mapping.reads, each)
        for name in only:
            if name not in bare:
                self._reads(name, names, place)

    def _codes(self, codes: str | None, place: Place) -> None:
        if codes is not None and codes not in self.folder.code_lists:
            self.problems.unknown(place, "code list {} does not exist", codes, self.folder.code_lists)

    def _field(self, position: int, line: FieldLine) -> None:
        place, at = self._field_at(position), self._field_at
        if line.drop:
            self.problems.add(place, "`drop` leaves out a line of a standard; this mapping extends none")
            return
        if not line.to.startswith(f"{self.emit.resource}."):
            self.problems.add(place, f"'{line.to}' does not begin with {self.emit.resource}, which is emitted here")
        self._each(line.each, at(position, "each"))
        names = self._names(self.emit.each, line.each)
        for column in _columns(line):
            self._reads(column, names, place)
        self._only(line.only, names, line.each or self.emit.each, at(position, "only"))
        self._codes(line.codes, at(position, "codes"))
        if not (".telecom" in line.to and line.system in _TELECOM):
            self._system(line.system, at(position, "system"))
        if line.refers is not None:
            self._refers(line, names, at(position, "refers"))
        if self.folder.source.legal.anonymous:
            self._anonymous_line(line, place)

    def _system(self, system: str | None, place: Place) -> None:
        if system is None:
            return
        known = {**self.naming, **self.folder.source.identifiers}
        if ":" not in system and system not in known:
            self.problems.unknown(place, "system {} is neither a URI nor a declared name", system, known)
        uri = self.naming.get(system, system)
        personal = {name for name, one in self.naming.items() if name.startswith(_NAMES_PERSONS) and uri == one}
        if self.folder.source.legal.anonymous and personal:
            self.problems.add(place, "an anonymous source names nobody, here or at another door; this system does")

    def _refers(self, line: FieldLine, names: Mapping[str, ColumnType], place: Place) -> None:
        label = str(line.refers)
        if label == ORGANISATION:
            if len(line.key) > 1:
                self.problems.add(place, "an organisation is named by one column, or by none: the source's own")
            self._leads_to_directory(line, self.organisations, "mappings/directory/organisations.csv", place)
        elif label == UNIT:
            if len(line.key) != 1:
                self.problems.add(place, "a unit is named by one column: `key` wants one")
            if not self.folder.units:
                self.problems.add(place, "the source has no unit in units.csv to refer to")
            self._leads_to_directory(line, self.folder.units, "units.csv", place)
        elif label not in self.emits:
            known = [*self.emits, *OF_DIRECTORY]
            self.problems.unknown(place, "{} is not a label that this source emits", label, known)
        else:
            self._key_fits(line, names, place)

    def _leads_to_directory(self, line: FieldLine, known: Mapping[str, object], file: str, place: Place) -> None:
        listed = self.folder.code_lists.get(line.codes or "")
        for code, target in listed.rows.items() if listed else ():
            if target is not None and target.code not in known:
                at = listed.places.get(code, place) if listed else place
                self.problems.unknown(at, f"target {{}} is not in {file}", target.code, known)

    def _key_fits(self, line: FieldLine, names: Mapping[str, ColumnType], place: Place) -> None:
        """The reference computes the id of what it refers to, so its key has the same number of values and types."""
        target = self.emits[str(line.refers)]
        if len(line.key) != len(target.key):
            self.problems.add(
                place, f"'{line.refers}' has the key {', '.join(target.key)}; `key` wants {len(target.key)}"
            )
            return
        if line.codes is not None:
            return
        theirs = self._key_types(target)
        ours = [names.get(column) for column in line.key]
        for column, one, other in zip(line.key, ours, theirs, strict=True):
            if one and other and one != other:
                self.problems.add(
                    place,
                    f"'{column}' is of type {one}; the key of '{line.refers}' is of type {other} and never meets it",
                )

    def _key_types(self, target: Emit) -> Sequence[ColumnType | None]:
        for mapping in self.folder.mappings:
            if target in mapping.emits and mapping.reads in self.folder.source.tables:
                each = (
                    target.each if target.each and repeats_on(self.folder.source, mapping.reads, target.each) else None
                )
                names = names_at(self.folder.source, mapping.reads, each)
                return [names.get(column) for column in target.key]
        return [None] * len(target.key)

    def _anonymous(self) -> None:
        if self.emit.resource in _OF_PERSONS:
            place = self._at("resource")
            self.problems.add(place, f"an anonymous source emits no {self.emit.resource}")
        for column in self.emit.key:
            if self._identifies(column):
                self.problems.add(
                    self._at("key"), f"an anonymous source makes no id of '{column}', which is `identity: true`"
                )

    def _anonymous_line(self, line: FieldLine, place: Place) -> None:
        for column in _columns(line):
            if self._identifies(column):
                self.problems.add(place, f"an anonymous source reads no '{column}', which is `identity: true`")
        parts = {part.partition("[")[0] for part in line.to.split(".")[1:]}
        if line.refers not in OF_DIRECTORY and not parts.isdisjoint(_POINTS_TO_PERSONS):
            self.problems.add(place, f"an anonymous source points to nobody; '{line.to}' does")

    def _identifies(self, column: str) -> bool:
        """Whether a column of the table, or of one of its parents, is declared to say who somebody is."""
        table, *names = self.table, *column.split(".")
        for parent in names[:-1]:
            if parent not in table.parents or table.parents[parent].table not in self.folder.source.tables:
                return False
            table = self.folder.source.tables[table.parents[parent].table]
        return names[-1] in table.columns and table.columns[names[-1]].identity


def _columns(line: FieldLine) -> Iterator[str]:
    if line.column is not None:
        yield line.column
    yield from line.columns or ()
    yield from line.key
