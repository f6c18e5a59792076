"""`validation/gate.yaml` and `mappings/directory/regions.csv`: the sharing gate as data."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from passerelle.contracts.csv_file import read_csv
from passerelle.contracts.model import Contract
from passerelle.contracts.modelled import row_validated, validated
from passerelle.contracts.problems import Problems
from passerelle.contracts.yaml_file import read_document
from passerelle.errors import ContractError
from passerelle.records import Reason

Purpose = Literal["link", "deliver", "statistics"]
Rule = Literal[
    "jurisdiction",
    "forbidden-recipient",
    "anonymity",
    "opposition",
    "legal-kind",
    "same-organisation",
    "care-team",
    "exchange",
    "consent",
    "statistics",
]


class Law(Contract):
    """The texts a step rests on, by jurisdiction."""

    fr: tuple[str, ...] = Field((), description="French texts.")
    be: tuple[str, ...] = Field((), description="Belgian texts.")


class PurposeLine(Contract):
    """What a purpose is, and which purposes of a consent cover it."""

    says: str = Field(description="The purpose in words.")
    consent: tuple[str, ...] = Field(description="Purposes of a consent that cover it.")


class Step(Contract):
    """One step of the gate: what it does when its rule applies, and to what."""

    step: int = Field(ge=0, le=7, description="The step of the law's order; 0 comes before all grounds.")
    rule: Rule = Field(description="The rule it asks.")
    does: Literal["stop", "allow"] = Field(description="What it does when the rule applies.")
    reason: Reason | None = Field(None, description="Why an item is withheld; for steps that stop.")
    purposes: tuple[Purpose, ...] = Field(description="The purposes for which it is tried.")
    says: str = Field(description="The step in words.")
    law: Law = Field(description="The texts it rests on.")
    only_classes: tuple[str, ...] = Field((), description="The step knows these classes only; empty: all.")
    except_classes: tuple[str, ...] = Field((), description="The step does not know these classes.")
    bases: tuple[int, ...] = Field((), description="Bases of a care team that count.")

    @model_validator(mode="after")
    def _has_a_reason_when_it_stops(self) -> "Step":
        if (self.does == "stop") != (self.reason is not None):
            raise ValueError("a step that stops wants a `reason`; one that allows has none")
        return self


class DataClass(Contract):
    """A class of data, and whether only a consent that names it opens it."""

    says: str = Field(description="What the class holds.")
    named: bool = Field(False, description="Opened only by a consent that names it, or by a care team.")


class Flows(Contract):
    """Classes of data by purpose."""

    link: tuple[str, ...] = Field((), description="Classes, for the purpose link.")
    deliver: tuple[str, ...] = Field((), description="Classes, for the purpose deliver.")


class KindLine(Contract):
    """What organisations of one legal kind may send and receive."""

    sends: Flows = Field(description="Classes it may send.")
    receives: Flows = Field(description="Classes it may receive.")
    only_with: tuple[str, ...] = Field((), description="The other side must be of these kinds; empty: any.")


class GateTable(Contract):
    """The whole table. The order of `steps` is the order they are tried in."""

    table: Literal["gate"] = Field(description="Always `gate`.")
    version: int = Field(description="Raised with every change.")
    says: str = Field(description="What the table is.")
    time_zone: str = Field(description="Whose day a date without a time means.")
    purposes: dict[Purpose, PurposeLine] = Field(description="What may be asked for.")
    steps: tuple[Step, ...] = Field(description="What is tried, from first to last.")
    never_recipients: tuple[str, ...] = Field(
        description="Kinds of organisation that get nothing, whatever the ground."
    )
    classes: dict[str, DataClass] = Field(description="Classes of data.")
    kinds: dict[str, KindLine] = Field(description="What organisations of a legal kind may send and receive.")

    @model_validator(mode="after")
    def _names_what_exists(self) -> "GateTable":
        named = [name for step in self.steps for name in (*step.only_classes, *step.except_classes)]
        for kind in self.kinds.values():
            named += [*kind.sends.link, *kind.sends.deliver, *kind.receives.link, *kind.receives.deliver]
        unknown = sorted(set(named) - set(self.classes))
        if unknown:
            raise ValueError(f"classes of data that are not declared: {', '.join(unknown)}")
        order = [step.step for step in self.steps]
        if order != sorted(order):
            raise ValueError("the steps are not in their order")
        rules = [step.rule for step in self.steps]
        if len(set(rules)) != len(rules):
            raise ValueError("a rule is written twice")
        return self


class Region(Contract):
    """One INSEE region, and its part in the interregional residential scheme."""

    code: str = Field(description="INSEE region code.")
    name: str = Field(description="Name of the region.")
    metropolitan: bool = Field(description="yes or no.")
    sends: bool = Field(description="yes: its patients may be sent to another region.")
    receives: bool = Field(description="yes: it may receive them.")


def gate_of(body: bytes, file: str, problems: Problems) -> GateTable | None:
    """The gate's table, or nothing when it cannot be read, which is then a problem."""
    document = read_document(body, file, problems)
    return None if document is None else validated(GateTable, document, problems)


def regions_of(body: bytes, file: str, problems: Problems) -> dict[str, Region]:
    """Regions by INSEE code; what is wrong with a line is a problem."""
    found: dict[str, Region] = {}
    for line in read_csv(body, file, tuple(Region.model_fields), problems):
        region = row_validated(Region, line.cells, line.place, problems)
        if region is not None and region.code in found:
            problems.add(line.place, f"code '{region.code}' is written twice")
        elif region is not None:
            found[region.code] = region
    return found


def read_gate_table(path: Path) -> GateTable:
    """The gate of this house.

    Raises:
        ContractError: the file cannot be read as the table.
    """
    problems = Problems()
    table = gate_of(_body(path), path.name, problems)
    problems.raise_if_any()
    assert table is not None
    return table


def read_regions(path: Path) -> dict[str, Region]:
    """Regions by INSEE code.

    Raises:
        ContractError: the file cannot be read as the list of regions.
    """
    problems = Problems()
    regions = regions_of(_body(path), path.name, problems)
    problems.raise_if_any()
    return regions


def _body(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ContractError([f"{path.name}: cannot be opened"]) from wrong
