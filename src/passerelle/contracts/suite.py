"""Expectations in our words, with the library's own names kept so that they can be looked up."""

from typing import Any

from pydantic import Field

from passerelle.contracts.model import Contract
from passerelle.records import Severity


class Expectation(Contract):
    """One thing that must hold on a column of the source, before anything is mapped.

    Bounds may be the word `today`, resolved from `--as-of` before the library sees it.
    """

    says: str = Field(description="What must hold, in one sentence.")
    type: str = Field(description="The library's name, e.g. expect_column_values_to_not_be_null.")
    column: str | None = None
    columns: tuple[str, ...] = ()
    severity: Severity
    mostly: float | None = Field(None, gt=0, le=1, description="Judged on the sums over the whole batch.")
    min: str | int | float | None = None
    max: str | int | float | None = None
    among: tuple[str, ...] = Field((), description="The value set of expect_column_values_to_be_in_set.")
    regex: str | None = None
    format: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="Further arguments, as they are.")


class Suite(Contract):
    """A shared list of expectations: `validation/suites/<name>.yaml`."""

    suite: str
    says: str = ""
    expectations: tuple[Expectation, ...]
