"""Writes src/passerelle/fhir_r4/elements.json.gz from the R4 core package: same package in, same bytes out.

Usage: python scripts/build_fhir_r4.py [PACKAGE.tgz]

Without an argument the package is looked for in $PASSERELLE_SHARED/fhir-packages, then in ../shared/fhir-packages.
"""

import gzip
import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

PACKAGE = "hl7.fhir.r4.core-4.0.1.tgz"
OUT = Path(__file__).resolve().parent.parent / "src" / "passerelle" / "fhir_r4" / "elements.json.gz"
CORE = "http://hl7.org/fhir/StructureDefinition/"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
LOADED = ("StructureDefinition", "ValueSet", "CodeSystem")
# Stated at the root of every type and repeated by the package on every element that uses the type.
REPEATED = {"ele-1", "ext-1"}
# Bound to everything a standard of others may write: checked by its syntax.
SYNTAXES = {
    "urn:ietf:bcp:13": "mime-type",
    "urn:ietf:bcp:47": "language",
    "urn:iso:std:iso:4217": "currency",
    "http://unitsofmeasure.org": "ucum",
}
SYNTAX_OF_VALUE_SET = {"http://www.rfc-editor.org/bcp/bcp13.txt": "mime-type"}
# The package names primitive types of its own language; this says which FHIR type is meant. `Resource.id` is an id.
FHIR_TYPE = EXTENSION + "structuredefinition-fhir-type"

Json = dict[str, Any]


def main() -> None:
    """The data file is written."""
    package = find_package(sys.argv[1:])
    resources = read_package(package)
    written = write_table(build_table(resources))
    print(f"{OUT.name}: {written} bytes from {package.name}")


def find_package(arguments: list[str]) -> Path:
    """The path of the R4 core package."""
    if arguments:
        return Path(arguments[0])
    shared = os.environ.get("PASSERELLE_SHARED")
    roots = [Path(shared)] if shared else []
    roots.append(Path(__file__).resolve().parents[2] / "shared")
    for root in roots:
        if (found := root / "fhir-packages" / PACKAGE).exists():
            return found
    raise SystemExit(f"{PACKAGE} was not found; give its path as the argument")


def read_package(package: Path) -> dict[str, dict[str, Json]]:
    """The definitions of the package, by kind and canonical URL."""
    found: dict[str, dict[str, Json]] = {kind: {} for kind in LOADED}
    with tarfile.open(package) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            name = Path(member.name).name
            kind = name.split("-", 1)[0]
            if kind in found and name.endswith(".json"):
                opened = archive.extractfile(member)
                assert opened is not None
                resource = json.load(opened)
                found[kind][resource["url"]] = resource
    return found


def build_table(resources: dict[str, dict[str, Json]]) -> Json:
    """Everything the loader needs, with sorted keys and shared lists."""
    terms = Terms(resources["CodeSystem"], resources["ValueSet"])
    invariants: dict[tuple[str, ...], int] = {}
    types: Json = {}
    for definition in sorted(resources["StructureDefinition"].values(), key=lambda one: str(one["name"])):
        if definition["kind"] == "logical" or definition.get("derivation") == "constraint":
            continue
        types[definition["name"]] = {
            "kind": definition["kind"].removesuffix("-type"),
            "abstract": definition["abstract"],
            "base": definition.get("baseDefinition", "").removeprefix(CORE),
            "elements": [to_row(element, terms, invariants) for element in definition["snapshot"]["element"]],
            **regex_of(definition),
        }
    return {
        "package": "hl7.fhir.r4.core",
        "version": "4.0.1",
        "types": types,
        "invariants": [list(one) for one in invariants],
        "value_sets": {url: terms.expanded[url] for url in sorted(terms.expanded)},
    }


def regex_of(definition: Json) -> Json:
    """The regular expression of a primitive type, as the package states it."""
    if definition["kind"] != "primitive-type":
        return {}
    for element in definition["snapshot"]["element"]:
        for kind in element.get("type", []):
            for extension in kind.get("extension", []):
                if extension["url"] == EXTENSION + "regex":
                    return {"regex": extension["valueString"]}
    return {}


def to_row(element: Json, terms: "Terms", invariants: dict[tuple[str, ...], int]) -> list[Any]:
    """One element: path, min, max, types, content reference, binding, positions of its invariants."""
    path = element["path"]
    kept = [one for one in element.get("constraint", []) if "." not in path or one["key"] not in REPEATED]
    row = [
        path,
        element["min"],
        element["max"],
        [to_type(kind, element["base"]["path"]) for kind in element.get("type", [])],
        element.get("contentReference", "").removeprefix("#"),
        to_binding(element.get("binding"), terms),
        [invariants.setdefault(to_invariant(one), len(invariants)) for one in kept],
    ]
    while row and not row[-1]:
        row.pop()
    return row


def to_type(kind: Json, base: str) -> Any:
    """A type name, or its name with the targets and profiles it is limited to."""
    code = kind["code"]
    if code.startswith("http://hl7.org/fhirpath/"):
        stated = [one["valueUrl"] for one in kind.get("extension", []) if one["url"] == FHIR_TYPE]
        code = "id" if base == "Resource.id" else stated[0] if stated else code.rsplit(".", 1)[1].lower()
    targets = sorted(target.removeprefix(CORE) for target in kind.get("targetProfile", []))
    profiles = sorted(profile.removeprefix(CORE) for profile in kind.get("profile", []))
    if targets == ["Resource"]:
        targets = []
    return [code, targets, profiles] if profiles else [code, targets] if targets else code


def to_invariant(constraint: Json) -> tuple[str, ...]:
    """Key, severity, what it says, expression, and whether it is best practice only."""
    practice = any(one["url"].endswith("elementdefinition-bestpractice") for one in constraint.get("extension", []))
    return (
        constraint["key"],
        constraint["severity"],
        constraint["human"],
        constraint.get("expression", ""),
        "best-practice" if practice else "",
    )


def to_binding(binding: Json | None, terms: "Terms") -> list[str]:
    """Strength, value set and the value set nothing may leave. Codes are kept with the value sets."""
    if not binding:
        return []
    url = binding.get("valueSet", "").split("|")[0]
    widest = ""
    for extension in binding.get("extension", []):
        if extension["url"].endswith("elementdefinition-maxValueSet"):
            widest = extension["valueCanonical"].split("|")[0]
    if binding["strength"] in {"required", "extensible"}:
        terms.expand(url)
    if widest:
        terms.expand(widest)
    return [binding["strength"], url, widest] if widest else [binding["strength"], url]


class Terms:
    """Value sets expanded with the code systems of the same package."""

    def __init__(self, systems: dict[str, Json], value_sets: dict[str, Json]) -> None:
        self._systems = systems
        self._value_sets = value_sets
        self.expanded: dict[str, Json] = {}

    def expand(self, url: str) -> None:
        """`expanded` holds the value set: its codes by system where all are known, else a syntax or nothing."""
        if not url or url in self.expanded:
            return
        codes = self._codes(url)
        if codes is not None:
            self.expanded[url] = {"codes": {system: list(codes[system]) for system in sorted(codes)}}
        elif syntax := self._syntax(url):
            self.expanded[url] = {"syntax": syntax}
        else:
            self.expanded[url] = {}

    def _syntax(self, url: str) -> str:
        includes = self._value_sets.get(url, {}).get("compose", {}).get("include", [])
        if len(includes) != 1:
            return SYNTAX_OF_VALUE_SET.get(url, "")
        return SYNTAXES.get(includes[0].get("system", ""), "")

    def _codes(self, url: str) -> dict[str, dict[str, None]] | None:
        value_set = self._value_sets.get(url)
        if value_set is None or "compose" not in value_set:
            return None
        found: dict[str, dict[str, None]] = {}
        for include in value_set["compose"]["include"]:
            part = self._included(include)
            if part is None:
                return None
            for system, codes in part.items():
                found.setdefault(system, {}).update(codes)
        for exclude in value_set["compose"].get("exclude", []):
            part = self._included(exclude)
            if part is None:
                return None
            for system, codes in part.items():
                for code in codes:
                    found.get(system, {}).pop(code, None)
        return found

    def _included(self, include: Json) -> dict[str, dict[str, None]] | None:
        parts = [self._codes(url.split("|")[0]) for url in include.get("valueSet", [])]
        if "system" in include:
            own = self._of_system(include)
            parts.append(None if own is None else {include["system"]: own})
        if any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        return {
            system: {code: None for code in codes if all(code in other.get(system, {}) for other in known[1:])}
            for system, codes in known[0].items()
        }

    def _of_system(self, include: Json) -> dict[str, None] | None:
        if "concept" in include:
            return {concept["code"]: None for concept in include["concept"]}
        system = self._systems.get(include["system"])
        if system is None or system.get("content") != "complete":
            return None
        parents = parents_of(system)
        codes = dict.fromkeys(parents)
        for rule in include.get("filter", []):
            below = {code for code in parents if rule["value"] in ancestors(code, parents)}
            if rule["op"] == "is-a":
                keep = below | {rule["value"]}
            elif rule["op"] == "is-not-a":
                keep = set(parents) - below - {rule["value"]}
            else:
                return None
            codes = {code: None for code in codes if code in keep}
        return codes


def parents_of(system: Json) -> dict[str, set[str]]:
    """Every code of the system with the codes right above it."""
    parents: dict[str, set[str]] = {}

    def walk(concepts: list[Json], above: set[str]) -> None:
        for concept in concepts:
            stated = {
                one["valueCode"]
                for one in concept.get("property", [])
                if one["code"] in {"subsumedBy", "parent"} and "valueCode" in one
            }
            parents.setdefault(concept["code"], set()).update(above | stated)
            walk(concept.get("concept", []), {concept["code"]})

    walk(system.get("concept", []), set())
    return parents


def ancestors(code: str, parents: dict[str, set[str]]) -> set[str]:
    """Every code above this one."""
    found: set[str] = set()
    waiting = list(parents.get(code, ()))
    while waiting:
        above = waiting.pop()
        if above not in found:
            found.add(above)
            waiting.extend(parents.get(above, ()))
    return found


def write_table(table: Json) -> int:
    """The number of bytes written. No time of day and no file name enters them."""
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as packed:
        packed.write(text)
    OUT.write_bytes(buffer.getvalue())
    return len(buffer.getvalue())


if __name__ == "__main__":
    main()
