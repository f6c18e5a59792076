"""`mappings/directory/organisations.csv` and a source's `units.csv`: who and where, with what changes over time."""

from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from passerelle.contracts.csv_file import read_csv
from passerelle.contracts.model import Contract
from passerelle.contracts.modelled import row_validated
from passerelle.contracts.problems import Place, Problems
from passerelle.contracts.source import OrganisationKind

ORGANISATION_COLUMNS = (
    "code",
    "name",
    "kind",
    "care",
    "finess",
    "category",
    "region",
    "jurisdiction",
    "source",
)
UNIT_COLUMNS = ("code", "name", "kind", "from", "to")


class DirectoryOrganisation(Contract):
    """One organisation that several sources may speak of."""

    code: str = Field(min_length=1, description="The name by which mappings, consents and care teams know it.")
    name: str = Field(min_length=1, description="Name of the organisation.")
    kind: OrganisationKind = Field(description="Legal kind, as in source.yaml, or what it is outside care.")
    care: bool = Field(description="yes: its professionals take part in care (CSP R1110-2).")
    finess: str = Field("", pattern=r"^([0-9][0-9AB][0-9]{7})?$", description="FINESS number, nine characters.")
    category: str = Field("", description="Establishment category, ANS table R66.")
    region: str = Field("", description="INSEE region code.")
    jurisdiction: Literal["fr", "be"] = Field(description="Whose law: `fr` or `be`.")
    source: str = Field("", description="The source folder that speaks for it, when there is one.")


class Unit(Contract):
    """One unit of a source's establishment, within the days it exists."""

    code: str = Field(min_length=1, description="As the source writes it.")
    name: str = Field(min_length=1, description="Name of the unit.")
    kind: str = Field("", description="What the unit is, in a word.")
    valid_from: date | None = Field(None, alias="from", description="First day; empty: since ever.")
    valid_to: date | None = Field(None, alias="to", description="Last day, itself included.")

    @field_validator("valid_from", "valid_to", mode="before")
    @classmethod
    def _empty_is_open(cls, given: object) -> object:
        return None if given == "" else given

    @model_validator(mode="after")
    def _has_an_order(self) -> "Unit":
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("`to` must not be before `from`")
        return self


def read_organisations(
    body: bytes, file: str, problems: Problems
) -> tuple[dict[str, DirectoryOrganisation], dict[str, Place]]:
    """Organisations by code, and where each is written; what is wrong with a line is a problem."""
    found: dict[str, DirectoryOrganisation] = {}
    places: dict[str, Place] = {}
    for line in read_csv(body, file, ORGANISATION_COLUMNS, problems):
        one = row_validated(DirectoryOrganisation, line.cells, line.place, problems)
        if one is None:
            continue
        if one.code in found:
            problems.add(line.place, f"code '{one.code}' is written twice; it is already at {places[one.code]}")
            continue
        found[one.code], places[one.code] = one, line.place
    return found, places


def read_units(body: bytes, file: str, problems: Problems) -> dict[str, tuple[Unit, ...]]:
    """Units by code; a code may come several times when its days do not overlap."""
    found: dict[str, tuple[Unit, ...]] = {}
    for line in read_csv(body, file, UNIT_COLUMNS, problems):
        one = row_validated(Unit, line.cells, line.place, problems)
        if one is None:
            continue
        if any(_overlap(one, other) for other in found.get(one.code, ())):
            problems.add(line.place, f"unit '{one.code}' is written twice for the same days")
            continue
        found[one.code] = tuple(sorted((*found.get(one.code, ()), one), key=lambda unit: unit.valid_from or date.min))
    return found


def _overlap(one: Unit, other: Unit) -> bool:
    return (one.valid_from or date.min) <= (other.valid_to or date.max) and (other.valid_from or date.min) <= (
        one.valid_to or date.max
    )
