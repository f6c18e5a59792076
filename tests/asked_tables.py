"""Small tables and expectations for the tests of check. Synthetic values only."""

from collections.abc import Sequence
from datetime import date

from passerelle.checking import compile_expectations, judge_batch
from passerelle.checking.partitions import PartitionVerdict, check_partition
from passerelle.contracts.source import Column, Limits, Table
from passerelle.contracts.suite import Expectation, Suite

TODAY = date(2026, 3, 31)
LENIENT = Limits(stopped_share=1)


def expectation(kind: str, severity: str = "stop-record", **written: object) -> Expectation:
    return Expectation.model_validate({"says": "It holds.", "type": kind, "severity": severity, **written})


def table(columns: dict[str, Column], *own: Expectation, use: Sequence[str] = ()) -> Table:
    return Table.model_validate(
        {
            "format": "delimited",
            "order": {"snapshot": True},
            "columns": columns,
            "expectations": {"own": own, "use": tuple(use)},
        }
    )


def checked(
    columns: dict[str, Column], rows: Sequence[Sequence[object]], *own: Expectation, first: int = 0, **keywords
) -> PartitionVerdict:
    asked = compile_expectations(table(columns, *own), {})
    numbered = [(first + number, list(values)) for number, values in enumerate(rows)]
    return check_partition(numbered, columns, asked, TODAY, **keywords)


def whole(columns: dict[str, Column], parts: Sequence[Sequence[Sequence[object]]], *own: Expectation, limits=LENIENT):
    asked = compile_expectations(table(columns, *own), {})
    verdicts, first = [], 0
    for part in parts:
        verdicts.append(checked(columns, part, *own, first=first))
        first += len(part)
    return judge_batch(verdicts, limits, asked)


def suite(name: str, *expectations: Expectation) -> dict[str, Suite]:
    return {name: Suite(suite=name, expectations=expectations)}
