"""What of a source came and was left aside: columns nobody reads, codes nobody listed. Counted by check and map."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from passerelle.checking.stage import USE_OF_COLUMNS
from passerelle.contracts.house import SourceFolder
from passerelle.mapping.stage import USE_OF_CODES
from passerelle.mapping.uses import Uses, columns_never_read
from passerelle.pipeline.instance import Instance
from passerelle.reporting.summary import Unused
from passerelle.stores.ledger import batches, findings

_Told = dict[tuple[str, str], int]


def unused_of(instance: Instance, source: str, among: Collection[str] | None = None) -> Unused:
    """What of the source was left aside by the batches of these names; by all of its batches, without.

    A code counts as met if any batch ever met it: one window seldom holds every code of a list.
    """
    folder, used = instance.folder(source), Uses()
    for plan in instance.tools(source).plans:
        used.add(plan.uses)
    declared: Counter[tuple[str, str]] = Counter()
    undeclared: Counter[tuple[str, str]] = Counter()
    unlisted: Counter[tuple[str, str]] = Counter()
    mapped = False
    with instance.stores.ledger.read() as tx:
        for batch in batches.found(tx, source=source):
            told = findings.uses_of(tx, batch.id)
            codes = [json.loads(text) for kind, text in told.items() if kind.startswith(USE_OF_CODES)]
            mapped |= bool(codes)
            for name, met in _pairs(one["met"] for one in codes):
                used.met.setdefault(name, set()).update(met)
            if among is not None and batch.name not in among:
                continue
            columns = json.loads(told.get(USE_OF_COLUMNS, "{}"))
            declared.update({(batch.table, name): count for name, count in columns.get("declared", {}).items()})
            undeclared.update({(batch.table, name): count for name, count in columns.get("undeclared", {}).items()})
            for one in codes:
                unlisted.update({(name, code): count for name, code, count in one["unlisted"] if name in used.lists})
    return Unused(
        unread=_listed(declared, _unread(folder, used)),
        set_aside=_listed(declared, _set_aside(folder)),
        undeclared=_listed(undeclared, undeclared),
        unlisted=_listed(unlisted, (one for one in unlisted if one[1] not in used.lists[one[0]].rows)),
        never_met=used.never_met() if mapped else {},
    )


def _pairs(told: Iterable[dict[str, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    for one in told:
        yield from one.items()


def _unread(folder: SourceFolder, used: Uses) -> Iterator[tuple[str, str]]:
    for table, columns in columns_never_read(folder, [used]).items():
        yield from ((table, column) for column in columns)


def _set_aside(folder: SourceFolder) -> Iterator[tuple[str, str]]:
    for name, table in folder.source.tables.items():
        yield from ((name, column) for column, one in table.columns.items() if one.unread)


def _listed(counted: _Told, wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Those of the wanted that came at all, by name."""
    return [(*one, counted[one]) for one in sorted(wanted) if counted.get(one)]
