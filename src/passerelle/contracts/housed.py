"""What a house is once it is read: sources as they run, and what they share. Reading it is `contracts.house`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from passerelle.contracts.code_list import CodeList
from passerelle.contracts.directory import DirectoryOrganisation, Unit
from passerelle.contracts.gate_table import GateTable, Region
from passerelle.contracts.housed_files import Files
from passerelle.contracts.mapping import MappingFile
from passerelle.contracts.pathway import Pathway
from passerelle.contracts.problems import Place
from passerelle.contracts.source import Source
from passerelle.contracts.story import Story
from passerelle.contracts.suite import Suite
from passerelle.contracts.target import Target
from passerelle.contracts.yaml_file import Node


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the parts of a source folder are written, after `extends`: each line is that of the file it came from."""

    source: Node
    mappings: Mapping[str, Node]
    stories: tuple[Node, ...] = ()

    def of_mapping(self, mapping: str, label: str | None = None, position: int | None = None, *within: str) -> Place:
        """Where a mapping, one of its emits (by `as`), or one of the emit's fields (by position) is written."""
        node = self.mappings.get(mapping)
        if node is None:
            return self.source.place
        if label is None:
            return node.at(*within).place if within else Place(node.file)
        emit = next((one for one in node.at("emits").items if one.text("as") == label), node)
        if position is None:
            return emit.at(*within).place
        return emit.at("fields").at(position).at(*within).place

    def of_source(self, *loc: str | int) -> Place:
        """Where a part of source.yaml is written: `of_source("tables", "adt", "key")`."""
        return self.source.at(*loc).place

    def of_story(self, position: int, *loc: str | int) -> Place:
        """Where a part of a story is written, stories counted as in `SourceFolder.stories`."""
        return self.stories[position].at(*loc).place


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """One source as it runs: its contract, mappings with `extends` resolved, code lists, units and stories.

    `digest` is the contract digest: it changes when a byte of what the source rests on changes, or the version of
    the package. `code_lists` holds its own, then those of its standards, then the shared ones: the first of a name.
    """

    name: str
    path: Path
    source: Source
    mappings: tuple[MappingFile, ...]
    code_lists: Mapping[str, CodeList]
    units: Mapping[str, tuple[Unit, ...]]
    stories: tuple[Story, ...]
    digest: str
    lines: Lines = field(repr=False, compare=False)
    files: Files = field(repr=False, compare=False)

    def line_of(self, mapping: str, label: str | None = None, position: int | None = None, *within: str) -> str:
        """`path:line` of a mapping, an emit, or a field of it, for sentences about contracts."""
        return str(self.lines.of_mapping(mapping, label, position, *within))


@dataclass(frozen=True, slots=True)
class House:
    """All contracts of one instance. `linted` holds sources of the other jurisdiction: read, never run."""

    root: Path
    jurisdiction: str
    sources: Mapping[str, SourceFolder]
    linted: Mapping[str, SourceFolder]
    suites: Mapping[str, Suite]
    pathways: Mapping[str, Pathway]
    targets: Mapping[str, Target]
    gate: GateTable
    regions: Mapping[str, Region]
    organisations: Mapping[str, DirectoryOrganisation]
    naming: Mapping[str, str]

    def of_other_law(self, source: str) -> str:
        """What is said when a source is asked for that this instance reads and never runs."""
        theirs = self.linted[source].source.jurisdiction
        return (
            f"{source} is of jurisdiction {theirs}, this instance runs {self.jurisdiction}: see PASSERELLE_JURISDICTION"
        )
