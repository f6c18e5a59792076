"""What must hold within a source.yaml: tables, columns and keys exist, and what meets is of one type."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from passerelle.contracts.directory import DirectoryOrganisation
from passerelle.contracts.expectation_types import problems_of
from passerelle.contracts.housed import SourceFolder
from passerelle.contracts.problems import Place, Problems, nearest
from passerelle.contracts.reach import POSITION
from passerelle.contracts.source import Repeat, Table
from passerelle.contracts.suite import Suite

OF_STAY = (
    "@status",
    "@start",
    "@end",
    "@class",
    "@unit",
    "@mode",
    "@pmsi_mode",
    "@pmsi_destination",
    "@destination",
    "@died",
)
"""Paths of columns that the fold of a stay fills from all its movements."""
OF_MESSAGE = ("@event", "@ipp", "@stay_key")
"""Paths of columns that the profile of a message fills."""
_CRON = re.compile(r"@(hourly|daily|weekly|monthly|yearly|once)|\S+( \S+){4}")
_GREATEST_FIRST = "YmdHMSf"
_FINESS = re.compile(r"([0-9]{2}|2A|2B)[0-9]{7}")
_WANTED = {"delimited": ("files", "complete"), "sql": ("sql",), "rest": ("rest",), "hl7v2": ("files", "messages")}
_OF_FORMAT = {
    "files": {"delimited", "hl7v2"},
    "complete": {"delimited", "hl7v2"},
    "dialect": {"delimited"},
    "sql": {"sql"},
    "rest": {"rest"},
    "messages": {"hl7v2"},
}
_PROBE = datetime(2003, 11, 25, 17, 8, 9, tzinfo=UTC)
_TOLD = {
    "date": ("year, month and day", "%d/%m/%Y"),
    "datetime": ("year, month and day", "%d/%m/%Y %H:%M"),
    "time": ("an hour", "%H:%M"),
}
"""What a format must give, and one that does."""


def _reads_all(kind: str, written: str) -> bool:
    """Whether a moment that is written in the format can be read back from it."""
    if written == "hl7":
        return True
    try:
        read = datetime.strptime(_PROBE.strftime(written), written)  # noqa: DTZ007 - %z may be in the format
    except ValueError:
        return False
    return read.hour == _PROBE.hour if kind == "time" else read.date() == _PROBE.date()


def check_source(
    folder: SourceFolder,
    suites: Mapping[str, Suite],
    organisations: Mapping[str, DirectoryOrganisation],
    problems: Problems,
) -> None:
    """Everything that source.yaml names exists."""
    _check_head(folder, problems)
    _check_law(folder, problems)
    _check_organisation(folder, organisations, problems)
    for name in folder.source.tables:
        _TableCheck(folder, name, folder.source.tables[name], problems).all(suites)


def _check_head(folder: SourceFolder, problems: Problems) -> None:
    source, at = folder.source, folder.lines.of_source
    try:
        ZoneInfo(source.time_zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        problems.add(at("time_zone"), f"`time_zone: {source.time_zone}` is not a zone such as Europe/Paris")
    schedules = [(at("schedule"), source.schedule)]
    schedules += [(at("tables", name, "schedule"), one.schedule) for name, one in source.tables.items() if one.schedule]
    for place, schedule in schedules:
        if not _CRON.fullmatch(schedule):
            problems.add(place, "`schedule` wants five fields (minute hour day month weekday), or @daily and its like")
    if not source.tables:
        problems.add(at(), "`tables` is missing")


def _check_law(folder: SourceFolder, problems: Problems) -> None:
    source, at = folder.source, folder.lines.of_source
    if source.legal.kind == "caarud" and not source.legal.anonymous:
        problems.add(at("legal"), "a caarud is anonymous by law (CSP L3411-9) and wants `anonymous: true`")
    if source.environment == "production":
        if source.legal.kind == "test":
            problems.add(at("legal", "kind"), "a production source has a legal kind of its own, not test")
        if not source.coverage:
            problems.add(at(), "a production source says whom it would know of: `coverage` is missing")
        for name, table in source.tables.items():
            if table.messages and table.messages.production is False:
                place = at("tables", name, "messages", "production")
                problems.add(place, "a production source reads messages of production (MSH-11 P)")
    if source.legal.anonymous:
        for name, table in source.tables.items():
            _check_anonymous(folder, name, table, problems)


def _check_anonymous(folder: SourceFolder, name: str, table: Table, problems: Problems) -> None:
    """No key of an anonymous source is made of what identifies a person: it would open other doors."""
    keys: list[tuple[Place, Iterable[str]]] = [(folder.lines.of_source("tables", name, "key"), table.key)]
    keys += [
        (folder.lines.of_source("tables", name, "folds", one, "key"), fold.key) for one, fold in table.folds.items()
    ]
    keys += [
        (folder.lines.of_source("tables", name, "parents", one, "on"), parent.on)
        for one, parent in table.parents.items()
    ]
    for place, columns in keys:
        for column in columns:
            if column in table.columns and table.columns[column].identity:
                problems.add(
                    place, f"an anonymous source has no key that identifies a person; '{column}' is `identity: true`"
                )


def _check_organisation(
    folder: SourceFolder, organisations: Mapping[str, DirectoryOrganisation], problems: Problems
) -> None:
    source, at = folder.source, folder.lines.of_source
    if source.jurisdiction == "fr" and not _FINESS.fullmatch(source.organisation.finess):
        problems.add(at("organisation", "finess"), "`finess` wants nine characters, the first two the department")
    for one in organisations.values():
        if one.source != folder.name:
            continue
        said = {
            ("legal", "kind"): (source.legal.kind, one.kind),
            ("legal", "care"): (source.legal.care, one.care),
            ("organisation", "finess"): (source.organisation.finess, one.finess),
            ("jurisdiction",): (source.jurisdiction, one.jurisdiction),
        }
        for loc, (here, there) in said.items():
            if here != there:
                problems.add(at(*loc), f"`{loc[-1]}` is not what the directory says of '{one.code}'")


def _sorts_as_text(written: str) -> bool:
    """Whether the greater of two moments in this format is the later one."""
    if written == "hl7":
        return True
    said = "".join(re.findall("%(.)", written))
    return said.startswith("Y") and _GREATEST_FIRST.startswith(said)


@dataclass(frozen=True, slots=True)
class _TableCheck:
    folder: SourceFolder
    name: str
    table: Table
    problems: Problems

    def all(self, suites: Mapping[str, Suite]) -> None:
        self._format()
        self._columns()
        self._keys()
        self._parents()
        self._repeats()
        self._folds()
        self._expectations(suites)

    def _at(self, *loc: str | int) -> Place:
        return self.folder.lines.of_source("tables", self.name, *loc)

    def _is_column(self, column: str, place: Place, table: str | None = None) -> bool:
        columns = self.folder.source.tables[table or self.name].columns
        if column not in columns:
            self.problems.unknown(place, f"{{}} is not a column of table '{table or self.name}'", column, columns)
        return column in columns

    def _is_table(self, table: str, place: Place) -> bool:
        tables = self.folder.source.tables
        if table not in tables:
            self.problems.unknown(place, "{} is not a table of this source", table, tables)
        return table in tables

    def _format(self) -> None:
        table = self.table
        for part in _WANTED[table.format]:
            if getattr(table, part) is None:
                self.problems.add(self._at(), f"table '{self.name}' is {table.format} and wants `{part}`")
        for part, formats in _OF_FORMAT.items():
            if getattr(table, part) is not None and table.format not in formats:
                self.problems.add(self._at(part), f"a table of format {table.format} has no `{part}`")
        if table.order.message and table.format != "hl7v2":
            self.problems.add(self._at("order"), "only hl7v2 messages are ordered by `message`")
        if table.order.snapshot and table.format != "delimited":
            self.problems.add(self._at("order"), "only files have a `snapshot` number in their name")
        if table.format == "hl7v2" and not table.folds:
            self.problems.add(
                self._at(), f"table '{self.name}' is hl7v2 and wants `folds`: under which key messages meet"
            )
        if table.format != "hl7v2" and not table.key:
            self.problems.add(self._at(), f"table '{self.name}' wants a `key`: the columns that name a record")

    def _columns(self) -> None:
        for name, column in self.table.columns.items():
            place = self._at("columns", name)
            if "." in name:
                self.problems.add(place, f"column '{name}' has a dot in its name, which means a parent's column")
            if column.format is not None and column.type not in {"date", "datetime", "time"}:
                self.problems.add(place, f"column '{name}' is of type {column.type} and takes no `format`")
            elif column.format is not None and not _reads_all(column.type, column.format):
                self.problems.add(
                    place,
                    f"`format: {column.format}` of column '{name}' does not give {_TOLD[column.type][0]}; strptime's "
                    f'directives do: "{_TOLD[column.type][1]}"',
                )
            if (column.true or column.false) and column.type != "boolean":
                self.problems.add(place, f"column '{name}' is of type {column.type} and takes no `true` or `false`")
            if bool(column.true) != bool(column.false) or set(column.true) & set(column.false):
                self.problems.add(place, f"column '{name}' wants both `true` and `false`, with no text in both")
            if column.path and column.path.startswith("@"):
                self._filled(column.path, place)

    def _filled(self, path: str, place: Place) -> None:
        if path not in (*OF_STAY, *OF_MESSAGE):
            self.problems.unknown(place, "path {} is filled by nobody", path, (*OF_STAY, *OF_MESSAGE))
        elif path in OF_MESSAGE and self.table.format != "hl7v2":
            self.problems.add(place, f"path '{path}' is filled from a message; the table is {self.table.format}")
        elif path in OF_STAY and not any(fold.by == "pam_stay" for fold in self.table.folds.values()):
            self.problems.add(place, f"path '{path}' is filled by a fold `by: pam_stay`; the table has none")

    def _keys(self) -> None:
        table = self.table
        for column in table.key:
            self._is_column(column, self._at("key"))
        if table.order.column is not None and self._is_column(table.order.column, self._at("order")):
            self._sorts(table.order.column)
        if table.deleted is not None:
            self._is_column(table.deleted.column, self._at("deleted"))
            if not table.deleted.values:
                self.problems.add(self._at("deleted"), "`deleted` wants the `values` that mean gone")
        if table.scope is not None:
            self._is_column(table.scope.column, self._at("scope"))
            if table.scope.units and not self.folder.units:
                self.problems.add(self._at("scope"), "`units: true` reads units.csv of the source, which has no unit")
            if not table.scope.units and not table.scope.among:
                self.problems.add(self._at("scope"), "`scope` wants `among` or `units: true`; else nothing is in scope")

    def _sorts(self, column: str) -> None:
        """Pages of a database follow its own order: the texts of a cursor sort as what they mean."""
        written = self.table.columns[column].format
        if self.table.format == "sql" and written and not _sorts_as_text(written):
            self.problems.add(
                self._at("columns", column, "format"),
                f"`format: {written}` does not sort as a text, and column '{column}' orders the rows of a database: "
                "year, month, day, hour, minute and second in this order are wanted (%Y-%m-%d %H:%M:%S), else rows are "
                "missed; have the source make a view with such a column and order by that",
            )

    def _parents(self) -> None:
        tables = self.folder.source.tables
        seen: dict[str, str] = {}
        for name, parent in self.table.parents.items():
            place = self._at("parents", name)
            if name in self.table.columns or name in self.table.repeats:
                self.problems.add(place, f"'{name}' is also a column or repetition of table '{self.name}'")
            if not self._is_table(parent.table, place):
                continue
            if parent.table in seen:
                self.problems.add(
                    place, f"table '{parent.table}' is already parent '{seen[parent.table]}'; once is read"
                )
            seen.setdefault(parent.table, name)
            self._meets(parent.on, self.name, parent.table, place)
            if not tables[parent.table].key:
                self.problems.add(place, f"table '{parent.table}' has no key and cannot be a parent")

    def _meets(self, on: Mapping[str, str], child: str, parent: str, place: Place) -> None:
        """The child's columns name exactly the parent's key, each of the same type."""
        tables = self.folder.source.tables
        key = tables[parent].key
        if set(on.values()) != set(key) or len(on) != len(key):
            self.problems.add(place, f"`on` wants one column for each of the key of table '{parent}': {', '.join(key)}")
        for ours, theirs in on.items():
            if not (self._is_column(ours, place, child) and self._is_column(theirs, place, parent)):
                continue
            one, other = tables[child].columns[ours].type, tables[parent].columns[theirs].type
            if one != other:
                self.problems.add(
                    place,
                    f"'{child}.{ours}' is of type {one} and '{parent}.{theirs}' of type {other}; keys of two types "
                    "never meet",
                )

    def _repeats(self) -> None:
        for name, repeat in self.table.repeats.items():
            place = self._at("repeats", name)
            if name in self.table.columns:
                self.problems.add(place, f"'{name}' is also a column of table '{self.name}'")
            self._repeat(name, repeat, place)
            for inner_name, inner in repeat.repeats.items():
                at = self._at("repeats", name, "repeats", inner_name)
                if repeat.path is None or inner.path is None:
                    self.problems.add(at, "only a repetition with a `path` holds another, which has a `path` too")
                if inner.repeats:
                    self.problems.add(at, "repetitions nest once")
                self._repeat(inner_name, inner, at)

    def _repeat(self, name: str, repeat: Repeat, place: Place) -> None:
        if repeat.table is not None:
            self._child(repeat.table, repeat, place)
        elif repeat.on or repeat.order:
            self.problems.add(place, f"`on` and `order` are for a child table; repetition '{name}' has none")
        if repeat.path is not None and not repeat.fields and not repeat.repeats:
            self.problems.add(place, f"repetition '{name}' wants `fields`: what is read of one occurrence")
        if repeat.path is None and repeat.fields:
            self.problems.add(place, f"`fields` are places inside a `path`; repetition '{name}' has none")
        names = [set(one) for one in repeat.columns or ()]
        if any(one != names[0] for one in names):
            self.problems.add(place, f"every occurrence of repetition '{name}' wants the same fields")
        for column in (column for one in repeat.columns or () for column in one.values()):
            self._is_column(column, place)
        if POSITION in repeat.fields or any(POSITION in one for one in names):
            self.problems.add(place, f"'{POSITION}' is the place of the occurrence, counted by us")

    def _child(self, child: str, repeat: Repeat, place: Place) -> None:
        if not self._is_table(child, place):
            return
        self._meets(repeat.on, child, self.name, place)
        if not repeat.order:
            self.problems.add(place, "a child table wants `order`: the columns that order the occurrences")
        for column in repeat.order:
            self._is_column(column, place, child)
        links = [one for one in self.table.repeats.values() if one.table == child]
        if len(links) > 1:
            self.problems.add(place, f"table '{child}' is a repetition of table '{self.name}' twice; once is read")
        back = [one for one in self.folder.source.tables[child].parents.values() if one.table == self.name]
        if any(dict(one.on) != dict(repeat.on) for one in back):
            self.problems.add(place, f"`on` differs from that of the parent '{self.name}' in table '{child}'")

    def _folds(self) -> None:
        events = self.table.messages.events if self.table.messages else ()
        for name, fold in self.table.folds.items():
            place = self._at("folds", name)
            for column in fold.key:
                self._is_column(column, place)
            if fold.by == "pam_stay" and self.table.format != "hl7v2":
                self.problems.add(place, "`by: pam_stay` folds hl7v2 messages")
            for event in fold.events:
                if event not in events:
                    sentence = f"event '{event}' is not among `messages.events`{nearest(event, events)}"
                    self.problems.add(place, sentence)
            if name == "key":
                self.problems.add(place, "a fold is not called `key`, which is the table's own")

    def _expectations(self, suites: Mapping[str, Suite]) -> None:
        for position, name in enumerate(self.table.expectations.use):
            place = self._at("expectations", "use", position)
            if name not in suites:
                self.problems.unknown(place, "{} is not a suite of validation/suites", name, suites)
                continue
            for expectation in suites[name].expectations:
                broken = set(problems_of(expectation, self.table.columns)) - set(problems_of(expectation))
                for sentence in sorted(broken):
                    self.problems.add(place, f"suite '{name}': {sentence}")
        for position, expectation in enumerate(self.table.expectations.own):
            for sentence in problems_of(expectation, self.table.columns):
                self.problems.add(self._at("expectations", "own", position), sentence)
