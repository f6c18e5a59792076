"""What a plan did not use: columns that no mapping reads, codes that were never met, codes nobody listed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from passerelle.contracts.code_list import CodeList
from passerelle.contracts.house import SourceFolder

OTHER_FORM = ""
"""Stands for codes that are not listed and do not look like those that are: what they say may be of a person."""
_OF_SOMEBODY = re.compile("A{4}|9{5}")


@dataclass(slots=True)
class Uses:
    """What the plans of one process met: by list, its codes; and which columns they read."""

    lists: dict[str, CodeList] = field(default_factory=dict)
    met: dict[str, set[str]] = field(default_factory=dict)
    read: set[tuple[str, str]] = field(default_factory=set)

    def meets(self, code_list: CodeList, code: str) -> None:
        """The code was met."""
        self.met.setdefault(code_list.name, set()).add(code)

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


def told_as(code_list: CodeList) -> Callable[[str], str]:
    """How a code that is not listed may be told: as it is if it is written like one that is, else as `OTHER_FORM`.

    A slipped column brings names and numbers of persons where a code was wanted. What has no digit is never told but
    for a single letter, since names may be short; neither are words, nor numbers as long as a postal code or a date.
    """
    forms = {form for code in code_list.rows if _says_nobody(form := _form(code))}
    return lambda code: code if _form(code) in forms else OTHER_FORM


def _says_nobody(form: str) -> bool:
    return ("9" in form or len(form) == 1) and not _OF_SOMEBODY.search(form)


def _form(code: str) -> str:
    return "".join("9" if one.isdigit() else "A" if one.isalpha() else one for one in code)


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
