"""JSON Schemas of the hand-written files, for editors: generated from the models, so that they cannot disagree.

An editor sees one file. What a standard may give (`extends`) is therefore never required by a schema; `lint`, which
sees all files, says what is missing.
"""

from collections.abc import Mapping
from typing import Any

import pydantic

from passerelle.contracts.gate_table import GateTable
from passerelle.contracts.mapping import MappingFile
from passerelle.contracts.naming import NamingSystem
from passerelle.contracts.pathway import Pathway
from passerelle.contracts.source import Source, Table
from passerelle.contracts.standard import Standard
from passerelle.contracts.story import Story
from passerelle.contracts.suite import Suite
from passerelle.contracts.target import Target

FILES: Mapping[str, tuple[type[pydantic.BaseModel], str]] = {
    "source": (Source, "mappings/sources/*/source.yaml"),
    "standard": (Standard, "mappings/standards/*/standard.yaml"),
    "mapping": (MappingFile, "mappings/sources/*/*.yaml, mappings/standards/*/*.yaml"),
    "story": (Story, "mappings/sources/*/examples/*.yaml"),
    "pathway": (Pathway, "mappings/pathways/*.yaml"),
    "target": (Target, "fhir/targets/*.yaml"),
    "suite": (Suite, "validation/suites/*.yaml"),
    "gate": (GateTable, "validation/gate.yaml"),
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WHOLE = ("Expectation", "Source", "Legal", "Organisation", "IdentifierSystem", "Coverage")
"""What is written whole though it lies in a file that extends, as items of lists and the head of a source are."""
_ALWAYS: Mapping[str, Mapping[str, list[str]]] = {
    "source": {},
    "standard": {},
    "mapping": {"Emit": ["as"], "FieldLine": ["to"], "Present": ["column"]},
}
"""For files that extend: what each of their parts always has, nothing unless it is listed."""


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of every kind of file, by name."""
    made = {name: _schema(name, model, files) for name, (model, files) in FILES.items()}
    made["naming_systems"] = {
        "$schema": _DIALECT,
        "title": "fhir/naming_systems.yaml",
        "type": "array",
        "items": NamingSystem.model_json_schema(),
    }
    return made


def _schema(name: str, model: type[pydantic.BaseModel], files: str) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    if model is Standard:
        schema = _with_tables(schema)
    if name in _ALWAYS:
        for part, definition in schema["$defs"].items():
            if part not in _WHOLE and "properties" in definition:
                definition["required"] = _ALWAYS[name].get(part, [])
                _droppable(definition)
        _droppable(schema)
    if model is MappingFile:
        schema["required"] = ["mapping", "version"]
    return {"$schema": _DIALECT, **schema, "title": files}


def _droppable(definition: dict[str, Any]) -> None:
    """An empty value under a name of somebody's own is right: it drops what a standard gives."""
    for one in definition.get("properties", {}).values():
        held = one.get("patternProperties", one)
        for key in held if "patternProperties" in one else ("additionalProperties",):
            if isinstance(held.get(key), dict) and "$ref" in held[key]:
                held[key] = {"anyOf": [held[key], {"type": "null"}]}


def _with_tables(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a standard with its parts of tables written out as those of a source."""
    table = Table.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = table.pop("$defs")
    written = schema["properties"]["tables"]
    tables = {
        **written,
        "patternProperties": {name: {"$ref": "#/$defs/Table"} for name in written["patternProperties"]},
    }
    return {
        **schema,
        "$defs": {**schema.get("$defs", {}), **definitions, "Table": table},
        "properties": {**schema["properties"], "tables": tables},
    }
