"""Ten times the records in one warm process: how much longer it takes, and how much more memory.

The records are those of a simulated CSAPA, repeated under other numbers. Every stage from land to published is run;
memory is the PSS of this process and its children, the highest that was seen. Time is told twice: by the clock, which
other work on the machine stretches, and as CPU time of this process, looking at the memory left out. Run: python
benchmarks/scale.py
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ground import Ground

from passerelle.pipeline.instance import Instance
from passerelle.records import BATCH_STAGES, Stage
from passerelle.stores.ledger import batches

SOURCE = "csapa"
NUMBERS = ("num_patient", "num_pec", "num_acte", "num_consentement", "num_opposition", "num_equipe")
PERSONS = 1_000
"""They have about 10,000 records."""
TIME, MEMORY = 11.0, 1.3
LOOK_EVERY = 0.1


class Watch:
    """Looks at the memory of this process and its children while a block runs."""

    def __init__(self) -> None:
        self.peak = 0
        self.used = 0.0
        """Seconds of CPU that looking took."""
        self._done = threading.Event()

    def _look(self) -> None:
        while not self._done.wait(LOOK_EVERY):
            family = list(_family(os.getpid()))
            # The kernel walks through all pages to tell the PSS, and that is never more than what is resident.
            if sum(map(_resident, family)) > self.peak:
                self.peak = max(self.peak, sum(map(_pss, family)))
            self.used = time.thread_time()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """The peak of the block, in kB."""
        thread = threading.Thread(target=self._look, daemon=True)
        self._done.clear()
        self.peak = sum(map(_pss, _family(os.getpid())))
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()


def _family(process: int) -> Iterator[int]:
    yield process
    for told in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = told.read_text("ascii").split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _resident(process: int) -> int:
    try:
        pages = Path(f"/proc/{process}/statm").read_text("ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024


def _pss(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def multiplied(base: Ground, root: Path, copies: int) -> Ground:
    """The source's files so many times, each time with other numbers of persons, courses of care and acts."""
    ground = Ground(root)
    for path in sorted((base.places.territory / "sources" / SOURCE).rglob("*.csv")):
        header, *lines = path.read_bytes().split(b"\r\n")
        columns = header.decode("latin-1").split(";")
        numbered = next((place for place, name in enumerate(columns) if name not in NUMBERS), 0)
        folder = ground.places.territory / path.parent.relative_to(base.places.territory)
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(copies):
            ending = b"-%d" % copy
            made = [_renumbered(line, numbered, ending) for line in lines]
            (folder / f"{path.stem}_{copy:04d}.csv").write_bytes(b"\r\n".join([header, *made]))
            (folder / f"{path.stem}_{copy:04d}.csv.ok").touch()
    (ground.places.territory / "territory.json").write_bytes((base.places.territory / "territory.json").read_bytes())
    ground.places.write_keys()
    ground.connect()
    return ground


def _renumbered(line: bytes, numbered: int, ending: bytes) -> bytes:
    cells = line.split(b";", numbered)
    return b";".join([*(cell + ending if cell else cell for cell in cells[:numbered]), *cells[numbered:]])


@dataclass(frozen=True, slots=True)
class Carried:
    """What it took: records landed, seconds by stage (by the clock, of CPU), and the highest PSS in kB."""

    records: int
    clock: dict[Stage, float]
    cpu: dict[Stage, float]
    peak: int


def carried(ground: Ground) -> Carried:
    """The source is run through every stage."""
    watch, clock, cpu = Watch(), {}, {}
    with ground.opened() as instance:
        instance.tools(SOURCE)
        with watch.looking():
            for stage in BATCH_STAGES:
                begun, used = time.perf_counter(), time.process_time() - watch.used
                ground.run(instance, SOURCE, [stage])
                clock[stage], cpu[stage] = time.perf_counter() - begun, time.process_time() - watch.used - used
        return Carried(_records(instance), clock, cpu, watch.peak)


def _records(instance: Instance) -> int:
    with instance.stores.ledger.read() as tx:
        return sum(batch.records for batch in batches.found(tx, source=SOURCE))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--short", action="store_true", help="10,000 and 100,000 records in place of 100,000 and 1,000,000"
    )
    copies = 1 if asked.parse_args().short else 10
    with tempfile.TemporaryDirectory(prefix="passerelle-bench-") as folder:
        _compare(Path(folder), copies)


def _compare(folder: Path, copies: int) -> None:
    base = Ground(folder / "base")
    base.simulate(PERSONS, 7, 0.01)
    warm = multiplied(base, folder / "warm", 1)
    carried(warm)
    told = []
    for times in (copies, copies * 10):
        one = carried(multiplied(base, folder / f"{times}", times))
        told.append(one)
        for what, seconds in (("by the clock", one.clock), ("of CPU", one.cpu)):
            each = ", ".join(f"{stage} {taken:.1f}" for stage, taken in seconds.items())
            print(f"{one.records:,} records: {sum(seconds.values()):.1f} s {what} ({each})")
        print(f"{one.records:,} records: at most {one.peak / 1024:,.0f} MB")
    fewer, more = told
    print(f"{more.records / fewer.records:.1f} times the records")
    for what, ratio, bound in (
        ("as long by the clock", sum(more.clock.values()) / sum(fewer.clock.values()), TIME),
        ("the CPU time", sum(more.cpu.values()) / sum(fewer.cpu.values()), TIME),
        ("the peak memory", more.peak / fewer.peak, MEMORY),
    ):
        print(f"  {ratio:.2f} times {what} (at most {bound:g}: {'met' if ratio <= bound else 'not met'})")


if __name__ == "__main__":
    main()
