"""Which classes of data a resource has: `validation/data_classes.yaml`, read and applied."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from passerelle.contracts.model import Contract
from passerelle.contracts.modelled import validated
from passerelle.contracts.problems import Problems
from passerelle.contracts.yaml_file import read_document
from passerelle.errors import ContractError
from passerelle.fold.view import Tree, id_in

FILE = "validation/data_classes.yaml"


class TypeLine(Contract):
    """The class that resources of a type have."""

    class_: str = Field(alias="class")
    by_kind: dict[str, str] = Field(default_factory=dict, description="Legal kind of the source -> another class.")


class Belonging(Contract):
    """The class of whatever a source of this legal kind keeps, and what may leave without it."""

    class_: str = Field(alias="class")
    plain: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="FHIR type -> top-level elements that do not tell of the source."
    )


class CodeLine(Contract):
    """A code, or a whole system of codes, that tells more than the type of its resource."""

    system: str
    code: str | None = None
    class_: str = Field(alias="class")


class DataClasses(Contract):
    """The whole table."""

    table: Literal["data-classes"]
    version: int
    says: str
    types: dict[str, TypeLine]
    belonging: dict[str, Belonging]
    codes: tuple[CodeLine, ...] = ()
    answers: dict[str, str] = Field(default_factory=dict)


def read_data_classes(root: Path) -> DataClasses:
    """The table of this house.

    Raises:
        ContractError: the file cannot be read as the table.
    """
    problems = Problems()
    try:
        body = (root / FILE).read_bytes()
    except OSError as wrong:
        raise ContractError([f"{FILE}: cannot be opened; it says which class of data each resource has"]) from wrong
    document = read_document(body, FILE, problems)
    table = None if document is None else validated(DataClasses, document, problems)
    problems.raise_if_any()
    assert table is not None
    return table


class Classifier:
    """Says which classes a resource has.

    Attributes:
        table: the committed table.
        sensitive: ids of organisations and places that tell of a belonging, with the class that they tell.
        numbers: the same for identifiers of such organisations, by system and value.
    """

    def __init__(
        self,
        table: DataClasses,
        sensitive: Mapping[bytes, str],
        numbers: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self.table = table
        self.sensitive = sensitive
        self.numbers = numbers or {}
        self._systems = {line.system: line.class_ for line in table.codes if line.code is None}
        self._codes = {(line.system, line.code): line.class_ for line in table.codes if line.code is not None}

    def own_class(self, resource_type: str, kind: str) -> str | None:
        """The class that goes with the type; None: resources of this type leave for nobody."""
        line = self.table.types.get(resource_type)
        return None if line is None else line.by_kind.get(kind, line.class_)

    def belonging(self, kind: str) -> Belonging | None:
        """What a source of this kind makes of whatever it keeps."""
        return self.table.belonging.get(kind)

    def told_by(self, tree: Tree) -> set[str]:
        """The classes that the resource has because of its codes and of whom it names."""
        return set(self._told(tree))

    def _told(self, node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "reference" in node:
                named = id_in(node)
                if named is not None and named in self.sensitive:
                    yield self.sensitive[named]
            system = node.get("system")
            if isinstance(system, str):
                found = self._codes.get((system, str(node.get("code", "")))) or self._systems.get(system)
                if found is not None:
                    yield found
            for value in node.values():
                if isinstance(value, (dict, list)):
                    yield from self._told(value)
        elif isinstance(node, list):
            for value in node:
                yield from self._told(value)
