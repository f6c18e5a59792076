"""`codes/*.csv`: what the source's codes mean, one line each, `-` for nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from passerelle.contracts.csv_file import read_csv
from passerelle.contracts.problems import Place, Problems, nearest

NOTHING = "-"
SAYS = {
    "code": "As the source writes it.",
    "target": f"The code it becomes; `{NOTHING}` means nothing here: the field is left out, and that is counted.",
    "system": "URI of the target's system, or a name of fhir/naming_systems.yaml or of the source's identifiers.",
    "display": "The words people read.",
    "says": "Why, when a reader would wonder.",
}
"""The columns of a code list, and what each holds."""
COLUMNS = tuple(SAYS)


@dataclass(frozen=True, slots=True)
class CodeTarget:
    """What a code means: a code of a system, with the words people read. `system` is a URI, or empty."""

    code: str
    system: str
    display: str


@dataclass(frozen=True, slots=True)
class CodeList:
    """The codes of one list. A code whose target is None means nothing here; a code that is not listed is unknown."""

    name: str
    rows: Mapping[str, CodeTarget | None]
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)


def read_code_list(name: str, body: bytes, file: str, systems: Mapping[str, str], problems: Problems) -> CodeList:
    """The list, systems given by name replaced by their URI; what is wrong with a line is a problem."""
    rows: dict[str, CodeTarget | None] = {}
    places: dict[str, Place] = {}
    for line in read_csv(body, file, COLUMNS, problems):
        code, target, system, display, _ = line.cells.values()
        if not code or not target:
            problems.add(line.place, f"`{'target' if code else 'code'}` is empty; `-` as a target means nothing here")
        elif code in places:
            problems.add(line.place, f"code '{code}' is written twice; it is already on line {places[code].line}")
        elif target == NOTHING and (system or display):
            problems.add(line.place, f"code '{code}' means nothing here and has no system and no display")
        else:
            places[code] = line.place
            uri = _uri(system, systems, line.place, problems)
            rows[code] = None if target == NOTHING else CodeTarget(target, uri, display)
    return CodeList(name, rows, places)


def _uri(system: str, systems: Mapping[str, str], place: Place, problems: Problems) -> str:
    if not system or ":" in system:
        return system
    if system not in systems:
        problems.add(place, f"system '{system}' is neither a URI nor a declared name{nearest(system, systems)}")
    return systems.get(system, "")
