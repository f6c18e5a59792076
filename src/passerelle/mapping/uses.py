"""What a plan did not use: columns that no mapping reads, codes that were never met, codes nobody listed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from passerelle.contracts.code_list import CodeList
from passerelle.contracts.house import SourceFolder


@dataclass(slots=True)
class Uses:
    """What the plans of one process met. Nothing here is a value of a person: unknown codes are counted, not kept.

    `met` holds the codes of each list that were met; `unknown` how often a column held a code that is not in its list.
    """

    lists: dict[str, CodeList] = field(default_factory=dict)
    met: dict[str, set[str]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    read: set[tuple[str, str]] = field(default_factory=set)

    def meets(self, code_list: CodeList, code: str) -> None:
        """The code was met."""
        self.met.setdefault(code_list.name, set()).add(code)

    def misses(self, place: str) -> None:
        """A code was met that is not in the list."""
        self.unknown[place] = self.unknown.get(place, 0) + 1

    def never_met(self) -> dict[str, tuple[str, ...]]:
        """Codes of each list that were never met, sorted."""
        found = {
            name: tuple(sorted(set(one.rows) - self.met.get(name, set()))) for name, one in sorted(self.lists.items())
        }
        return {name: codes for name, codes in found.items() if codes}

    def add(self, other: "Uses") -> None:
        """What another plan, or another process, met is added."""
        self.lists.update(other.lists)
        self.read.update(other.read)
        for name, codes in other.met.items():
            self.met.setdefault(name, set()).update(codes)
        for place, count in other.unknown.items():
            self.unknown[place] = self.unknown.get(place, 0) + count


def columns_never_read(folder: SourceFolder, uses: Iterable[Uses]) -> dict[str, tuple[str, ...]]:
    """By table, the columns that no mapping of the source reads and that nobody declared `unread`.

    Columns that the contract itself reads (key, order, scope, deletion, links to other tables) are not among them.
    """
    read = {one for each in uses for one in each.read}
    for name, table in folder.source.tables.items():
        contract = {*table.key, table.order.column}
        contract |= {held.column for held in (table.scope, table.deleted) if held is not None}
        contract |= {column for parent in table.parents.values() for column in parent.on}
        contract |= {column for fold in table.folds.values() for column in fold.key}
        read |= {(name, column) for column in contract if column}
        for repeat in table.repeats.values():
            if repeat.table:
                read |= {(repeat.table, column) for column in (*repeat.on, *repeat.order)}
    found = {
        name: tuple(column for column, one in table.columns.items() if not one.unread and (name, column) not in read)
        for name, table in folder.source.tables.items()
    }
    return {name: columns for name, columns in found.items() if columns}
