"""The check stage: every record of a landed batch against its contract, then the batch as a whole, at one barrier."""

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from passerelle.checking.asking import compile_expectations
from passerelle.checking.batches import BatchVerdict, judge_batch
from passerelle.checking.partitions import PartitionVerdict, check_partition
from passerelle.contracts.house import House, SourceFolder
from passerelle.reading import reader_for
from passerelle.reading.delimited import DelimitedReader
from passerelle.records import PARTITION_ROWS, Reason, Stage, State, Stop
from passerelle.stores.ledger import Lease, Transaction, batches, findings, items, stored
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.opened import Stores

USE_OF_COLUMNS = "columns"
"""How many records have a value in each column, and in each column that stands in the files and not in the contract."""
Progress = Callable[[int, int], None]


def check_batch(
    stores: Stores,
    house: House,
    folder: SourceFolder,
    batch: Batch,
    lease: Lease,
    today: date,
    progress: Progress | None = None,
) -> Batch:
    """The batch is checked, or stopped as a whole; its items and counts are in the ledger, all at once.

    Raises:
        StaleLease: someone took over.
        ContractError: an expectation cannot be asked.
    """
    table = folder.source.tables[batch.table]
    asked = compile_expectations(table, house.suites)
    verdicts: list[PartitionVerdict] = []
    received: list[array[int]] = []
    undeclared: Counter[str] = Counter()
    for part in range(batch.partitions):
        if progress is not None:
            progress(part, batch.partitions)
        rows = _Rows(stores, folder, batch, part)
        verdicts.append(
            check_partition(
                rows,
                table.columns,
                asked,
                today,
                decimal=table.dialect.decimal if table.dialect else ".",
                time_zone=folder.source.time_zone,
                null=table.dialect.null if table.dialect else ("",),
            )
        )
        received.append(rows.numbers)
        undeclared += rows.undeclared
    verdict = judge_batch(verdicts, table.limits, asked, earlier_sizes=_earlier_sizes(stores, batch))
    stops = _stops_by_part(verdicts, verdict, received)

    def commit(tx: Transaction) -> Batch:
        findings.put_use(tx, batch.id, USE_OF_COLUMNS, _use_of_columns(verdicts, undeclared))
        for part, numbers in enumerate(received):
            batches.commit_part(
                tx,
                lease,
                batch.id,
                Stage.CHECK,
                part,
                passed=len(numbers) - len(stops[part]),
                stops=stops[part],
                findings=findings.count(verdict.findings) if part == 0 else None,
            )
        return batches.advance(tx, lease, batch.id, BatchState.STOPPED if verdict.stopped else BatchState.CHECKED)

    return stores.ledger.in_transaction(commit)


def _use_of_columns(verdicts: Sequence[PartitionVerdict], undeclared: Counter[str]) -> str:
    values: Counter[str] = Counter()
    for one in verdicts:
        values.update(one.values)
    return json.dumps({"declared": dict(sorted(values.items())), "undeclared": dict(sorted(undeclared.items()))})


class _Rows:
    """The rows of a partition that land passed, read and parsed as they are asked for."""

    def __init__(self, stores: Stores, folder: SourceFolder, batch: Batch, part: int) -> None:
        self._stores = stores
        self._batch = batch
        self._part = part
        self._reader = reader_for(folder.source.tables[batch.table], zone=folder.source.time_zone)
        self.numbers = array("q")
        """Which rows they were, in their order."""

    @property
    def undeclared(self) -> Counter[str]:
        """How many values stood in columns of the files that the contract does not declare, by their name there."""
        return self._reader.unread if isinstance(self._reader, DelimitedReader) else Counter()

    def __iter__(self) -> Iterator[tuple[int, list[Any]]]:
        first = self._part * PARTITION_ROWS
        width = len(self._reader.slots)
        with self._stores.ledger.read() as tx:
            (file,) = stored.of_batch(tx, self._batch.id, FileKind.RECORDS, part=self._part)
            stopped = {
                item.row
                for stage in (Stage.LAND, Stage.CHECK)  # of a batch opened again, a person may have closed some
                for item in items.found(tx, batch_id=self._batch.id, stage=stage)
            }
        key = self._stores.vault.open_data_key(file.wrapped_key or self._batch.wrapped_key)
        for index, raw in enumerate(self._stores.vault.read_records(file, key)):
            row = first + index
            if row in stopped:
                continue
            self.numbers.append(row)
            yield row, self._reader.parse(raw)[:width]


def _stops_by_part(
    verdicts: list[PartitionVerdict], verdict: BatchVerdict, received: "list[array[int]]"
) -> list[list[Stop]]:
    by_part: defaultdict[int, dict[int, Stop]] = defaultdict(dict)
    for part, one in enumerate(verdicts):
        by_part[part].update({stop.row: stop for stop in one.stops})
    for stop in verdict.stops:
        by_part[stop.row // PARTITION_ROWS].setdefault(stop.row, stop)
    if verdict.stopped:
        for part, numbers in enumerate(received):
            for row in numbers:
                stop = Stop(row, Stage.CHECK, State.QUARANTINED, Reason.BATCH_STOPPED, verdict.rule)
                by_part[part].setdefault(row, stop)
    return [list(by_part[part].values()) for part in range(len(received))]


def _earlier_sizes(stores: Stores, batch: Batch) -> list[int]:
    with stores.ledger.read() as tx:
        earlier = batches.found(tx, source=batch.source, table_name=batch.table)
    return [one.records for one in earlier if one.id < batch.id]
