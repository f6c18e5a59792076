"""The house: every contract of an instance, read together, with all that is wrong in all files said at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

from passerelle import __version__
from passerelle.contracts import (
    across,
    across_mappings,
    across_relations,
    across_stories,
    across_tables,
    extending,
    terminology,
)
from passerelle.contracts.code_list import CodeList, read_code_list
from passerelle.contracts.directory import DirectoryOrganisation, read_organisations, read_units
from passerelle.contracts.gate_table import GateTable, Region, gate_of, regions_of
from passerelle.contracts.housed import House, Lines, SourceFolder
from passerelle.contracts.housed_files import (
    Files,
    below,
    digest_of,
    files_in,
    folders_in,
    packed,
    read_files,
    stem,
    unpacked,
)
from passerelle.contracts.mapping import MappingFile
from passerelle.contracts.model import Contract
from passerelle.contracts.modelled import validated
from passerelle.contracts.naming import read_naming_systems
from passerelle.contracts.pathway import Pathway
from passerelle.contracts.problems import Place, Problems, nearest
from passerelle.contracts.schedule import list_source_names, read_schedule
from passerelle.contracts.source import Source
from passerelle.contracts.standard import Standard
from passerelle.contracts.story import Story
from passerelle.contracts.suite import Suite
from passerelle.contracts.target import Target
from passerelle.contracts.yaml_file import Node, read_document, read_yaml
from passerelle.errors import UsageError

__all__ = [
    "House",
    "Lines",
    "SourceFolder",
    "contracts_bytes",
    "list_source_names",
    "load_folder",
    "load_house",
    "load_house_from_bytes",
    "read_house",
    "read_schedule",
]

SOURCES = "mappings/sources"
STANDARDS = "mappings/standards"
CODES = "mappings/codes"
DIRECTORY = "mappings/directory"
SHARED = (f"{CODES}/", f"{DIRECTORY}/", "mappings/persons.yaml", "fhir/", "validation/")
GATE = "validation/gate.yaml"
_ROOMS = ("mappings", "fhir", "validation")

ContractT = TypeVar("ContractT", bound=Contract)


def load_house(root: Path, *, jurisdiction: str = "fr", only: Collection[str] | None = None) -> House:
    """Every contract below the root; with `only`, of the source folders just those named.

    Raises:
        ContractError: something is wrong; all problems of all files, as `file:line: sentence`.
        UsageError: `only` names a source that has no folder, or the root is no house.
    """
    if not any((root / folder).is_dir() for folder in _ROOMS):
        there = "holds none of them" if root.is_dir() else "is not there"
        raise UsageError(f"PASSERELLE_HOME names the folder with mappings/, fhir/ and validation/; {root} {there}")
    problems = Problems()
    house = _gathered(read_files(root, problems), root, jurisdiction, problems, only)
    return _right(house, problems)


def read_house(root: Path, *, jurisdiction: str = "fr") -> tuple[House | None, tuple[str, ...]]:
    """As much of the house as can be read, and all that is wrong in it: for whoever looks for more that is wrong.

    A folder is left out if its source.yaml is no contract; without a gate there is no house.
    """
    problems = Problems()
    house = _gathered(read_files(root, problems), root, jurisdiction, problems, None)
    return house, problems.sentences()


def load_folder(root: Path, name: str, *, jurisdiction: str = "fr") -> SourceFolder:
    """One source folder. What is wrong in other source folders is not seen; what is shared must be right.

    Raises:
        ContractError: the folder, or something shared, is wrong; all problems.
        UsageError: there is no such folder.
    """
    house = load_house(root, jurisdiction=jurisdiction, only=(name,))
    return house.sources[name] if name in house.sources else house.linted[name]


def contracts_bytes(folder: SourceFolder) -> bytes:
    """The files that the digest covers, as one tar: what the ledger keeps so that old batches can be explained."""
    return packed(folder.files)


def load_house_from_bytes(body: bytes, *, jurisdiction: str = "fr") -> House:
    """The house of a kept tar: one source and what it rests on, without pathways.

    Raises:
        ContractError: this version of the package reads those contracts otherwise.
    """
    problems = Problems()
    return _right(_gathered(unpacked(body), Path(), jurisdiction, problems, None, kept=True), problems)


def _right(house: House | None, problems: Problems) -> House:
    problems.raise_if_any()
    assert house is not None
    return house


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every source may use."""

    suites: Mapping[str, Suite]
    naming: Mapping[str, str]
    regions: Mapping[str, Region]
    organisations: Mapping[str, DirectoryOrganisation]
    organisation_places: Mapping[str, Place]
    gate: GateTable | None
    standards: Mapping[str, "_Standard"]


@dataclass(frozen=True, slots=True)
class _Standard:
    """One standard as it is written: its tables and mappings become models only within a source."""

    name: str
    node: Node
    mappings: Mapping[str, Node]

    def mapping(self, name: str) -> Node | None:
        """The mapping by its file's name, or by its own."""
        by_name = {node.text("mapping"): node for node in self.mappings.values()}
        return self.mappings.get(name) or by_name.get(name)


def _gathered(
    files: Files, root: Path, jurisdiction: str, problems: Problems, only: Collection[str] | None, *, kept: bool = False
) -> House | None:
    shared = _shared(files, problems)
    names = _names(files, only)
    folders = {name: _folder(name, files, root, shared, problems) for name in names}
    read = {name: folder for name, folder in folders.items() if folder is not None}
    pathways, pathway_nodes = _named(Pathway, "pathway", "mappings/pathways", files, problems)
    targets, target_nodes = _named(Target, "target", "fhir/targets", files, problems)
    if not kept:
        across.check_targets(targets, target_nodes, shared.organisations, problems)
        across.check_pathways(pathways, pathway_nodes, problems)
        folders_there = folders_in(files, SOURCES)
        across.check_organisations(
            shared.organisations,
            shared.organisation_places,
            folders=folders_there,
            regions=shared.regions,
            problems=problems,
        )
        across.check_local_systems(read, shared.naming, problems)
        across.check_establishments(read, problems)
        terminology.check_codes(read, terminology.code_systems_of(files), problems)
    if shared.gate is None and GATE not in files:
        problems.add(Place(GATE), "is missing; a house without its sharing gate does not run")
    if shared.gate is None:
        return None
    return House(
        root=root,
        jurisdiction=jurisdiction,
        sources={name: one for name, one in read.items() if one.source.jurisdiction == jurisdiction},
        linted={name: one for name, one in read.items() if one.source.jurisdiction != jurisdiction},
        suites=shared.suites,
        pathways={name: one for name, one in pathways.items() if one.jurisdiction == jurisdiction},
        targets={name: one for name, one in targets.items() if one.recipient.jurisdiction == jurisdiction},
        gate=shared.gate,
        regions=shared.regions,
        organisations={code: one for code, one in shared.organisations.items() if one.jurisdiction == jurisdiction},
        naming=shared.naming,
    )


def _names(files: Files, only: Collection[str] | None) -> list[str]:
    names = folders_in(files, SOURCES)
    for name in only or ():
        if name not in names:
            raise UsageError(f"there is no source '{name}' in {SOURCES}{nearest(name, names)}")
    return [name for name in names if only is None or name in only]


def _shared(files: Files, problems: Problems) -> _Shared:
    organisations = f"{DIRECTORY}/organisations.csv"
    regions = f"{DIRECTORY}/regions.csv"
    naming = "fhir/naming_systems.yaml"
    suites, suite_nodes = _named(Suite, "suite", "validation/suites", files, problems)
    across.check_suites(suites, suite_nodes, problems)
    known, places = (
        read_organisations(files[organisations], organisations, problems) if organisations in files else ({}, {})
    )
    systems = read_naming_systems(files[naming], naming, problems) if naming in files else {}
    for path in files_in(files, CODES, ".csv"):
        read_code_list(stem(path), files[path], path, systems, problems)
    return _Shared(
        suites=suites,
        naming=systems,
        regions=regions_of(files[regions], regions, problems) if regions in files else {},
        organisations=known,
        organisation_places=places,
        gate=gate_of(files[GATE], GATE, problems) if GATE in files else None,
        standards=_standards(files, problems),
    )


def _named(
    model: type[ContractT], key: str, folder: str, files: Files, problems: Problems
) -> tuple[dict[str, ContractT], dict[str, Node]]:
    """The models of a folder by name, and their trees; a file is called like what it holds."""
    found: dict[str, ContractT] = {}
    nodes: dict[str, Node] = {}
    for path in files_in(files, folder, ".yaml"):
        node = read_document(files[path], path, problems)
        if node is None:
            continue
        one = validated(model, node, problems)
        name = node.text(key)
        if name is not None and name != stem(path):
            problems.add(node.at(key).place, f"`{key}: {name}` lies in {stem(path)}.yaml; file and name are the same")
        if one is not None:
            found[stem(path)], nodes[stem(path)] = one, node
    return found, nodes


def _standards(files: Files, problems: Problems) -> dict[str, _Standard]:
    found = {}
    for name in folders_in(files, STANDARDS):
        head = f"{STANDARDS}/{name}/standard.yaml"
        if head not in files:
            problems.add(Place(head), "is missing")
            continue
        node = read_document(files[head], head, problems)
        mappings = {}
        for path in files_in(files, f"{STANDARDS}/{name}", ".yaml"):
            mapping = read_document(files[path], path, problems) if path != head else None
            if mapping is not None:
                mappings[stem(path)] = mapping
                validated(MappingFile, mapping, problems)
        if node is not None:
            validated(Standard, node, problems)
            if node.text("standard") not in {None, name}:
                problems.add(node.at("standard").place, f"`standard` is not the name of its folder, '{name}'")
            found[name] = _Standard(name, node, mappings)
    return found


def _folder(name: str, files: Files, root: Path, shared: _Shared, problems: Problems) -> SourceFolder | None:
    folder = f"{SOURCES}/{name}"
    head = f"{folder}/source.yaml"
    if head not in files:
        problems.add(Place(head), "is missing")
        return None
    written = read_document(files[head], head, problems)
    if written is None:
        return None
    standards = _extended(written, shared.standards, problems)
    node = extending.source_over([one.node for one in standards], written)
    source = validated(Source, node, problems)
    mappings = _mappings(folder, standards, node, files, problems)
    models = {name: validated(MappingFile, one, problems) for name, one in mappings.items()}
    story_nodes = [
        one for path in files_in(files, f"{folder}/examples", ".yaml") for one in read_yaml(files[path], path, problems)
    ]
    stories = [(one, story) for one in story_nodes if (story := validated(Story, one, problems)) is not None]
    units_path = f"{folder}/units.csv"
    units = read_units(files[units_path], units_path, problems) if units_path in files else {}
    if source is None:
        return None
    if source.source != name:
        problems.add(node.at("source").place, f"`source` is not the name of its folder, '{name}'")
    systems = {**shared.naming, **{label: one.system for label, one in source.identifiers.items()}}
    lists = _code_lists(folder, standards, files, systems, problems)
    rested_on = below(files, f"{folder}/", *(f"{STANDARDS}/{one.name}/" for one in standards), *SHARED)
    made = SourceFolder(
        name=name,
        path=root / folder,
        source=source,
        mappings=tuple(model for model in models.values() if model is not None),
        code_lists=lists,
        units=units,
        stories=tuple(story for _, story in stories),
        digest=digest_of(rested_on, __version__),
        lines=Lines(node, mappings, tuple(one for one, _ in stories)),
        files=rested_on,
    )
    across_tables.check_source(made, shared.suites, shared.organisations, problems)
    across_mappings.check_mappings(made, shared.naming, shared.organisations, problems)
    across_relations.check_relations(made, problems)
    across_stories.check_stories(made, problems)
    return made


def _extended(source: Node, standards: Mapping[str, _Standard], problems: Problems) -> list[_Standard]:
    found = []
    for item in source.at("extends").items if "extends" in source.members else []:
        name = str(item.value)
        if name in standards:
            found.append(standards[name])
        else:
            problems.unknown(item.place, f"{{}} is not a standard in {STANDARDS}", name, standards)
    return found


def _mappings(
    folder: str, standards: list[_Standard], source: Node, files: Files, problems: Problems
) -> dict[str, Node]:
    """The mappings of a source by name, those of its standards first; a standard's of a dropped table is left out."""
    tables = source.at("tables").members if "tables" in source.members else {}
    inherited = {
        (one.name, key): node for one in standards for key, node in one.mappings.items() if node.text("reads") in tables
    }
    own: list[Node] = []
    for path in files_in(files, folder, ".yaml"):
        node = read_document(files[path], path, problems) if stem(path) != "source" else None
        if node is None:
            continue
        extended = node.text("extends")
        if extended is None:
            own.append(node)
            continue
        standard_name, _, key = extended.partition("/")
        standard = next((one for one in standards if one.name == standard_name), None)
        base = standard.mapping(key) if standard else None
        if base is None:
            known = [f"{one.name}/{name}" for one in standards for name in one.mappings]
            place = node.at("extends").place
            problems.unknown(place, "{} is not a mapping of the standards this source extends", extended, known)
            continue
        inherited = {at: one for at, one in inherited.items() if one is not base}
        own.append(extending.mapping_over(base, node, problems))
    found: dict[str, Node] = {}
    for node in chain(inherited.values(), own):
        name = node.text("mapping") or stem(node.file)
        if name in found:
            place = node.at("mapping").place
            problems.add(place, f"mapping '{name}' is also in {found[name].file}; one of them wants another name")
        else:
            found[name] = node
    return found


def _code_lists(
    folder: str, standards: list[_Standard], files: Files, systems: Mapping[str, str], problems: Problems
) -> dict[str, CodeList]:
    """Code lists by name: the shared ones, those of the standards over them, the source's own over all."""
    found: dict[str, CodeList] = {}
    standard_folders = [f"{STANDARDS}/{one.name}/codes" for one in standards]
    for place in (CODES, *standard_folders, f"{folder}/codes"):
        for path in files_in(files, place, ".csv"):
            said = Problems() if place == CODES else problems
            found[stem(path)] = read_code_list(stem(path), files[path], path, systems, said)
    return found
