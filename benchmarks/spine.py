"""Mapping, validation, sealing and writing beside `fhir.resources` R4B, which validates and dumps the same resources.

Prints how often the rate of the peer ours is: up to the files, and up to the committed ledger. CPU time of this
process, medians of alternating runs. Planted faults come first. Run: python benchmarks/spine.py
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from faults import show_records_caught, show_resources_caught
from ground import Ground, alternating, median, recount_timed, undisturbed

from passerelle.doors.fhir_models import accepts
from passerelle.mapping.evaluating import Evaluation
from passerelle.mapping.plan import Rendered
from passerelle.mapping.writing import EvaluationWriter
from passerelle.pipeline.instance import Instance
from passerelle.records import Stage
from passerelle.stores.ledger import Ledger, batches, tallies
from passerelle.structure import Splitter, structure

SOURCES = ("csapa", "siao")
DIRT = 0.04
"""So that one in a hundred of the records that reach map is bad; most dirt of the simulator stops before."""
TO_FILES, TO_LEDGER = 20.0, 12.0
Trees = Mapping[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one run of ours: both stages, what the ledger's transactions took of it, and counting again after."""

    whole: float
    commits: float
    by_stage: Mapping[Stage, float]
    recount: float


def resources_of(prepared: Ground, work: Path) -> dict[str, list[bytes]]:
    """Every resource that the batches give, by type, as JSON; and the proof that bad records stop."""
    ground = prepared.copy(work)
    with ground.opened() as instance:
        with _noting() as seen:
            for source in SOURCES:
                ground.run(instance, source, [Stage.MAP])
        for source in SOURCES:
            ground.run(instance, source, [Stage.VALIDATE])
        show_records_caught(instance, ground, SOURCES)
    return dict(seen)


@contextmanager
def _noting() -> Iterator[dict[str, list[bytes]]]:
    """What goes into the files is noted, both halves of each resource together again."""
    seen: defaultdict[str, list[bytes]] = defaultdict(list)
    plain = EvaluationWriter.add

    def noted(self: EvaluationWriter, row: int, evaluations: Iterable[Evaluation]) -> None:
        listed = list(evaluations)
        for one in (one for evaluation in listed for one in evaluation.emitted):
            if isinstance(one, Rendered):
                sealed = orjson.loads(one.sealed) if one.sealed else None
                seen[one.type].append(orjson.dumps(Splitter.join(orjson.loads(one.plain), sealed)))
            else:
                seen[one.type].append(orjson.dumps(one.tree))
        plain(self, row, listed)

    EvaluationWriter.add = noted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        EvaluationWriter.add = plain  # type: ignore[method-assign]


def ours(prepared: Ground, work: Path) -> Cost:
    """One run over a fresh copy of the landed and checked batches, with freshly compiled mappings."""
    ground = prepared.copy(work)
    by_stage = {}
    with ground.opened() as instance:
        for source in SOURCES:
            instance.tools(source)
        _warm(instance)
        with undisturbed(), _commits_timed() as commits, recount_timed() as recount:
            for stage in (Stage.MAP, Stage.VALIDATE):
                begun, counted = time.process_time(), recount.cpu
                for source in SOURCES:
                    ground.run(instance, source, [stage])
                by_stage[stage] = time.process_time() - begun - (recount.cpu - counted)
    return Cost(sum(by_stage.values()), commits[0], by_stage, recount.cpu)


def _warm(instance: Instance) -> None:
    """What is made once per process is there: ids of the directory."""
    assert instance.known_ids.num_rows


@contextmanager
def _commits_timed() -> Iterator[list[float]]:
    """CPU seconds inside transactions that write to the ledger."""
    told = [0.0]
    plain = Ledger.in_transaction

    def timed(self: Ledger, *given: Any, **named: Any) -> Any:
        begun = time.process_time()
        try:
            return plain(self, *given, **named)
        finally:
            told[0] += time.process_time() - begun

    Ledger.in_transaction = timed  # type: ignore[method-assign]
    try:
        yield told
    finally:
        Ledger.in_transaction = plain  # type: ignore[method-assign]


def peer(trees: Trees, sample: int) -> dict[str, float]:
    """CPU seconds that `fhir.resources` takes to validate and dump one resource, by type."""
    from fhir.resources.R4B import get_fhir_model_class

    told = {}
    for name, listed in sorted(trees.items()):
        model = get_fhir_model_class(name)
        chosen = listed[:: max(1, len(listed) // sample)][:sample]
        with undisturbed():
            begun = time.process_time()
            for one in chosen:
                model.model_validate_json(one).model_dump_json()
            told[name] = (time.process_time() - begun) / len(chosen)
    return told


def counted(prepared: Ground) -> tuple[int, int]:
    """Records that reach map, and how many of them map or validate stopped or noticed something about."""
    with prepared.opened() as instance, instance.stores.ledger.read() as tx:
        received = sum(
            tallies.received(tallies.of(tx, batch.id), Stage.MAP)
            for source in SOURCES
            for batch in batches.found(tx, source=source)
        )
        emitted = sum(tallies.fan_out(tx, batch.id) for source in SOURCES for batch in batches.found(tx, source=source))
    return received, emitted


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--persons", type=int, default=6000)
    asked.add_argument("--runs", type=int, default=5)
    asked.add_argument("--sample", type=int, default=300, help="resources of each type given to the peer in each run")
    told = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="passerelle-bench-") as folder:
        _measure(Path(folder), told.persons, told.runs, told.sample)


def _measure(folder: Path, persons: int, runs: int, sample: int) -> None:
    prepared = Ground(folder / "prepared")
    prepared.simulate(persons, 7, DIRT)
    with prepared.desk(), prepared.opened() as instance:
        for source in SOURCES:
            prepared.run(instance, source, [Stage.LAND, Stage.CHECK])
    print("planted faults:")
    trees = resources_of(prepared, folder / "work")
    show_resources_caught({name: orjson.loads(held[0]) for name, held in trees.items()}, structure().check, accepts)
    records, _ = counted(Ground(folder / "work"))
    total = sum(map(len, trees.values()))
    print(f"{records:,} records of {persons:,} persons give {total:,} resources")

    costs: list[Cost] = []
    each: list[dict[str, float]] = []

    def one_of_ours(_: int) -> float:
        costs.append(ours(prepared, folder / "work"))
        return costs[-1].whole

    def one_of_the_peer(_: int) -> float:
        each.append(peer(trees, sample))
        return sum(each[-1][name] * len(held) for name, held in trees.items())

    peer(trees, 20)
    whole, beside = alternating(runs, one_of_ours, one_of_the_peer)
    files = [cost.whole - cost.commits for cost in costs]
    print(f"{'type':24}{'resources':>10}{'fhir.resources, us each':>26}")
    for name, held in sorted(trees.items()):
        print(f"{name:24}{len(held):>10,}{median([one[name] for one in each]) * 1e6:>26,.0f}")
    for stage in (Stage.MAP, Stage.VALIDATE):
        seconds = median([cost.by_stage[stage] for cost in costs])
        print(f"ours, {stage}: {seconds:.2f} s, {seconds / total * 1e6:.1f} us a resource")
    seconds = median([cost.recount for cost in costs])
    print(
        f"ours, counting again afterwards: {seconds:.2f} s, {seconds / total * 1e6:.1f} us a resource, not in the ratios"
    )
    print(f"fhir.resources: {median(beside):.2f} s, {total / median(beside):,.0f} resources a second")
    to_files = median([theirs / our for theirs, our in zip(beside, files, strict=True)])
    to_ledger = median([theirs / our for theirs, our in zip(beside, whole, strict=True)])
    for what, ratio, seconds, bound in (
        ("map, validate, seal and write", to_files, median(files), TO_FILES),
        ("up to the committed ledger", to_ledger, median(whole), TO_LEDGER),
    ):
        said = "met" if ratio >= bound else "not met"
        print(
            f"{what}: {total / seconds:,.0f} resources a second, {ratio:.1f} times the peer (at least {bound:g}: {said})"
        )


if __name__ == "__main__":
    main()
