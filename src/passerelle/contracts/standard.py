"""`mappings/standards/<name>/standard.yaml`: tables and mappings that several sources share, extended and never copied."""

from typing import Any

from pydantic import Field

from passerelle.contracts.model import Contract
from passerelle.contracts.source import IdentifierSystem, Name, SystemName


class Standard(Contract):
    """A standard that sources extend. Its tables may leave out what only the source knows."""

    standard: Name = Field(description="The name of the folder.")
    version: int | str = Field(description="Version of the text that is followed.")
    says: str = Field(description="What is followed, and where it is written.")
    identifiers: dict[SystemName, IdentifierSystem] = Field(
        default_factory=dict, description="Systems of numbers that its mappings use."
    )
    tables: dict[Name, dict[str, Any]] = Field(
        default_factory=dict, description="Parts of tables; a source's table of the same name lies over them."
    )
