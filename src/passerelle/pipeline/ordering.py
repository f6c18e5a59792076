"""In which order the tables of a source are worked on, and which of their batches become visible together."""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from passerelle.contracts.house import SourceFolder
from passerelle.stores.ledger.batches import Batch

MOST_RECORDS = 2_000_000


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


def published_together(listed: Iterable[Batch]) -> Iterator[list[Batch]]:
    """The batches in their order, in groups that are published at once: what that costs is paid once per group.

    One batch of a table at most, so that what each says is looked at before a later one of the table replaces it; and
    so many records at most, but for a batch that has more by itself, so that memory does not grow with what waits.
    """
    together: list[Batch] = []
    for batch in listed:
        is_full = sum(one.records for one in together) + batch.records > MOST_RECORDS
        if together and (is_full or batch.table in {one.table for one in together}):
            yield together
            together = []
        together.append(batch)
    if together:
        yield together
