"""Where values come from: columns of the row, of its parents, of what is repeated in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from passerelle.contracts.source import Column, Repeat, Source, Table
from passerelle.mapping.converting import Written
from passerelle.mapping.plan import Row

POSITION = "position"
_DEEPEST_PARENT = 2
_DEEPEST_REPEAT = 2


class Unresolved(Exception):
    """A name that stands for nothing. `known` are the names that would have."""

    def __init__(self, sentence: str, name: str = "", known: Sequence[str] = ()) -> None:
        self.sentence = sentence
        self.name = name
        self.known = tuple(known)
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows a field is evaluated on: what the generated code holds in its variables."""

    row: Row
    parents: Sequence[Row | None]
    children: Sequence[Sequence[Row]]
    occurrences: tuple[tuple[int, Row], ...] = ()

    def inside(self, position: int, occurrence: Row) -> "Frame":
        """The same rows, one occurrence further in."""
        return Frame(self.row, self.parents, self.children, (*self.occurrences, (position, occurrence)))


@dataclass(frozen=True, slots=True)
class Origin:
    """One column as a field reads it. `typed` is false where the contract declares no type for it.

    `where` is `row`, `parent`, `occurrence` or `position`; `holder` says which parent or which level of repetition.
    """

    name: str
    column: Column
    written: Written
    where: str
    place: int = 0
    holder: int = 0
    typed: bool = True
    table: str = ""

    @property
    def code(self) -> str:
        """The expression that reads it in generated code."""
        if self.where == "row":
            return f"r[{self.place}]"
        if self.where == "parent":
            return f"p{self.holder}[{self.place}]"
        return f"o{self.holder}[{self.place}]" if self.where == "occurrence" else f"str(n{self.holder})"

    def read(self, frame: Frame) -> str | None:
        """What the column holds."""
        if self.where == "row":
            held = frame.row
        elif self.where == "parent":
            parent = frame.parents[self.holder]
            if parent is None:
                return None
            held = parent
        else:
            position, held = frame.occurrences[self.holder]
            if self.where == POSITION:
                return str(position)
        value: str | None = held[self.place]
        return value


@dataclass(frozen=True, slots=True)
class Loop:
    """One repetition that is gone through. `fields` are its values by name: place in the occurrence, and column.

    `kind` is `path` (a list inside the row or an occurrence), `child` (rows of a child table) or `columns` (numbered
    columns); `place` says which list, or which child; `holder` is the level of the occurrence it lies in, None when it
    lies in the row.
    """

    name: str
    level: int
    holder: int | None
    kind: str
    place: int
    fields: Mapping[str, tuple[int, Column]]
    typed: bool
    written: Written
    slots: tuple[tuple[int | None, ...], ...] = ()
    table: str = ""
    repeats: Mapping[str, Repeat] = field(default_factory=dict)

    def over(self, frame: Frame) -> Iterator[Frame]:
        """The frame of every occurrence, in order. A set of numbered columns without any value does not occur."""
        held = frame.row if self.holder is None else frame.occurrences[self.holder][1]
        if self.kind == "columns":
            for position, slot in enumerate(self.slots, 1):
                occurrence: Row = [None if place is None else held[place] for place in slot]
                if any(value is not None for value in occurrence):
                    yield frame.inside(position, occurrence)
            return
        rows: Sequence[Row] = frame.children[self.place] if self.kind == "child" else held[self.place]
        for position, occurrence in enumerate(rows, 1):
            yield frame.inside(position, occurrence)

    @property
    def columns(self) -> tuple[str, ...]:
        """What may be read inside, position included."""
        return (*self.fields, POSITION)


def written_by(source: Source, table: Table) -> Written:
    """How a table writes its values."""
    return Written(
        zone=source.time_zone,
        decimal=table.dialect.decimal if table.dialect else ".",
        hl7=table.format == "hl7v2",
    )


class Columns:
    """Everything that fields of a mapping over one table may read, and what of it they did read."""

    def __init__(self, source: Source, table_name: str) -> None:
        self._source = source
        self.table_name = table_name
        self.table = source.tables[table_name]
        self._slots = {name: place for place, name in enumerate(self.table.columns)}
        self._written = written_by(source, self.table)
        self.parents: list[str] = []
        self.children: list[str] = []
        self.read: set[tuple[str, str]] = set()

    def loops(self, each: str, outer: tuple[Loop, ...] = ()) -> tuple[Loop, ...]:
        """The repetitions named by `each`, outermost first, after those that are gone through already.

        Raises:
            Unresolved: there is no such repetition.
        """
        names = each.split(".")
        if len(names) > _DEEPEST_REPEAT:
            raise Unresolved(f"`each: {each}` nests more than once")
        if outer and outer[0].name == names[0]:
            return outer if len(names) <= len(outer) else (*outer, self._inner(outer[-1], names[1]))
        first = replace(self._outer(names[0]), level=len(outer))
        return (*outer, first) if len(names) == 1 else (*outer, first, self._inner(first, names[1]))

    def resolve(self, name: str, loops: Sequence[Loop] = ()) -> Origin:
        """The column a name stands for.

        Raises:
            Unresolved: it stands for nothing.
        """
        if name in self._slots:
            return self._of_row(name)
        head, _, rest = name.partition(".")
        if not rest:
            raise Unresolved(f"column '{name}' is not in table '{self.table_name}'", name, list(self._slots))
        for loop in reversed(loops):
            inner = rest.partition(".")[2] if rest.startswith(f"{loop.name}.") else rest
            if loop.name == head or (rest != inner):
                return self._of_loop(name, loop, inner)
        if head in self.table.parents:
            return self._of_parent(name, head, rest)
        if head in self.table.repeats:
            raise Unresolved(f"'{name}' is read outside `each: {head}`")
        known = [*self.table.parents, *self.table.repeats]
        raise Unresolved(f"'{head}' is neither a parent nor a repetition of table '{self.table_name}'", head, known)

    def condition(self, name: str, loops: Sequence[Loop]) -> Origin:
        """The column that an `only` compares: a field of the innermost repetition by its short name, else any column.

        Raises:
            Unresolved: it stands for nothing.
        """
        for loop in reversed(loops):
            if name in loop.columns:
                return self._of_loop(name, loop, name)
        return self.resolve(name, loops)

    def parent_table(self, path: str) -> Table:
        """The table of a parent that is asked for."""
        table = self.table
        for name in path.split("."):
            table = self._source.tables[table.parents[name].table]
        return table

    def _of_row(self, name: str) -> Origin:
        self.read.add((self.table_name, name))
        return Origin(name, self.table.columns[name], self._written, "row", self._slots[name], table=self.table_name)

    def _of_loop(self, name: str, loop: Loop, field_name: str) -> Origin:
        if field_name == POSITION and POSITION not in loop.fields:
            return Origin(name, Column.model_validate({"type": "integer"}), loop.written, POSITION, 0, loop.level)
        found = loop.fields.get(field_name)
        if found is None:
            raise Unresolved(f"'{field_name}' is not a field of repetition '{loop.name}'", field_name, loop.columns)
        place, column = found
        if loop.table:
            self.read.add((loop.table, field_name))
        elif loop.kind == "columns":
            repeat = self.table.repeats[loop.name]
            self.read.update((self.table_name, one[field_name]) for one in repeat.columns or () if field_name in one)
        return Origin(name, column, loop.written, "occurrence", place, loop.level, loop.typed, loop.table)

    def _of_parent(self, name: str, head: str, rest: str) -> Origin:
        path, table_name = head, self.table.parents[head].table
        for step in range(2, _DEEPEST_PARENT + 2):
            table = self._source.tables[table_name]
            if rest in table.columns:
                place = list(table.columns).index(rest)
                self.read.add((table_name, rest))
                self._needs_parent(path)
                written = written_by(self._source, table)
                holder = self.parents.index(path)
                return Origin(name, table.columns[rest], written, "parent", place, holder, table=table_name)
            head, _, below = rest.partition(".")
            if not below or head not in table.parents:
                known = [*table.columns, *table.parents]
                raise Unresolved(f"'{rest}' is neither a column nor a parent of table '{table_name}'", head, known)
            if step > _DEEPEST_PARENT:
                break
            path, table_name, rest = f"{path}.{head}", table.parents[head].table, below
        raise Unresolved(f"'{name}' reaches over more than two parents")

    def _needs_parent(self, path: str) -> None:
        """The parent is asked for, and so is the one it is reached by."""
        steps = path.split(".")
        for depth in range(1, len(steps) + 1):
            part = ".".join(steps[:depth])
            if part not in self.parents:
                self.parents.append(part)

    def _outer(self, name: str) -> Loop:
        repeat = self.table.repeats.get(name)
        if repeat is None:
            raise Unresolved(
                f"'{name}' is not a repetition of table '{self.table_name}'", name, list(self.table.repeats)
            )
        if repeat.table is not None:
            return self._child(name, repeat)
        if repeat.columns is not None:
            return _numbered(name, None, repeat.columns, self.table, self._written)
        in_record = [one for one, held in self.table.repeats.items() if held.path is not None]
        place = len(self.table.columns) + in_record.index(name)
        return _listed(name, None, repeat, place, self._written)

    def _child(self, name: str, repeat: Repeat) -> Loop:
        table_name = repeat.table or ""
        table = self._source.tables[table_name]
        if name not in self.children:
            self.children.append(name)
        fields = {column: (place, held) for place, (column, held) in enumerate(table.columns.items())}
        return Loop(
            name=name,
            level=0,
            holder=None,
            kind="child",
            place=self.children.index(name),
            fields=fields,
            typed=True,
            written=written_by(self._source, table),
            table=table_name,
            repeats=table.repeats,
        )

    def _inner(self, outer: Loop, name: str) -> Loop:
        repeat = outer.repeats.get(name)
        if repeat is None or repeat.table is not None:
            raise Unresolved(f"'{name}' is not a repetition inside '{outer.name}'", name, list(outer.repeats))
        if repeat.columns is not None:
            return _numbered(name, outer.level, repeat.columns, self._source.tables[outer.table], outer.written)
        in_record = [one for one, held in outer.repeats.items() if held.path is not None]
        return _listed(name, outer.level, repeat, len(outer.fields) + in_record.index(name), outer.written)


def _numbered(
    name: str, holder: int | None, columns: Sequence[Mapping[str, str]], table: Table, written: Written
) -> Loop:
    slots = {column: place for place, column in enumerate(table.columns)}
    fields = list(dict.fromkeys(one for occurrence in columns for one in occurrence))
    typed = {one: next(table.columns[held[one]] for held in columns if one in held) for one in fields}
    return Loop(
        name=name,
        level=0 if holder is None else holder + 1,
        holder=holder,
        kind="columns",
        place=0,
        fields={one: (place, typed[one]) for place, one in enumerate(fields)},
        typed=True,
        written=written,
        slots=tuple(tuple(slots.get(occurrence.get(one, "")) for one in fields) for occurrence in columns),
    )


def _listed(name: str, holder: int | None, repeat: Repeat, place: int, written: Written) -> Loop:
    untyped: Any = Column.model_validate({})
    fields = {one: (position, untyped) for position, one in enumerate(repeat.fields)}
    return Loop(
        name=name,
        level=0 if holder is None else holder + 1,
        holder=holder,
        kind="path",
        place=place,
        fields=fields,
        typed=False,
        written=written,
        repeats=repeat.repeats,
    )
