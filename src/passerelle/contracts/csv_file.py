"""CSV as contracts use it: comma, UTF-8, one header with fixed names, every line knowing where it is."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from passerelle.contracts.problems import Place, Problems


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list, its cells by column."""

    place: Place
    cells: dict[str, str]


def read_csv(body: bytes, file: str, columns: Sequence[str], problems: Problems) -> list[Line]:
    """The lines below the header, which names exactly these columns; what cannot be read is a problem."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        problems.add(Place(file, body[: wrong.start].count(b"\n") + 1), "is not UTF-8")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Line] = []
    start = 1
    try:
        for cells in reader:
            place, start = Place(file, start), reader.line_num + 1
            if place.line == 1:
                if not _header_holds(cells, columns, place, problems):
                    return []
            elif not cells:
                continue
            elif len(cells) != len(columns):
                problems.add(place, f"has {len(cells)} cells; the header has {len(columns)}")
            else:
                found.append(Line(place, dict(zip(columns, cells, strict=True))))
    except csv.Error as wrong:
        problems.add(Place(file, reader.line_num), f"is not CSV: {wrong}")
    if start == 1:
        problems.add(Place(file), f"is empty; its first line is {','.join(columns)}")
    return found


def _header_holds(cells: Sequence[str], columns: Sequence[str], place: Place, problems: Problems) -> bool:
    if list(cells) == list(columns):
        return True
    problems.add(place, f"the header is not {','.join(columns)}")
    return False
