"""`validation/gate.yaml` and `mappings/directory/regions.csv`: the sharing gate as data."""

import csv
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import Field, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from passerelle.contracts.model import Contract
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

    fr: tuple[str, ...] = ()
    be: tuple[str, ...] = ()


class PurposeLine(Contract):
    """What a purpose is, and which purposes of a consent cover it."""

    says: str
    consent: tuple[str, ...]


class Step(Contract):
    """One step of the gate: what it does when its rule applies, and to what."""

    step: int = Field(ge=0, le=7, description="The step of the law's order; 0 comes before all grounds.")
    rule: Rule
    does: Literal["stop", "allow"]
    reason: Reason | None = Field(None, description="Why an item is withheld; for steps that stop.")
    purposes: tuple[Purpose, ...]
    says: str
    law: Law
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

    says: str
    named: bool = False


class Flows(Contract):
    """Classes of data by purpose."""

    link: tuple[str, ...] = ()
    deliver: tuple[str, ...] = ()


class KindLine(Contract):
    """What organisations of one legal kind may send and receive."""

    sends: Flows
    receives: Flows
    only_with: tuple[str, ...] = Field((), description="The other side must be of these kinds; empty: any.")


class GateTable(Contract):
    """The whole table. The order of `steps` is the order they are tried in."""

    table: Literal["gate"]
    version: int
    says: str
    time_zone: str
    purposes: dict[Purpose, PurposeLine]
    steps: tuple[Step, ...]
    never_recipients: tuple[str, ...]
    classes: dict[str, DataClass]
    kinds: dict[str, KindLine]

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

    code: str
    name: str
    metropolitan: bool
    sends: bool
    receives: bool


def read_gate_table(path: Path) -> GateTable:
    """The gate of this house.

    Raises:
        ContractError: the file cannot be read as the table.
    """
    try:
        written: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        return GateTable.model_validate(written)
    except OSError as wrong:
        raise ContractError([f"{path.name}: cannot be opened"]) from wrong
    except YAMLError as wrong:
        raise ContractError([f"{path.name}: is not YAML: {wrong}"]) from wrong
    except pydantic.ValidationError as wrong:
        raise ContractError(
            [f"{path.name}: {'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in wrong.errors()]
        ) from wrong


def read_regions(path: Path) -> dict[str, Region]:
    """Regions by INSEE code.

    Raises:
        ContractError: the file cannot be read as the list of regions.
    """
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = [Region.model_validate(row) for row in csv.DictReader(lines)]
    except OSError as wrong:
        raise ContractError([f"{path.name}: cannot be opened"]) from wrong
    except pydantic.ValidationError as wrong:
        raise ContractError([f"{path.name}: {error['loc'][-1]}: {error['msg']}" for error in wrong.errors()]) from wrong
    return {region.code: region for region in rows}
