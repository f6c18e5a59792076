"""`mappings/pathways/*.yaml`: after which event, which follow-up, within how long."""

from typing import Literal

from pydantic import Field, model_validator

from passerelle.contracts.model import Contract
from passerelle.contracts.source import LegalKind, Name

LinkName = Literal["ins", "orientation-slip", "orientation-number"]


class Sentence(Contract):
    """What a person reads, in both languages of the house."""

    fr: str = Field(description="In French.")
    en: str = Field(description="In English.")


class Chosen(Contract):
    """Which resources of which sources are meant. Conditions are equality with one of the listed codes, no more."""

    kinds: tuple[LegalKind, ...] = Field(description="Legal kinds of the sources that hold such resources.")
    resource: str = Field(description="FHIR type: Encounter, EpisodeOfCare, Task.")
    status: tuple[str, ...] = Field(description="Codes of its status element.")
    classes: tuple[str, ...] = Field((), description="Codes of Encounter.class; empty: any.")
    types: tuple[str, ...] = Field((), description="Codes among its type or code; empty: any.")
    time: Literal["period.start", "period.end", "executionPeriod.start", "effectivePeriod.start"] = Field(
        description="Element that holds the date, in the source's zone."
    )


class Window(Contract):
    """Days after the event in which the follow-up counts. Day 0 is the day of the event."""

    name: Name = Field(description="Its name, once in the follow-up.")
    first: int = Field(ge=0, description="First day that counts; 1 leaves the day of the event out.")
    last: int = Field(ge=0, description="Last day that counts.")

    @model_validator(mode="after")
    def _has_an_order(self) -> "Window":
        if self.last < self.first:
            raise ValueError("last must not be before first")
        return self


class FollowUp(Contract):
    """One expected kind of follow-up: one ServiceRequest per event, one Task per window."""

    follow_up: Name = Field(description="Its name, once in the pathway.")
    says: Sentence = Field(description="The follow-up in words.")
    holds: Chosen = Field(description="Which resources are the follow-up.")
    over: tuple[LinkName, ...] = Field(min_length=1, description="Links that may carry it.")
    windows: tuple[Window, ...] = Field(min_length=1, description="Spans of days in which it counts; one Task each.")
    category: str = Field("12", description="Code of service-category: 12 Drug/Alcohol, 18 Housing/Homelessness.")


class Pathway(Contract):
    """After which event, which follow-up, within how long."""

    pathway: Name = Field(description="The name of the file.")
    version: int = Field(ge=1, description="Raised when the meaning changes.")
    jurisdiction: Literal["fr", "be"] = Field(description="Whose law: `fr` or `be`.")
    says: Sentence = Field(description="The event in words.")
    after: Chosen = Field(description="The event that is followed.")
    sensitive: bool = Field(
        False, description="The event itself tells of prison: labelled, and plain outside a ground."
    )
    competing: tuple[Chosen, ...] = Field((), description="What ends the wait without follow-up: return, death.")
    chained_within: int | None = Field(
        None,
        ge=0,
        description="Days within which a return to the same source makes one event of two: the last counts. Unsaid: never.",
    )
    expects: tuple[FollowUp, ...] = Field(min_length=1, description="The follow-ups expected after it.")
