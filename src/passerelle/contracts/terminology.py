"""`fhir/terminology/*.yaml`: the code systems of this house, and what is written as one of their codes elsewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from passerelle.contracts.housed import SourceFolder
from passerelle.contracts.housed_files import Files, files_in
from passerelle.contracts.problems import Place, Problems, nearest
from passerelle.contracts.yaml_file import read_document

FOLDER = "fhir/terminology"
_PUBLISHED = (
    "http://hl7.org/fhir",
    "http://terminology.hl7.org/",
    "https://hl7.fr/",
    "https://hl7.be/",
    "https://www.ehealth.fgov.be/",
    "https://mos.esante.gouv.fr/",
    "https://smt.esante.gouv.fr/",
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://unitsofmeasure.org",
    "http://www.whocc.no/atc",
    "urn:",
)
"""How the systems begin that others publish; their codes are theirs to list."""


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """One code system of the house: where it is written, and its codes."""

    file: str
    codes: tuple[str, ...]


def code_systems_of(files: Files) -> dict[str, CodeSystem]:
    """URL -> code system. A file that has none of it is no code system and is left to those who publish it."""
    found = {}
    for path in files_in(files, FOLDER, ".yaml"):
        document = read_document(files[path], path, Problems())
        if document is None or not (url := document.text("url")):
            continue
        codes = (item.text("code") for item in document.at("concepts").items)
        found[url] = CodeSystem(path, tuple(code for code in codes if code))
    return found


def check_codes(folders: Mapping[str, SourceFolder], systems: Mapping[str, CodeSystem], problems: Problems) -> None:
    """Every code that is said to be of a system of the house is one of its codes, and the system is there."""
    homes = tuple({url.rpartition("/")[0] + "/" for url in systems})
    for folder in folders.values():
        for place, system, code in _written(folder):
            known = systems.get(system)
            if known is not None and code not in known.codes:
                near = nearest(code, known.codes) or f"; its codes are {', '.join(known.codes)}"
                problems.add(place, f"'{code}' is not a code of {known.file}{near}")
            elif known is None and homes and system.startswith(homes) and system not in _declared(folder):
                short = {url.rpartition("/")[2]: url for url in systems}
                near = nearest(system.rpartition("/")[2], short)
                problems.add(place, f"system '{system}' is not the `url` of a file of {FOLDER}{near}")


def strange_systems(folder: SourceFolder, naming: Mapping[str, str]) -> list[str]:
    """A sentence for each system of a code list or constant that is neither the house's nor known to be published."""
    known = {*code_systems_of(folder.files), *naming.values(), *_declared(folder)}
    first: dict[str, Place] = {}
    for place, system, _ in _written(folder):
        if system and system not in known and not system.startswith(_PUBLISHED):
            first.setdefault(system, place)
    return [
        f"{place}: system '{system}' is neither in {FOLDER}, nor in fhir/naming_systems.yaml, nor known as published: "
        "is it written right? Its codes are not checked"
        for system, place in first.items()
    ]


def _declared(folder: SourceFolder) -> set[str]:
    return {one.system for one in folder.source.identifiers.values()}


def _written(folder: SourceFolder) -> Iterator[tuple[Place, str, str]]:
    """Place, system and code of every line of a code list, and of every coding that a mapping writes as constant."""
    for listed in folder.code_lists.values():
        for code, target in listed.rows.items():
            if target is not None:
                yield listed.places[code], target.system, target.code
    for mapping in folder.mappings:
        for emit in mapping.emits:
            for position, line in enumerate(emit.fields):
                for system, code in _codings(line.constant):
                    yield folder.lines.of_mapping(mapping.mapping, emit.as_, position), system, code


def _codings(tree: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        if isinstance(tree.get("system"), str) and isinstance(tree.get("code"), str):
            yield tree["system"], tree["code"]
        for inner in tree.values():
            yield from _codings(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _codings(inner)
