"""The map stage: a checked batch, partition by partition, becomes resources, stops and findings.

What a record touches is read as it stands: parents, children, messages of the same story. What other batches must
say anew because of this one is the business of `refreshing`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from passerelle.contracts.house import SourceFolder
from passerelle.fold.versions import Place, Version, Versions
from passerelle.mapping.compiling import SourcePlans
from passerelle.mapping.evaluating import Check, Evaluator, Judged, combined
from passerelle.mapping.learning import PlanWriter, Split
from passerelle.mapping.plan import Plan, Write
from passerelle.mapping.streaming import seldom_collected
from passerelle.mapping.texts import References
from passerelle.mapping.writing import EvaluationWriter
from passerelle.records import PARTITION_ROWS, Stage, Stop
from passerelle.stores.ledger import Transaction, batches, findings, items, stored
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.opened import Stores
from passerelle.structure import Splitter

CHUNK = 5_000
USE_OF_CODES = "codes/"
"""And the number of the partition: the codes it met of each list, and how often one that is not listed stopped a record."""
MAPPED_AT = "mapped-at"
"""The last position of a file of the source when the batch was mapped: what has a higher one knew the batch."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class MapTools:
    """What map needs beside the stores: the contract, its plans, and how a resource is held against R4 and split."""

    folder: SourceFolder
    plans: SourcePlans
    versions: Versions
    """One for all batches: what lies at a place never changes, nor the key of a row."""
    check: Check
    split: Split
    writes: Mapping[str, Write]
    """By mapping: what gives its resources as they are kept."""

    @classmethod
    def of(
        cls, stores: Stores, folder: SourceFolder, plans: SourcePlans, check: Check, identity: Splitter
    ) -> "MapTools":
        """The tools for the source in these stores, with every plan able to go the short way."""
        references = References()
        writes = {plan.mapping: PlanWriter(plan, check, identity, references).write for plan in plans}
        return cls(folder, plans, Versions(stores, folder), check, identity.split, writes)

    def evaluator(self, *, also: int | None = None) -> Evaluator:
        """An evaluator that knows what the ledger knows now; the batch `also`, about to be mapped, counts as mapped."""
        known = self.versions.known(also)
        return Evaluator(
            self.folder,
            self.versions,
            self.plans.by_table,
            self.check,
            known,
            writes=self.writes,
            known_is_settled=also is not None,
        )


def map_batch(stores: Stores, tools: MapTools, batch: Batch, lease: Lease, progress: Progress | None = None) -> Batch:
    """The batch is mapped: every partition has its files, stops and counts in the ledger. Safe to stop and run again.

    Raises:
        StaleLease: someone took over.
        Unavailable: a file or the ledger cannot be reached.
    """
    with stores.ledger.read() as tx:
        done = batches.parts_done(tx, batch.id, Stage.MAP)
    left = [part for part in range(batch.partitions) if part not in done]
    if left:
        evaluator = tools.evaluator(also=batch.id)
        with seldom_collected():
            for number, part in enumerate(left):
                if progress is not None:
                    progress(number, len(left))
                _Partition(stores, tools, evaluator, batch, part).commit(lease)

    def commit(tx: Transaction) -> Batch:
        findings.put_use(tx, batch.id, MAPPED_AT, json.dumps(stored.last_position(tx, batch.source)))
        return batches.advance(tx, lease, batch.id, BatchState.MAPPED)

    return stores.ledger.in_transaction(commit)


def _codes_met(plans: Iterable[Plan]) -> dict[str, list[str]]:
    """By code list, the codes that were met."""
    met: defaultdict[str, set[str]] = defaultdict(set)
    for plan in plans:
        for name, codes in plan.uses.met.items():
            met[name] |= codes
    return {name: sorted(codes) for name, codes in sorted(met.items())}


class _Partition:
    """One partition being mapped."""

    def __init__(self, stores: Stores, tools: MapTools, evaluator: Evaluator, batch: Batch, part: int) -> None:
        self._stores = stores
        self._tools = tools
        self._evaluator = evaluator
        self._batch = batch
        self._part = part
        self._table = batch.table
        self._keys = evaluator.versions.tables[batch.table]
        self._findings: findings.Counted = defaultdict(int)
        self._unlisted: Counter[tuple[str, str]] = Counter()
        self._stops: list[Stop] = []
        self._units: dict[int, int] = {}
        self._passed = 0
        self._fan_out = 0

    def commit(self, lease: Lease) -> None:
        """Files are durable, then one transaction names them with everything that is counted."""
        data_key = self._stores.vault.open_data_key(self._batch.wrapped_key)
        stories = self._evaluator.sequence_folds(self._table)
        with EvaluationWriter(self._stores, self._batch.id, self._part, data_key, self._tools.split) as writer:
            if stories:
                judged = self._judge_with_stories()
                self._write(writer, (judged[place] for place in sorted(judged)))
            else:
                for records in _chunks(self._records(), CHUNK):
                    self._write(writer, self._judge(records))
            files = writer.close()

        def commit(tx: Transaction) -> None:
            findings.put_use(tx, self._batch.id, f"{USE_OF_CODES}{self._part}", self._use_of_codes())
            batches.commit_part(
                tx,
                lease,
                self._batch.id,
                Stage.MAP,
                self._part,
                passed=self._passed,
                files=files,
                stops=self._stops,
                units=self._units,
                fan_out=self._fan_out,
                findings=dict(self._findings),
            )

        self._stores.ledger.in_transaction(commit)

    def _use_of_codes(self) -> str:
        met = _codes_met(self._tools.plans.by_table.get(self._table, ()))
        unlisted = [(*one, times) for one, times in sorted(self._unlisted.items())]
        return json.dumps({"met": met, "unlisted": unlisted})

    def _write(self, writer: EvaluationWriter, judged: Iterable[Judged]) -> None:
        for one in judged:
            for reason, place in one.notes:
                self._findings[Stage.MAP, reason, place] += 1
            if one.stop is None:
                self._passed += 1
                for evaluation in one.evaluations:
                    self._fan_out += len(evaluation.emitted)
                writer.add(one.place.row, one.evaluations)
                continue
            if one.stop.stage is Stage.VALIDATE:
                self._passed += 1
                self._fan_out += one.emits
            if one.unlisted is not None:
                self._unlisted[one.unlisted] += 1
            self._stops.append(one.stop)
            self._units[one.stop.row] = one.emits

    def _records(self) -> Iterator[tuple[int, bytes]]:
        """The rows that reached map, with their bytes."""
        first = self._part * PARTITION_ROWS
        with self._stores.ledger.read() as tx:
            (file,) = stored.of_batch(tx, self._batch.id, FileKind.RECORDS, part=self._part)
            stopped = {
                item.row
                for stage in (Stage.LAND, Stage.CHECK)
                for item in items.found(tx, batch_id=self._batch.id, stage=stage)
            }
        key = self._stores.vault.open_data_key(file.wrapped_key or self._batch.wrapped_key)
        for index, raw in enumerate(self._stores.vault.read_records(file, key)):
            if first + index not in stopped:
                yield first + index, raw

    def _versions(self, rows: Sequence[tuple[int, bytes]]) -> tuple[list[Version], dict[bytes, list[Entry]]]:
        """The records parsed, with the order land gave them, and every known version of their keys."""
        read, batch_id, new = self._keys.reader.parse, self._batch.id, tuple.__new__
        # As Place(...), at half the cost.
        told = {new(Place, (batch_id, row)): read(raw) for row, raw in rows}
        return self._evaluator.versions.located(self._table, told)

    def _judge(self, rows: Sequence[tuple[int, bytes]]) -> Iterator[Judged]:
        versions, entries = self._versions(rows)
        return self._evaluator.judged_in_turn(self._table, versions, entries)

    def _judge_with_stories(self) -> dict[Place, Judged]:
        versions, _ = self._versions(list(self._records()))
        own = self._evaluator.judge_records(self._table, versions)
        parts = [own]
        mine = {one.place for one in versions}
        for role in self._evaluator.sequence_folds(self._table):
            register = self._keys.registrations[role]
            folds = {fold for one in versions if (fold := register.fold_of(one.row)) is not None}
            told = self._evaluator.judge_stories(self._table, role, folds, refusing(self._evaluator, dict(own)))
            parts.append({place: one for place, one in told.items() if place in mine})
        return combined(parts)


def refusing(evaluator: Evaluator, known: dict[Place, Judged]) -> Callable[[str, Sequence[Version]], set[Place]]:
    """Tells which messages stop by themselves; what was judged before is not judged again."""

    def refused(table: str, messages: Sequence[Version]) -> set[Place]:
        fresh = [one for one in messages if one.place not in known]
        known.update(evaluator.judge_records(table, fresh))
        return {one.place for one in messages if known[one.place].stop is not None}

    return refused


def _chunks(rows: Iterator[tuple[int, bytes]], size: int) -> Iterator[list[tuple[int, bytes]]]:
    while chunk := list(islice(rows, size)):
        yield chunk
