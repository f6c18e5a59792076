"""What is asked of a table: the expectations its columns imply, those of the shared suites it uses, and its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from passerelle.contracts.expectation_types import (
    EXPECTATION_TYPES,
    ExpectationType,
    columns_read,
    library_arguments,
    problems_of,
)
from passerelle.contracts.source import Column, Table
from passerelle.contracts.suite import Expectation, Suite
from passerelle.doors.expectations import READS_AS_DECLARED
from passerelle.errors import ContractError
from passerelle.records import Severity

IMPLIED = "columns"
OWN = "own"
TRUE, FALSE = ("true", "1"), ("false", "0")
"""How a boolean is written when the column does not say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One expectation, compiled: where it is written, who judges it, under which names.

    `place` is `<suite>#<number> <column>`, numbered from 1 as the file is read; it may be shown and stored.
    """

    place: str
    says: str
    type: str
    columns: tuple[str, ...]
    severity: Severity
    kind: ExpectationType
    mostly: float | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def compile_expectations(table: Table, shared: Mapping[str, Suite]) -> tuple[Asked, ...]:
    """Everything that is asked of the table's records: implied, then shared suites in the order of use, then own.

    Raises:
        ContractError: a suite or a column does not exist, or an expectation cannot be judged; all of them at once.
    """
    asked = list(_implied(table.columns))
    problems = []
    suites = [(name, shared[name].expectations if name in shared else None) for name in table.expectations.use]
    for name, expectations in [*suites, (OWN, table.expectations.own)]:
        if expectations is None:
            problems.append(f"suite '{name}' is not in validation/suites; suites are {', '.join(sorted(shared))}")
            continue
        for number, expectation in enumerate(expectations, start=1):
            wrong = problems_of(expectation, table.columns)
            problems += [f"{name}#{number}: {problem}" for problem in wrong]
            if not wrong:
                asked.append(_compiled(name, number, expectation))
    if problems:
        raise ContractError(problems)
    return tuple(asked)


def _compiled(suite: str, number: int, expectation: Expectation) -> Asked:
    columns = columns_read(expectation)
    return Asked(
        place=f"{suite}#{number} {'+'.join(columns)}".rstrip(),
        says=expectation.says,
        type=expectation.type,
        columns=columns,
        severity=expectation.severity,
        kind=EXPECTATION_TYPES[expectation.type],
        mostly=expectation.mostly,
        arguments=library_arguments(expectation),
    )


def _implied(columns: Mapping[str, Column]) -> Iterator[Asked]:
    """A required column has a value; a text reads as the type its column declares."""
    for name, column in columns.items():
        if column.required:
            yield Asked(
                place=f"{IMPLIED}#required {name}",
                says="A required column has a value.",
                type="expect_column_values_to_not_be_null",
                columns=(name,),
                severity=Severity.STOP_RECORD,
                kind=ExpectationType("record"),
            )
        if column.type == "boolean":
            yield _typed(name, "expect_column_values_to_be_in_set", {"value_set": list(boolean_texts(column))})
        elif column.type != "string":
            yield _typed(name, READS_AS_DECLARED, {})


def _typed(name: str, question: str, arguments: Mapping[str, Any]) -> Asked:
    return Asked(
        place=f"{IMPLIED}#type {name}",
        says="A value reads as the type its column declares.",
        type=question,
        columns=(name,),
        severity=Severity.STOP_RECORD,
        kind=ExpectationType("record"),
        arguments=arguments,
    )


def boolean_texts(column: Column) -> tuple[str, ...]:
    """The texts that mean true or false in the column."""
    return (*column.true, *column.false) if column.true or column.false else (*TRUE, *FALSE)
