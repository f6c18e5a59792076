"""What the benchmarks stand on: a simulated region, and an instance through which its sources are carried."""

import gc
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerelle.pipeline.demonstrating import Places
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import Asked, SourceRun, run_source
from passerelle.records import Stage
from passerelle.simulator import serve, simulate
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from passerelle.stores import sums

HOME = Path(__file__).resolve().parents[1]


class Ground:
    """A folder with a region and an instance that reads it."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root)

    def simulate(self, persons: int, seed: int, dirt: float) -> None:
        """The region is there; its housing desk does not answer yet."""
        self.places.root.mkdir(parents=True)
        simulate(persons, seed, self.places.territory, dirt=dirt)
        self.places.write_keys()
        self.connect()

    def connect(self, url: str = "http://localhost:9") -> None:
        """The connections are there; the desk's leads to this address."""
        self.places.write_connections(url, (CLIENT_ID, CLIENT_SECRET), TOKEN_PATH)

    @contextmanager
    def desk(self) -> Iterator[None]:
        """The housing desk answers."""
        with serve(self.places.territory) as server:
            self.connect(server.url)
            yield

    @contextmanager
    def opened(self) -> Iterator[Instance]:
        """The instance, open."""
        instance = Instance.open(self.places.settings(HOME))
        try:
            yield instance
        finally:
            instance.close()

    def run(self, instance: Instance, source: str, stages: Sequence[Stage]) -> SourceRun:
        """The source is run through these stages."""
        return run_source(instance, source, self._connections(), Asked(stages=stages))

    def _connections(self) -> dict[str, object]:
        from passerelle.doors.connections import read_connections

        return read_connections(self.places.connections)

    def copy(self, root: Path) -> "Ground":
        """The same in another folder, which is emptied before. Nobody may have this one open."""
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.places.root, root)
        return Ground(root)


@contextmanager
def undisturbed() -> Iterator[None]:
    """What exists now is not looked at by the collector of cycles; it stays on, as in production."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass
class Spent:
    """Seconds by the clock and of CPU."""

    clock: float = 0.0
    cpu: float = 0.0


@contextmanager
def recount_timed() -> Iterator[Spent]:
    """Counting again what a run touched is no part of its stages: its time goes here."""
    spent, plain = Spent(), sums.recount_source

    def timed(*given: Any) -> Any:
        begun, used = time.perf_counter(), time.process_time()
        try:
            return plain(*given)
        finally:
            spent.clock += time.perf_counter() - begun
            spent.cpu += time.process_time() - used

    sums.recount_source = timed
    try:
        yield spent
    finally:
        sums.recount_source = plain


def alternating(
    runs: int, one: Callable[[int], float], other: Callable[[int], float]
) -> tuple[list[float], list[float]]:
    """Both, in turn, so many times."""
    pairs = [(one(number), other(number)) for number in range(runs)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)
