"""In which order the tables of a source are worked on."""

from graphlib import CycleError, TopologicalSorter

from passerelle.contracts.house import SourceFolder


def tables_in_order(folder: SourceFolder) -> list[str]:
    """The source's tables, parents before those that name them, and before those they list."""
    tables = folder.source.tables
    above = {name: {one.table for one in table.parents.values()} for name, table in sorted(tables.items())}
    for name, table in tables.items():
        for repeat in table.repeats.values():
            if repeat.table in above:
                above[repeat.table].add(name)
    try:
        return list(TopologicalSorter({name: sorted(before) for name, before in above.items()}).static_order())
    except CycleError:
        return sorted(tables)
