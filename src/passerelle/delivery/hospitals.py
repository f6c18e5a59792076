"""What became of a hospital's own discharged people, told to that hospital alone, under its own numbers.

Nothing of it says more than whether a follow-up was seen in time, and where another door would have to say so, that
door is asked by the gate first. A prison is never part of it.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from passerelle.contracts.house import House
from passerelle.delivery.choosing import holders_asked, holders_by_kind_of_follow_up
from passerelle.delivery.folder import Snapshot
from passerelle.delivery.grounds import Grounds, Subject
from passerelle.fold.view import CutView, Tree, id_in
from passerelle.gate.recorded import Recorded, organisations_of_sources

HEADER = ("stay", "patient", "follow_up", "window", "from", "to", "outcome")
NOT_PERMITTED = "not-permitted"
SUFFIX = ".csv"
_FOLLOW_UP = "follow-up"


@dataclass(frozen=True, slots=True)
class _Line:
    source: str
    event: bytes
    patient: bytes
    follow_up: str
    window: str
    period: tuple[str, str]
    outcome: str


@dataclass(slots=True)
class FollowUpLists:
    """One list per hospital of the house."""

    house: House
    day: date
    _rows: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    _suppressed: Counter[str] = field(default_factory=Counter)

    def gather(
        self,
        view: CutView,
        recorded: Recorded,
        subjects: Mapping[bytes, Subject],
        linked: Mapping[bytes, frozenset[bytes]],
    ) -> None:
        """The rows of every hospital are known."""
        hospitals = {name for name, folder in self.house.sources.items() if folder.source.legal.kind == "hospital"}
        organisations = organisations_of_sources(self.house)
        grounds = {
            name: Grounds(self.house, recorded, subjects, linked, recipient=organisations[name], day=self.day)
            for name in hospitals
        }
        lines = list(self._lines(view, subjects, grounds))
        numbers = self._numbers(view, lines)
        self._rows = {name: [] for name in sorted(hospitals)}
        for line in lines:
            if line.outcome == NOT_PERMITTED:
                self._suppressed[line.source] += 1
            own = (numbers.get(line.event, ""), numbers.get(line.patient, ""))
            self._rows[line.source].append((*own, line.follow_up, line.window, *line.period, line.outcome))

    def _lines(
        self, view: CutView, subjects: Mapping[bytes, Subject], grounds: Mapping[str, Grounds]
    ) -> Iterable[_Line]:
        holders = holders_by_kind_of_follow_up(self.house)
        for one in view.bodies(("Task",)):
            patient, event = id_in(one.tree.get("for"), "Patient"), id_in(one.tree.get("reasonReference"), "Encounter")
            codes = [coding.get("code", "") for coding in one.tree.get("code", {}).get("coding", ())]
            if one.source in self.house.sources or patient is None or event is None or len(codes) != 2:
                continue
            if patient not in subjects:
                continue
            source = subjects[patient].source
            if source not in grounds:
                continue
            outcome = _outcome(one.tree)
            if grounds[source].refusal(patient, _FOLLOW_UP) is not None or any(
                grounds[source].refusal_of_others(patient, holder, data_class) is not None
                for holder, data_class in holders_asked(one.tree, holders)
            ):
                outcome = NOT_PERMITTED
            period = one.tree.get("restriction", {}).get("period", {})
            days = (period.get("start", ""), period.get("end", ""))
            yield _Line(source, event, patient, codes[0], codes[1], days, outcome)

    def _numbers(self, view: CutView, lines: Iterable[_Line]) -> dict[bytes, str]:
        """The hospital's own numbers of the stays and people of the lines."""
        wanted = {line.event for line in lines} | {line.patient for line in lines}
        systems = {
            name: {one.system for one in folder.source.identifiers.values()}
            for name, folder in self.house.sources.items()
        }
        return {
            one.id: _own_number(one.tree, systems.get(one.source, set()))
            for one in view.wholes(("Encounter", "Patient"), wanted)
        }

    def write(self, folder: Path) -> dict[str, int]:
        """The folder holds one list per hospital; how many rows each has is returned."""
        with Snapshot(folder) as snapshot:
            for source, rows in sorted(self._rows.items()):
                for row in (HEADER, *sorted(rows)):
                    snapshot.add(f"{source}{SUFFIX}", _csv(row))
            snapshot.commit(SUFFIX)
        return {source: len(rows) for source, rows in self._rows.items()}

    def counted(self) -> dict[str, tuple[int, int]]:
        """By hospital: rows that say what became of somebody, and rows that may not."""
        return {
            source: (len(rows) - self._suppressed[source], self._suppressed[source])
            for source, rows in self._rows.items()
        }


def _outcome(tree: Tree) -> str:
    """What became of it; why it cannot be seen, where it cannot."""
    codings = tree.get("businessStatus", {}).get("coding", ())
    said = next((str(one["code"]) for one in codings if one.get("code")), "")
    if said != "not-observable":
        return said
    why = tree.get("statusReason", {}).get("coding", ())
    return next((str(one["code"]) for one in why if one.get("code")), said)


def _own_number(tree: Tree, systems: set[str]) -> str:
    for identifier in tree.get("identifier", ()):
        if identifier.get("system") in systems and identifier.get("value"):
            return str(identifier["value"])
    return ""


def _csv(row: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue().encode()
