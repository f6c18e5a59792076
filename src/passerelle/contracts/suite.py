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
    column: str | None = Field(None, description="The column it looks at.")
    columns: tuple[str, ...] = Field((), description="The columns it looks at, when there are several.")
    severity: Severity = Field(description="What happens to what does not hold.")
    mostly: float | None = Field(None, gt=0, le=1, description="Judged on the sums over the whole batch.")
    min: str | int | float | None = Field(
        None, description="Least value; `today`, an ISO date or a number, as the column's type is."
    )
    max: str | int | float | None = Field(None, description="Greatest value, written like `min`.")
    among: tuple[str, ...] = Field((), description="The value set of expect_column_values_to_be_in_set.")
    regex: str | None = Field(
        None, description="Regular expression that the whole text is compared with, for expectations that take one."
    )
    format: str | None = Field(None, description="strftime format, for expectations that take one.")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="Further arguments, as they are.")


class Suite(Contract):
    """A shared list of expectations: `validation/suites/<name>.yaml`."""

    suite: str = Field(description="The name of the file.")
    says: str = Field("", description="What the suite is for.")
    expectations: tuple[Expectation, ...] = Field(description="What must hold, in the order they are asked.")
