"""Which tables of a source wait for which, and that no record decides over itself.

Whether a record stands is then a function of the records alone, whatever the order in which they came: a record that
stood because its child does not, which does not because it stands, would have two answers (decision 0001).
"""

from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from passerelle.contracts.housed import SourceFolder
from passerelle.contracts.mapping import Emit, MappingFile, Present
from passerelle.contracts.problems import Problems

_SAYS, _STANDS = "says", "stands"
_Node = tuple[str, str]


def listers_of(folder: SourceFolder, table: str) -> list[str]:
    """The tables that list the records of this one as a repetition of theirs."""
    return sorted(
        name
        for name, one in folder.source.tables.items()
        if any(repeat.table == table for repeat in one.repeats.values())
    )


def check_relations(folder: SourceFolder, problems: Problems) -> None:
    """No record waits for itself, in however many steps, nor for what only it can bring about."""
    needs = _needs(folder)
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[_Node] = error.args[1]
        tables = list(dict.fromkeys(table for table, _ in circle))
        first = min(tables)
        what = "parents" if folder.source.tables[first].parents else "repeats"
        named = ", ".join(f"'{name}'" for name in sorted(tables))
        sentence = (
            f"records of table {named} would wait for records of the same table"
            if len(tables) == 1
            else f"tables {named} wait for one another"
        )
        problems.add(
            folder.lines.of_source("tables", first, what),
            f"{sentence}, and what stands would depend on the order in which records come; leave out a parent, or let "
            "one table alone read what the other lists",
        )


def _needs(folder: SourceFolder) -> dict[_Node, set[_Node]]:
    """What a table says needs what it lists and reads; that it stands needs its parents too."""
    tables = folder.source.tables
    needs: defaultdict[_Node, set[_Node]] = defaultdict(set)
    for name, table in tables.items():
        says, stands = needs[name, _SAYS], needs[name, _STANDS]
        stands.add((name, _SAYS))
        listers = listers_of(folder, name)
        for parent in table.parents.values():
            (stands if parent.table in listers else says).add((parent.table, _STANDS))
        mappings = [mapping for mapping in folder.mappings if mapping.reads == name]
        if not mappings:
            stands.update((lister, _STANDS) for lister in listers)
        says.update((repeat.table, _SAYS) for repeat in table.repeats.values() if repeat.table in tables)
        says.update((read, _STANDS) for mapping in mappings for read in _tables_read(folder, mapping))
    return {
        node: {other for other in others if other[0] in tables} for node, others in needs.items() if node[0] in tables
    }


def _tables_read(folder: SourceFolder, mapping: MappingFile) -> Iterator[str]:
    """The tables above, of which a mapping reads columns."""
    tables = folder.source.tables
    for column in (name for emit in mapping.emits for name in _names_in(emit)):
        table = tables[mapping.reads]
        for step in column.split(".")[:-1]:
            if step not in table.parents or table.parents[step].table not in tables:
                break
            yield table.parents[step].table
            table = tables[table.parents[step].table]


def _names_in(emit: Emit) -> Iterator[str]:
    yield from emit.key
    yield from emit.only
    if emit.present is not None:
        yield emit.present.column if isinstance(emit.present, Present) else emit.present
    for line in emit.fields:
        yield from line.only
        yield from (line.column,) if line.column is not None else line.columns or ()
        yield from line.key
