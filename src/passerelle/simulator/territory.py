"""A simulated region: lives first, then the truth, then the records of each door, in its own dialect."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerelle import __version__
from passerelle.errors import UsageError
from passerelle.simulator import dirt as spoiling
from passerelle.simulator.caarud import Caarud
from passerelle.simulator.chance import Chance
from passerelle.simulator.csapa import Csapa
from passerelle.simulator.files import Manifest
from passerelle.simulator.hospital import HOUSES, Hospital
from passerelle.simulator.lives import Life, live
from passerelle.simulator.region import (
    CSAPA_SINCE,
    DAYS,
    FINESS,
    FIRST_DAY,
    LAST_DAY,
    MOST_PERSONS,
    SIAO_SINCE,
    TIME_ZONE,
)
from passerelle.simulator.siao import Siao
from passerelle.simulator.truth import event_rows, person_row, slip_rows
from passerelle.simulator.usmp import EARLIER, Usmp
from passerelle.simulator.who import Person, make_person

FORMAT = 1
CANARIES = 50
SPOILED_CANARIES = 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was simulated: persons, records by source and table, dirty records by kind, index events by outcome."""

    persons: int
    records: dict[str, int]
    dirt: dict[str, int]
    outcomes: dict[str, int]
    as_of: str

    @property
    def total(self) -> int:
        """All records of all sources."""
        return sum(self.records.values())


def simulate(
    persons: int, seed: int, out: Path, *, dirt: float = 0.01, progress: Progress | None = None
) -> SimulationSummary:
    """The folder holds a region of so many persons: sources, truth and manifest. Same arguments, same bytes.

    Raises:
        UsageError: the folder holds something already, or a number is out of bounds.
    """
    if not 0 < persons <= MOST_PERSONS:
        raise UsageError(f"persons must lie between 1 and {MOST_PERSONS}")
    if not 0 <= dirt <= 1:
        raise UsageError("dirt is a share between 0 and 1")
    if out.exists() and any(out.iterdir()):
        raise UsageError("the folder for the simulated region must be empty")
    work = out / ".work"
    work.mkdir(parents=True)
    for name in ("truth", "manifest"):
        (out / name).mkdir()
    try:
        return _Region(persons, seed, out=out, work=work, dirt=dirt, progress=progress or _silent).write()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _silent(_what: str, _done: int, _all: int) -> None:
    """Nobody wants to know."""


class _Truth:
    """The truth, written line by line."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            name: (folder / f"{name}.ndjson").open("w", encoding="utf-8", newline="\n")
            for name in ("persons", "events", "slips")
        }
        self.outcomes: Counter[str] = Counter()

    def add(self, life: Life) -> None:
        self._line("persons", person_row(life))
        for event in event_rows(life):
            self._line("events", event)
            for follow_up, windows in event["expected"].items():
                for window, answer in windows.items():
                    self._count(event["pathway"], follow_up, window, answer)
        for slip in slip_rows(life):
            self._line("slips", slip)
            self.outcomes[f"slip.{slip['expected']}"] += 1

    def _count(self, pathway: str, follow_up: str, window: str, answer: dict[str, Any]) -> None:
        blind = f":{answer['blind']}" if answer["blind"] else ""
        self.outcomes[f"{pathway}.{follow_up}.{window}.{answer['outcome']}{blind}"] += 1

    def _line(self, name: str, row: dict[str, Any]) -> None:
        self._files[name].write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class _Region:
    """One simulation in the making."""

    def __init__(self, persons: int, seed: int, *, out: Path, work: Path, dirt: float, progress: Progress) -> None:
        self._persons, self._seed, self._out, self._dirt = persons, seed, out, dirt
        self._progress = progress
        sources = out / "sources"
        self._manifest = Manifest(out / "manifest" / "dirt.ndjson")
        self._truth = _Truth(out / "truth")
        self._writers = spoiling.Writers(
            chu=Hospital(seed, work, sources / "chu", HOUSES["chu"]),
            ch=Hospital(seed, work, sources / "ch", HOUSES["ch"]),
            csapa=Csapa(seed, work, sources / "csapa", dirt=dirt),
            usmp=Usmp(seed, sources / "usmp"),
            siao=Siao(seed, work, sources / "siao"),
            caarud=Caarud(seed, work, sources / "caarud"),
            manifest=self._manifest,
        )
        self._canaries: list[Person] = []

    def write(self) -> SimulationSummary:
        """Everything is on disk."""
        for index in range(self._persons):
            self._live(make_person(self._seed, index))
            if index % 200 == 0:
                self._progress("persons", index, self._persons)
        spoiled = SPOILED_CANARIES if self._dirt else 0
        for canary in range(CANARIES - spoiled):
            self._live(self._canary(canary))
        if self._dirt:
            self._spoil()
        self._finish()
        return self._summary()

    def _live(self, person: Person) -> None:
        life = live(self._seed, person)
        writers = self._writers
        if life.hospital:
            (writers.chu if life.hospital == "chu" else writers.ch).write(life)
        writers.csapa.write(life)
        writers.usmp.write(life)
        writers.siao.write(life)
        writers.caarud.write(life)
        self._truth.add(life)

    def _canary(self, number: int) -> Person:
        person = make_person(self._seed, self._persons + number, canary=number)
        self._canaries.append(person)
        return person

    def _spoil(self) -> None:
        """The first case of each of twenty kinds is a canary's; all others are of persons made for it."""
        index = self._persons + CANARIES
        cases = list(spoiling.kinds())
        canaries = iter(range(CANARIES - SPOILED_CANARIES, CANARIES))
        step = len(cases) / SPOILED_CANARIES
        chosen = {int(place * step) for place in range(SPOILED_CANARIES)}
        for place, (_, weight, spoil) in enumerate(cases):
            amount = max(1, round(self._persons * self._dirt * weight / 4))
            for number in range(amount):
                if number == 0 and place in chosen:
                    person = self._canary(next(canaries))
                else:
                    person = make_person(self._seed, index, kind="dirt")
                    index += 1
                self._spoil_one(spoil, person, number)
            self._progress("dirt", place + 1, len(cases))

    def _spoil_one(self, spoil: spoiling.Spoil, person: Person, number: int) -> None:
        chance = Chance(self._seed, "dirt", person.index)
        life = spoiling.spoiled_person(person)
        spoil(spoiling.Case(self._writers, life, chance, number, spoiling.moment_of(chance)))
        self._truth.add(life)

    def _finish(self) -> None:
        writers = self._writers
        finished: Iterable[Any] = (
            writers.chu,
            writers.ch,
            writers.csapa,
            writers.usmp,
            writers.siao,
            writers.caarud,
        )
        for place, writer in enumerate(finished, start=1):
            writer.finish(self._manifest)
            self._progress("sources", place, len(FINESS))
        self._manifest.close()
        self._truth.close()
        counts = {"records": dict(self._manifest.records), "files": self._manifest.files, "dirt": self._kinds()}
        self._json("manifest/counts.json", counts)
        self._json("manifest/canaries.json", canary_list(self._canaries))
        self._json("truth/summary.json", dict(sorted(self._truth.outcomes.items())))
        self._json(
            "territory.json",
            {
                "format": FORMAT,
                "passerelle": __version__,
                "seed": self._seed,
                "persons": self._persons,
                "canaries": CANARIES,
                "dirt": self._dirt,
                "first_day": FIRST_DAY.isoformat(),
                "days": DAYS,
                "as_of": LAST_DAY.isoformat(),
                "time_zone": TIME_ZONE,
                "sources": FINESS,
                "coverage": {"csapa": CSAPA_SINCE.isoformat(), "siao": SIAO_SINCE.isoformat()},
                "usmp_avant": EARLIER.isoformat(),
                "dirt_by_kind": self._kinds(),
            },
        )

    def _kinds(self) -> dict[str, int]:
        return dict(sorted(self._manifest.kinds.items()))

    def _json(self, name: str, tree: Any) -> None:
        text = json.dumps(tree, ensure_ascii=False, indent=2) + "\n"
        (self._out / name).write_text(text, encoding="utf-8", newline="\n")

    def _summary(self) -> SimulationSummary:
        return SimulationSummary(
            self._persons,
            dict(sorted(self._manifest.records.items())),
            self._kinds(),
            dict(sorted(self._truth.outcomes.items())),
            LAST_DAY.isoformat(),
        )


def canary_list(persons: Iterable[Person]) -> dict[str, Any]:
    """The values that must be seen nowhere but in sealed places: names, streets, phones, numbers, a file name."""
    rows: list[dict[str, Any]] = []
    values: dict[str, list[str]] = defaultdict(list)
    for person in persons:
        own = list(_values(person))
        rows.append({"person": person.index, "name": person.birth_name, "values": own})
        values["values"].extend(own)
    return {"values": sorted(set(values["values"])), "persons": rows, "files": ["zzcanarifichier"]}


def _values(person: Person) -> Iterator[str]:
    yield person.birth_name
    yield person.given_names[0]
    if person.used_name:
        yield person.used_name
    yield person.street
    yield person.phone
    yield person.ins
