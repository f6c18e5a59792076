"""The barrier: one batch, judged from the verdicts of its partitions.

A batch is stopped by bounds that were declared and by this batch alone. What earlier batches looked like only warns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from passerelle.checking.asking import Asked
from passerelle.checking.partitions import EXAMPLES, PartitionVerdict, Sum
from passerelle.checking.uniqueness import judge_uniqueness
from passerelle.contracts.source import Limits
from passerelle.records import Finding, Reason, Severity, Stage, State, Stop

LEAST_HISTORY = 5
"""Fewer earlier batches than this say nothing about what is usual."""

USUAL = (0.5, 2.0)
"""A batch is unusual below the first and above the second multiple of the median of earlier batches."""

_UNIQUE = frozenset({"expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique"})


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a whole batch stops: the rule, what was counted, and some rows that show it."""

    reason: Reason
    place: str
    evaluated: int
    unexpected: int
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """What becomes of a batch.

    `stops` are the records stopped by the batch's own sums, beyond those of the partitions. When `stopped`, the
    records without a stop of their own are quarantined with the reason `batch-stopped` at `rule`.
    """

    records: int
    stopped_records: int
    stops: tuple[Stop, ...]
    findings: tuple[Finding, ...]
    breaches: tuple[Breach, ...]
    sums: tuple[Sum, ...]

    @property
    def stopped(self) -> bool:
        """Whether the whole batch stops."""
        return bool(self.breaches)

    @property
    def rule(self) -> str:
        """The place of the first rule that stops the batch; empty when none does."""
        return self.breaches[0].place if self.breaches else ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One expectation over the whole batch: does it hold, what was counted, which rows fail."""

    holds: bool
    sums: Sum
    rows: tuple[int, ...] = ()


def judge_batch(
    verdicts: Sequence[PartitionVerdict],
    limits: Limits,
    expectations: Sequence[Asked],
    *,
    earlier_sizes: Sequence[int] = (),
) -> BatchVerdict:
    """The batch stands or stops as a whole, and the records that only the batch's sums can stop are named.

    Args:
        verdicts: One per partition, in any order; the answer does not depend on it.
        limits: Declared bounds of the table.
        expectations: The same that the partitions were judged against.
        earlier_sizes: Record counts of earlier batches of the table; they only warn.
    """
    records = sum(verdict.records for verdict in verdicts)
    stopped = {stop.row for verdict in verdicts for stop in verdict.stops}
    stops: dict[int, Stop] = {}
    findings: list[Finding] = [finding for verdict in verdicts for finding in verdict.findings]
    breaches: list[Breach] = []
    sums: list[Sum] = []
    for position, asked in enumerate(expectations):
        outcome = _outcome(position, asked, verdicts, records)
        sums.append(outcome.sums)
        if outcome.sums.failed_to_run:
            breaches.append(_breach(Reason.EXPECTATION_FAILED_TO_RUN, asked, outcome))
        elif outcome.holds:
            continue
        elif asked.severity is Severity.STOP_BATCH:
            breaches.append(_breach(Reason.EXPECTATION, asked, outcome))
        elif asked.severity is Severity.WARN:
            findings += _findings(asked, outcome.rows)
        else:
            findings += _findings(asked, [row for row in outcome.rows if row in stopped or row in stops], alone=False)
            for row in outcome.rows:
                if row not in stopped:
                    stops.setdefault(row, _stop(row, asked))
    stopped_records = len(stopped) + len(stops)
    findings += _compared_with_history(records, earlier_sizes)
    return BatchVerdict(
        records,
        stopped_records,
        tuple(stops[row] for row in sorted(stops)),
        tuple(sorted(findings, key=_by_place)),
        (*breaches, *_beyond_limits(records, stopped_records, limits)),
        tuple(sums),
    )


def _by_place(finding: Finding) -> tuple[str, int]:
    return finding.place, -1 if finding.row is None else finding.row


def _stop(row: int, asked: Asked) -> Stop:
    return Stop(row, Stage.CHECK, State.QUARANTINED, Reason.EXPECTATION, asked.place)


def _breach(reason: Reason, asked: Asked, outcome: _Outcome) -> Breach:
    sums = outcome.sums
    return Breach(reason, asked.place, sums.evaluated, sums.unexpected, outcome.rows[:EXAMPLES])


def _findings(asked: Asked, rows: Sequence[int], *, alone: bool = True) -> list[Finding]:
    """The rows that show it; one finding without a row where no row can show it."""
    named = [Finding(Stage.CHECK, Reason.EXPECTATION, asked.place, row) for row in rows[:EXAMPLES]]
    return named or ([Finding(Stage.CHECK, Reason.EXPECTATION, asked.place)] if alone else [])


def _outcome(position: int, asked: Asked, verdicts: Sequence[PartitionVerdict], records: int) -> _Outcome:
    added = sum((verdict.sums[position] for verdict in verdicts), Sum())
    if asked.kind.judged != "batch":
        rows = tuple(sorted(row for verdict in verdicts for row in verdict.waiting.get(position, ())))
        waits = asked.mostly is not None or asked.severity is Severity.STOP_BATCH
        return _Outcome(not waits or _holds_mostly(added, asked.mostly), added, rows)
    if asked.kind.reads == "table":
        return _Outcome(_count_holds(asked, records), Sum(records))
    if position in _marked(verdicts):
        found = judge_uniqueness(marks for verdict in verdicts for marks in verdict.marks.get(position, ()))
        if asked.type in _UNIQUE:
            added = Sum(found.marked, len(found.shared))
            return _Outcome(_holds_mostly(added, asked.mostly), added, found.shared)
        count = float(found.distinct)
        measured = count / found.marked if "proportion" in asked.type and found.marked else count
        return _Outcome(_is_between(measured, asked), Sum(found.marked, found.marked - found.distinct))
    share = (added.evaluated - added.unexpected) / added.evaluated if added.evaluated else 1.0
    return _Outcome(asked.type in _UNIQUE or not added.evaluated or _is_between(share, asked), added)


def _marked(verdicts: Sequence[PartitionVerdict]) -> set[int]:
    return {position for verdict in verdicts for position in verdict.marks}


def _holds_mostly(sums: Sum, mostly: float | None) -> bool:
    """Whether enough of all records of the batch hold; an expectation nobody was asked holds."""
    if mostly is None or not sums.evaluated:
        return sums.unexpected == 0
    return (sums.evaluated - sums.unexpected) / sums.evaluated >= mostly


def _count_holds(asked: Asked, records: int) -> bool:
    if asked.type == "expect_table_row_count_to_equal":
        return records == int(asked.arguments["value"])
    return _is_between(float(records), asked)


def _is_between(measured: float, asked: Asked) -> bool:
    arguments = asked.arguments
    return _is_beyond(measured, arguments, "min", float.__gt__) and _is_beyond(measured, arguments, "max", float.__lt__)


def _is_beyond(measured: float, arguments: Any, end: str, inside: Callable[[float, float], bool]) -> bool:
    bound = arguments.get(f"{end}_value")
    if bound is None:
        return True
    return inside(measured, float(bound)) or (measured == float(bound) and not arguments.get(f"strict_{end}"))


def _beyond_limits(records: int, stopped: int, limits: Limits) -> list[Breach]:
    breaches = []
    if records < limits.least_records:
        breaches.append(Breach(Reason.BATCH_STOPPED, "limits#least_records", records, 0))
    if limits.most_records is not None and records > limits.most_records:
        breaches.append(Breach(Reason.BATCH_STOPPED, "limits#most_records", records, 0))
    if records and stopped / records > limits.stopped_share:
        breaches.append(Breach(Reason.BATCH_STOPPED, "limits#stopped_share", records, stopped))
    return breaches


def _compared_with_history(records: int, earlier: Sequence[int]) -> list[Finding]:
    if len(earlier) < LEAST_HISTORY:
        return []
    usual = median(earlier)
    least, most = (bound * usual for bound in USUAL)
    return [] if least <= records <= most else [Finding(Stage.CHECK, Reason.EXPECTATION, "history#records")]
