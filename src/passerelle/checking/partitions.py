"""One partition's records, judged: which stop, what was noticed, and the sums the batch is judged on."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from passerelle.checking.asking import Asked
from passerelle.checking.typed import column_readers
from passerelle.checking.uniqueness import PROCESS_SECRET, Marks, mark
from passerelle.contracts.source import Column
from passerelle.doors.expectations import CHUNK_ROWS, ChunkVerdict, ColumnReader, LibraryExpectation, judge_chunk
from passerelle.records import Finding, Reason, Severity, Stage, State, Stop

EXAMPLES = 100
"""Findings name at most this many rows per expectation and chunk; the sums count all of them."""

_NON_NULL = "expect_column_proportion_of_non_null_values_to_be_between"


@dataclass(frozen=True, slots=True)
class Sum:
    """How many records an expectation looked at, how many failed it, and whether it failed to run somewhere."""

    evaluated: int = 0
    unexpected: int = 0
    failed_to_run: bool = False

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            self.evaluated + other.evaluated,
            self.unexpected + other.unexpected,
            self.failed_to_run or other.failed_to_run,
        )


@dataclass(frozen=True, slots=True)
class PartitionVerdict:
    """What is known of one partition. `sums` has one entry per expectation, in their order.

    `waiting` holds the rows that fail an expectation with `mostly`: the batch decides what becomes of them.
    `marks` holds what uniqueness over the batch is judged on. Neither goes to the ledger.
    `values` counts, per column, the records that have a value there.
    """

    records: int
    stops: tuple[Stop, ...]
    findings: tuple[Finding, ...]
    sums: tuple[Sum, ...]
    waiting: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    marks: Mapping[int, tuple[Marks, ...]] = field(default_factory=dict, repr=False)
    values: Mapping[str, int] = field(default_factory=dict)


def check_partition(
    rows: Iterable[tuple[int, Sequence[Any]]],
    columns: Mapping[str, Column],
    expectations: Sequence[Asked],
    today: date,
    *,
    decimal: str = ".",
    time_zone: str = "Europe/Paris",
    null: Iterable[str] = ("",),
    secret: bytes = PROCESS_SECRET,
) -> PartitionVerdict:
    """Every record of the partition is judged against every expectation, in chunks.

    Args:
        rows: Row number in the batch and values in the order of `columns`.
        columns: The table's columns, in the order of the values.
        expectations: What `compile_expectations` made of the table.
        today: What the bound `today` means.
        decimal: Decimal mark of numbers.
        time_zone: The source's zone; moments with an offset are compared on its clock.
        null: Texts that mean: no value.
        secret: Key of the digests that uniqueness is judged on; the same for all partitions of a batch.
    """
    readers = column_readers(columns, decimal=decimal, zone=ZoneInfo(time_zone))
    partition = _Partition(tuple(expectations), secret)
    for chunk in _chunks(rows, tuple(columns), frozenset(null)):
        partition.judge(chunk, readers, today)
    return partition.verdict()


@dataclass(frozen=True, slots=True)
class _Chunk:
    rows: list[int]
    texts: dict[str, list[str | None]]


def _chunks(
    rows: Iterable[tuple[int, Sequence[Any]]], names: tuple[str, ...], null: frozenset[str]
) -> Iterator[_Chunk]:
    left = iter(rows)
    while taken := list(islice(left, CHUNK_ROWS)):
        across = zip(*(values for _, values in taken), strict=True)
        texts = {name: _texts(column, null) for name, column in zip(names, across, strict=True)}
        yield _Chunk([row for row, _ in taken], texts)


def _texts(column: Sequence[Any], null: frozenset[str]) -> list[str | None]:
    try:
        distinct = set(column)
    except TypeError:  # lists and objects out of JSON
        return [_text(value, null) for value in column]
    if all(value is None or type(value) is str for value in distinct):
        return [None if value in null else value for value in column] if distinct & null else list(column)
    return [_text(value, null) for value in column]


def _text(value: Any, null: frozenset[str]) -> str | None:
    """What is compared: texts as they are, what JSON wrote without quotes as JSON writes it."""
    if value is None or isinstance(value, str):
        return None if value is None or value in null else value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class _Partition:
    """Adds up the chunks of one partition."""

    def __init__(self, expectations: tuple[Asked, ...], secret: bytes) -> None:
        self._expectations = expectations
        self._secret = secret
        self._records = 0
        self._sums = [Sum() for _ in expectations]
        self._stopped: dict[int, int] = {}
        self._findings: list[Finding] = []
        self._waiting: dict[int, list[int]] = {}
        self._marks: dict[int, list[Marks]] = {}
        self._values: Counter[str] = Counter()
        self._questions = [
            LibraryExpectation(position, asked.type, asked.columns, asked.arguments)
            for position, asked in enumerate(expectations)
            if asked.kind.judged in {"record", "neighbours"}
        ]

    def judge(self, chunk: _Chunk, readers: Mapping[str, ColumnReader], today: date) -> None:
        self._records += len(chunk.rows)
        for name, texts in chunk.texts.items():
            self._values[name] += len(texts) - texts.count(None)
        for verdict in judge_chunk(chunk.texts, self._questions, today, readers):
            self._take(chunk, verdict)
        for position, asked in enumerate(self._expectations):
            if asked.kind.judged == "batch":
                self._count(chunk, position, asked)

    def _take(self, chunk: _Chunk, verdict: ChunkVerdict) -> None:
        position, asked = verdict.position, self._expectations[verdict.position]
        self._sums[position] += Sum(verdict.evaluated, verdict.unexpected, verdict.error)
        failed = [chunk.rows[index] for index in verdict.failed_rows]
        if asked.mostly is not None or asked.severity is Severity.STOP_BATCH:
            self._waiting.setdefault(position, []).extend(failed)
        elif asked.severity is Severity.WARN:
            self._find(asked, failed)
        else:
            self._find(asked, [row for row in failed if row in self._stopped])
            for row in failed:
                self._stopped.setdefault(row, position)

    def _find(self, asked: Asked, rows: Sequence[int]) -> None:
        self._findings += [Finding(Stage.CHECK, Reason.EXPECTATION, asked.place, row) for row in rows[:EXAMPLES]]

    def _count(self, chunk: _Chunk, position: int, asked: Asked) -> None:
        if asked.kind.reads == "table":
            self._sums[position] += Sum(len(chunk.rows))
        elif asked.type == _NON_NULL:
            missing = sum(text is None for text in chunk.texts[asked.columns[0]])
            self._sums[position] += Sum(len(chunk.rows), missing)
        else:
            marks = mark(
                chunk.rows,
                [chunk.texts[name] for name in asked.columns],
                ignore_row_if=str(asked.arguments.get("ignore_row_if", "all_values_are_missing")),
                secret=self._secret,
            )
            self._sums[position] += Sum(len(marks.rows))
            self._marks.setdefault(position, []).append(marks)

    def verdict(self) -> PartitionVerdict:
        stops = [
            Stop(row, Stage.CHECK, State.QUARANTINED, Reason.EXPECTATION, self._expectations[position].place)
            for row, position in sorted(self._stopped.items())
        ]
        return PartitionVerdict(
            self._records,
            tuple(stops),
            tuple(self._findings),
            tuple(self._sums),
            {position: tuple(rows) for position, rows in self._waiting.items()},
            {position: tuple(marks) for position, marks in self._marks.items()},
            dict(self._values),
        )
