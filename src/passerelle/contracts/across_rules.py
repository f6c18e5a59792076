"""`validation/across.yaml`: what must hold between a resource and one that it refers to, within a source."""

from pathlib import Path

from pydantic import Field, model_validator

from passerelle.contracts.model import Contract
from passerelle.contracts.modelled import validated
from passerelle.contracts.problems import Place, Problems
from passerelle.contracts.yaml_file import read_document

FILE = "validation/across.yaml"


class TwoValues(Contract):
    """Two elements that are compared: one of the resource, one of what it refers to."""

    ours: str = Field(description="Dotted path in the resource.")
    theirs: str = Field(description="Dotted path in the resource referred to.")


class AcrossRule(Contract):
    """One rule between two resources. It is noticed when broken, and stops nothing."""

    rule: str = Field(pattern=r"^[a-z][a-z-]*$", description="Its name, as findings show it.")
    says: str = Field(description="What must hold, in one sentence.")
    resource: str = Field(description="FHIR type of the resource that refers.")
    through: str = Field(description="Element that holds the reference, or a list of them.")
    target: str = Field(description="FHIR type of the resource referred to.")
    same: TwoValues | None = Field(None, description="Both are equal, where both are there.")
    not_before: TwoValues | None = Field(None, description="Ours is no earlier day than theirs.")

    @model_validator(mode="after")
    def _compares_once(self) -> "AcrossRule":
        if (self.same is None) == (self.not_before is None):
            raise ValueError("give exactly one of same, not_before")
        return self


def read_across_rules(root: Path) -> tuple[AcrossRule, ...]:
    """The rules of the house; none if it has no such file.

    Raises:
        ContractError: the file is wrong; all problems, with their lines.
    """
    path = root / FILE
    if not path.is_file():
        return ()
    problems = Problems()
    document = read_document(path.read_bytes(), FILE, problems)
    rules: list[AcrossRule] = []
    listed = document.at("rules").items if document is not None and "rules" in document.members else []
    if document is not None and not listed:
        problems.add(Place(FILE, document.line), "wants a list `rules`")
    for item in listed:
        one = validated(AcrossRule, item, problems)
        if one is not None:
            rules.append(one)
    problems.raise_if_any()
    return tuple(rules)
