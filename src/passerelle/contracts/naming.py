"""`fhir/naming_systems.yaml`: systems of numbers that more than one source speaks of, by name."""

from pydantic import Field

from passerelle.contracts.model import Contract
from passerelle.contracts.modelled import validated
from passerelle.contracts.problems import Place, Problems
from passerelle.contracts.yaml_file import read_document


class NamingSystem(Contract):
    """One system of numbers."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="How mappings and code lists call it.")
    system: str = Field(pattern=r"^[a-z]+:", description="The URI that goes into FHIR.")
    says: str = Field("", description="What the number counts, and when it may be used.")


def read_naming_systems(body: bytes, file: str, problems: Problems) -> dict[str, str]:
    """Name -> URI; what is wrong with a line is a problem."""
    document = read_document(body, file, problems)
    if document is None:
        return {}
    if not isinstance(document.value, list):
        problems.add(Place(file, document.line), "wants a list of `name`, `system`, `says`")
        return {}
    systems: dict[str, str] = {}
    for item in document.items:
        one = validated(NamingSystem, item, problems)
        if one is None:
            continue
        if one.name in systems:
            problems.add(item.place, f"`{one.name}` is written twice")
        systems.setdefault(one.name, one.system)
    return systems
