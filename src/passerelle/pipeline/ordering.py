"""In which order the tables of a source are worked on."""

from graphlib import CycleError, TopologicalSorter

from passerelle.contracts.house import SourceFolder


def tables_in_order(folder: SourceFolder) -> list[str]:
    """The source's tables, parents before those that name them."""
    tables = folder.source.tables
    above = {name: sorted({one.table for one in table.parents.values()}) for name, table in sorted(tables.items())}
    try:
        return list(TopologicalSorter(above).static_order())
    except CycleError:
        return sorted(tables)
