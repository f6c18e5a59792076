"""A window becomes at most one batch: records are read, classified and committed, partition by partition.

A batch starts with the first record that nobody knew. Until then partitions of known records are only counted, and
afterwards written as such, so that the same window gives the same rows wherever a worker was killed.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from passerelle.contracts.house import SourceFolder, contracts_bytes
from passerelle.landing.bounds import Asked, Bounds, Json, Raw, Reading
from passerelle.landing.classifying import Classified, Classifier
from passerelle.landing.holding import LEASE_SECONDS, Held
from passerelle.landing.partition import Known, Partition
from passerelle.records import PARTITION_ROWS, Stage, State
from passerelle.stores.keys import DataKey
from passerelle.stores.ledger import Transaction, batches, contracts, key_index, leases, run_log, stored, windows
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.ledger.windows import Window
from passerelle.stores.opened import Stores

CHUNK_ROWS = 2_000
CHUNK_BYTES = 16 * 1024 * 1024
EVENT = "land"


@dataclass(frozen=True, slots=True)
class Work:
    """What a land works with, the same for all windows of its table."""

    stores: Stores
    folder: SourceFolder
    asked: Asked
    classifier: Classifier
    held: Held
    note: str

    @property
    def source(self) -> str:
        """The source's name in the ledger."""
        return self.asked.source.source

    @property
    def table(self) -> str:
        """The table's name in the ledger."""
        return self.asked.table_name

    def seal(self, what: str, plain: Json) -> bytes:
        """The bounds or the mark of the table, sealed."""
        return self.stores.vault.seal(self._context(what), json.dumps(plain, separators=(",", ":")).encode())

    def opened(self, what: str, sealed: bytes) -> Json:
        """The bounds or the mark of the table."""
        return json.loads(self.stores.vault.open(self._context(what), sealed))

    def _context(self, what: str) -> str:
        return f"{what} {self.source} {self.table}"


WINDOW, MARK = "window", "mark"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the ledger keeps between windows: where the next begins, and how far an open one was committed."""

    done: Json | None = None
    window_id: int | None = None
    checkpoint: Json | None = None

    @classmethod
    def of(cls, work: Work, tx: Transaction) -> "Mark":
        """The mark of the table."""
        sealed = windows.watermark(tx, work.source, work.table)
        return cls(**work.opened(MARK, sealed)) if sealed is not None else cls()

    def sealed(self, work: Work) -> bytes:
        """The mark as it is stored."""
        return work.seal(MARK, {"done": self.done, "window_id": self.window_id, "checkpoint": self.checkpoint})


class Filling:
    """One open window on its way to being done."""

    def __init__(self, work: Work, window: Window, mark: Mark, looked: Mapping[str, int] | None = None) -> None:
        """Without a batch it begins; with one it goes on. `looked` is what was noticed before, for the run log."""
        self._work = work
        self._window = window
        self._mark = mark
        self._known = Known(work.stores.ledger, work.source, work.classifier)
        self._batch: Batch | None = None
        self._part = 0
        self._landed_rows = 0
        self._was_read = False
        self._counting: list[Json | None] = []
        """Checkpoints of the leading partitions that held known records only."""
        self._counts: Counter[str] = Counter(looked or {})
        self._data_key: DataKey | None = None
        self._wrapped_key = b""
        self._read_ledger()

    def _read_ledger(self) -> None:
        if self._window.batch_id is None:
            return
        with self._work.stores.ledger.read() as tx:
            self._batch = batches.by_id(tx, self._window.batch_id)
            done = batches.parts_done(tx, self._batch.id, Stage.LAND)
            files = stored.of_batch(tx, self._batch.id, FileKind.RECORDS)
        self._wrapped_key = self._batch.wrapped_key
        self._part = len(done)
        self._landed_rows = sum(file.rows for file in files)
        # A partition that is not full was the last: it is committed only when there was nothing more to read.
        self._was_read = self._landed_rows < self._part * PARTITION_ROWS

    @property
    def parts(self) -> int:
        """How many partitions were committed before."""
        return self._part

    @property
    def bounds(self) -> Bounds:
        """What was written before anything was read."""
        sealed = self._window.sealed
        return Bounds(json.loads(self._window.bounds), None if sealed is None else self._work.opened(WINDOW, sealed))

    @property
    def checkpoint(self) -> Json | None:
        """Where the last committed partition ended."""
        return self._mark.checkpoint if self._mark.window_id == self._window.id else None

    def fill(self, reading: Reading) -> Batch | None:
        """The window is done; the batch that it became, or None if it held nothing new."""
        if not self._was_read:
            records = reading.records()
            while self._fill_partition(records, reading):
                pass
        return self._finish(reading)

    def _fill_partition(self, records: Iterator[Raw], reading: Reading) -> bool:
        """One partition is landed or counted; False when the window held no more."""
        partition: Partition | None = None
        rows = 0
        try:
            while rows < PARTITION_ROWS:
                chunk = _chunk(records, PARTITION_ROWS - rows)
                if not chunk:
                    break
                self._work.held.keep()
                partition = self._take(chunk, partition, rows)
                rows += len(chunk)
            if partition is not None:
                self._land(partition, reading.checkpoint())
            elif rows == PARTITION_ROWS and self._batch is None:
                self._counting.append(reading.checkpoint())
            elif rows:
                self._close_counted(rows, reading.checkpoint())
        finally:
            if partition is not None:
                partition.abandon()
        return rows == PARTITION_ROWS

    def _take(self, chunk: list[Raw], partition: Partition | None, rows_before: int) -> Partition | None:
        classified = [self._classified(raw) for raw in chunk]
        identities = [self._known.identity(record) for record in classified]
        first_row = (self._part + len(self._counting)) * PARTITION_ROWS
        batch_id = self._batch.id if self._batch else None
        known = self._known.among(identities, batch_id, first_row)
        for place, (raw, record, identity) in enumerate(zip(chunk, classified, identities, strict=True)):
            new = partition.is_new(identity, known) if partition is not None else identity not in known
            if new:
                if partition is None:
                    self._land_counted()
                    partition = self._new_partition(rows_before + place)
                partition.take(raw, record, identity)
                self._counts[record.state.value] += 1
                self._counts["late"] += raw.late
                if record.state is State.OUT_OF_SCOPE:
                    self._counts["bytes_dropped"] += len(raw.data)
            else:
                if partition is not None:
                    partition.take_known()
                self._counts[State.DUPLICATE.value] += 1
        return partition

    def _classified(self, raw: Raw) -> Classified:
        if raw.stopped is not None:
            return self._work.classifier.unreadable(raw.data, *raw.stopped)
        return self._work.classifier.classify(raw.data, raw.snapshot)

    def _new_partition(self, known_rows: int) -> Partition:
        vault = self._work.stores.vault
        if self._data_key is None:
            if self._batch is None:
                self._data_key, self._wrapped_key = vault.new_data_key()
            else:
                self._data_key = vault.open_data_key(self._wrapped_key)
        # Named by the window: the batch has no number before its first partition is committed.
        stem = f"w{self._window.id:08d}/{Stage.LAND}-records-p{self._part:04d}"
        partition = Partition(self._part, vault.record_writer(stem, self._data_key))
        partition.take_known(known_rows)
        return partition

    def _land_counted(self) -> None:
        """The leading partitions of known records are written, now that there is a batch for them."""
        for checkpoint in self._counting:
            with self._new_partition(PARTITION_ROWS) as partition:
                self._land(partition, checkpoint)
        self._counting.clear()

    def _close_counted(self, rows: int, checkpoint: Json | None) -> None:
        """Known records behind the new ones of a batch; without a batch they are counted only."""
        if self._batch is None:
            return
        with self._new_partition(rows) as partition:
            self._land(partition, checkpoint)

    def _land(self, partition: Partition, checkpoint: Json | None) -> None:
        work = self._work
        file = partition.close()
        mark = None
        if checkpoint is not None:
            self._mark = Mark(self._mark.done, self._window.id, checkpoint)
            mark = self._mark.sealed(work)
        kept = contracts_bytes(work.folder) if self._batch is None else b""

        def commit(tx: Transaction) -> Batch:
            batch = self._batch or self._start(tx, kept)
            batches.commit_part(
                tx,
                work.held.lease,
                batch.id,
                Stage.LAND,
                partition.part,
                passed=partition.passed,
                files=[file],
                stops=partition.stops,
            )
            for role, entries in partition.entries_of(batch.id):
                key_index.insert(tx, work.source, role, entries)
            if mark is not None:
                windows.set_watermark(tx, work.held.lease, work.source, work.table, mark, self._window.id)
            leases.renew(tx, work.held.lease, LEASE_SECONDS)
            return batch

        self._batch = work.stores.ledger.in_transaction(commit)
        self._part += 1
        self._landed_rows += partition.rows

    def _start(self, tx: Transaction, kept: bytes) -> Batch:
        work = self._work
        contracts.keep(tx, work.folder.digest, kept)
        batch = batches.start(
            tx,
            work.held.lease,
            source=work.source,
            table_name=work.table,
            window_id=self._window.id,
            wrapped_key=self._wrapped_key,
            contract_digest=work.folder.digest,
            note=work.note,
        )
        windows.join_batch(tx, work.held.lease, self._window.id, batch.id)
        return batch

    def _finish(self, reading: Reading) -> Batch | None:
        work, lease = self._work, self._work.held.lease
        done = Mark(reading.mark())
        mark = done.sealed(work) if done != self._mark else None
        detail = told(work.table, {**self._counts, **reading.told})

        def commit(tx: Transaction) -> Batch | None:
            batch = self._batch
            if batch is not None:
                batch = batches.advance(
                    tx, lease, batch.id, BatchState.LANDED, records=self._landed_rows, partitions=self._part
                )
            windows.close(tx, lease, self._window.id)
            if mark is not None:
                windows.set_watermark(tx, lease, work.source, work.table, mark, self._window.id)
            run_log.note(tx, EVENT, source=work.source, batch_id=batch.id if batch else None, detail=detail)
            return batch

        return work.stores.ledger.in_transaction(commit)


def _chunk(records: Iterator[Raw], most: int) -> list[Raw]:
    """The next records, few enough for memory."""
    chunk = []
    size = 0
    for raw in islice(records, min(most, CHUNK_ROWS)):
        chunk.append(raw)
        size += len(raw.data)
        if size >= CHUNK_BYTES:
            break
    return chunk


def told(table: str, counts: dict[str, int]) -> str:
    """A line of the run log: what happened, in numbers."""
    return json.dumps({"table": table, **{name: count for name, count in sorted(counts.items()) if count}})
