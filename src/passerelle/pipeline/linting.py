"""Everything that is wrong in the contracts, at once: what reading tells, then what compiling tells of all that was read."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

from passerelle.checking import compile_expectations
from passerelle.contracts.across_rules import read_across_rules
from passerelle.contracts.house import House, SourceFolder, read_house
from passerelle.contracts.terminology import strange_systems
from passerelle.errors import ContractError
from passerelle.mapping.compiling import compile_source
from passerelle.stores.keys import KeyRing

_QUOTED = re.compile("'([^']*)'")


@dataclass(frozen=True, slots=True)
class Linted:
    """The source folders that are right, what is wrong (`file:line: sentence`), and what is only worth a look."""

    right: Sequence[SourceFolder]
    problems: Sequence[str]
    noticed: Sequence[str] = ()


def lint_house(root: Path, jurisdiction: str) -> Linted:
    """Every contract below the root, read and compiled. A name of which reading tells is not told of again."""
    house, read = read_house(root, jurisdiction=jurisdiction)
    told, right = [*read], []
    try:
        read_across_rules(root)
    except ContractError as wrong:
        told += wrong.problems
    if house is None:
        return Linted((), told)
    subjects = {_subject(one) for one in read}
    for folder in [one for held in (house.sources, house.linted) for _, one in sorted(held.items())]:
        found = [one for one in _compiled(folder, house) if _subject(one) not in subjects]
        told += found
        if not found and not any(f"/{folder.name}/" in file for file, _ in subjects):
            right.append(folder)
    if not read:
        told += [one for folder in right for one in _asked(folder, house)]
    noticed = [one for folder in right for one in strange_systems(folder, house.naming)]
    return Linted(right, list(dict.fromkeys(told)), noticed)


def _compiled(folder: SourceFolder, house: House) -> tuple[str, ...]:
    """What compiling the mappings of a folder tells."""
    try:
        compile_source(folder, house, KeyRing.demo())
    except ContractError as wrong:
        return wrong.problems
    except ZoneInfoNotFoundError:  # reading told of it, and without a zone nothing compiles
        return ()
    return ()


def _asked(folder: SourceFolder, house: House) -> Iterator[str]:
    """What compiling its expectations tells, where reading found nothing."""
    for table in folder.source.tables.values():
        try:
            compile_expectations(table, house.suites)
        except ContractError as wrong:
            yield from wrong.problems


def _subject(problem: str) -> tuple[str, str]:
    """The file of a sentence and the name that it finds wrong."""
    place, _, sentence = problem.partition(": ")
    named = _QUOTED.search(sentence)
    return place.partition(":")[0], named[1] if named else sentence
