"""Units have dates: a unit used outside them is noticed, never refused."""

from collections.abc import Mapping, Sequence

from passerelle.contracts.directory import Unit
from passerelle.contracts.source import Table
from passerelle.records import Reason

UNIT, START, PLACE = "@unit", "@start", "ZBE-7"


class UnitDates:
    """Knows when each unit of a source is valid."""

    def __init__(self, units: Mapping[str, Sequence[Unit]]) -> None:
        self._units = units

    def is_outside(self, code: str, day: str) -> bool:
        """True if the unit is known and no line of it is valid on the day (ISO, compared as text)."""
        lines = self._units.get(code)
        if not lines or not day:
            return False
        return not any(
            (not one.valid_from or str(one.valid_from) <= day) and (not one.valid_to or day <= str(one.valid_to))
            for one in lines
        )

    def noticed(self, table: Table, row: Sequence[str | None]) -> list[tuple[Reason, str]]:
        """A finding if the folded stay begins in a unit outside its dates of validity."""
        paths = [column.path for column in table.columns.values()]
        if UNIT not in paths or START not in paths:
            return []
        code, start = row[paths.index(UNIT)], row[paths.index(START)]
        if not code or not start or len(start) < 8:
            return []
        day = f"{start[:4]}-{start[4:6]}-{start[6:8]}"
        return [(Reason.OUTSIDE_VALIDITY, PLACE)] if self.is_outside(code, day) else []
