"""`examples/*.yaml`: given these rows or messages, expect these resources or this refusal."""

from typing import Any

from pydantic import Field, model_validator

from passerelle.contracts.model import Contract
from passerelle.contracts.source import Name
from passerelle.records import Reason, Stage, State

GivenRow = str | dict[str, Any]


class ExpectedResource(Contract):
    """A resource that is emitted, and elements it has. What is not listed is not compared; ids never are."""

    resource: str = Field(description="FHIR type.")
    as_: Name = Field(alias="as", description="Label of the mapping's emit.")
    is_: dict[str, Any] = Field(default_factory=dict, alias="is", description="Elements as FHIR JSON, a subset.")
    count: int | None = Field(None, ge=0, description="How many are emitted with these elements.")


class ExpectedStop(Contract):
    """A record that does not go on, and why."""

    table: Name = Field(description="The table of the record.")
    row: int = Field(0, ge=0, description="Position among the rows given for the table, from 0.")
    stage: Stage = Field(description="Where it stops.")
    state: State = Field(State.QUARANTINED, description="In which state.")
    reason: Reason = Field(description="Why.")
    place: str | None = Field(None, description="Column, element or rule; left out: not compared.")


class ExpectedFinding(Contract):
    """Something noticed that stops nothing."""

    reason: Reason = Field(description="What is noticed.")
    place: str | None = Field(None, description="Column, element or rule; left out: not compared.")


class Expected(Contract):
    """What comes out."""

    resources: tuple[ExpectedResource, ...] = Field((), description="Resources that are emitted.")
    none: tuple[Name, ...] = Field((), description="Labels that are not emitted.")
    stopped: tuple[ExpectedStop, ...] = Field((), description="Records that do not go on.")
    findings: tuple[ExpectedFinding, ...] = Field((), description="What is noticed.")

    @model_validator(mode="after")
    def _says_something(self) -> "Expected":
        if not (self.resources or self.none or self.stopped or self.findings):
            raise ValueError("`expect` wants at least one of resources, none, stopped, findings")
        return self


class Story(Contract):
    """One sentence about the source that can be tried."""

    says: str = Field(description="What the story shows, in one or two sentences.")
    as_of: str | None = Field(
        None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="The day the story is told on, where it matters."
    )
    given: dict[Name, tuple[GivenRow, ...]] = Field(
        min_length=1, description="Rows by table: columns by name as the source writes them, or a raw HL7 v2 message."
    )
    expect: Expected = Field(description="What comes out.")
