"""One tightened JSON schema per R4 type, for the hot path: what it accepts is right.

It is generated from the element table and compiled as draft-07 (any older draft ignores `if` and accepts too much
without a word). Calendar patterns are exact, references point at allowed types, required elements are there, a choice
is made once, nothing is unknown, nothing is empty, required bindings are enums or syntaxes. Base rules stand in it as
far as a schema can say them.

It is a strict reader: contained resources, nulls in arrays, ids of data types, local references and a few rare types
in extensions are refused, although they may be right. What it refuses goes to `judging`, which is exact; so what is
rare costs nothing where it is not used.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import jsonschema_rs

from passerelle.fhir_r4 import Element, ElementTable, TypeRef, ValueSet, element_table
from passerelle.structure.invariants import RULES
from passerelle.structure.primitives import BOUNDS, ID, OID, PATTERNS, SYNTAXES, UUID, json_type_of

Schema = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
WHOLE_NUMBER_DRAFT: Final = "http://json-schema.org/draft-04/schema#"
_QUIET: Final = "quiet:"
# What an extension may hold in the hot path. The others are rare, and each would bring many definitions along.
_IN_EXTENSIONS: Final = frozenset(
    {"Address", "CodeableConcept", "Coding", "ContactPoint", "HumanName", "Identifier", "Money", "Period", "Quantity"}
    | {"Range", "Reference"}
)
# Values of these are looked at by nothing but the schema, so what they hold is narrowed to what a schema can decide.
_LOOKED_AT_BY_SCHEMA_ONLY: Final = frozenset({"Extension", "Reference"})
_HELD: Final[Schema] = {"type": "object", "required": ["resourceType"]}


@cache
def validator_of(type_name: str) -> jsonschema_rs.Draft7Validator:
    """The compiled schema of a resource type.

    Raises:
        UnknownElement: R4 has no such type.
    """
    return jsonschema_rs.Draft7Validator(schema_of(type_name), pattern_options=jsonschema_rs.RegexOptions())


def schema_of(type_name: str) -> Schema:
    """The tightened schema of a resource type, as JSON schema draft-07.

    Raises:
        UnknownElement: R4 has no such type.
    """
    return _Writer(element_table()).write(type_name)


class _Writer:
    """Writes the definitions that one resource type needs."""

    def __init__(self, table: ElementTable) -> None:
        self._table = table
        self._definitions: dict[str, Schema] = {}

    def write(self, type_name: str) -> Schema:
        root = self._object(type_name, quiet=False)
        root["properties"]["resourceType"] = {"const": type_name}
        root["required"].append("resourceType")
        return {"$schema": DRAFT, **root, "definitions": self._definitions}

    def _reference(self, definition: str, *, quiet: bool) -> Schema:
        key = f"{_QUIET if quiet else ''}{definition}"
        if key not in self._definitions:
            self._definitions[key] = {}
            self._definitions[key] = self._object(definition, quiet=quiet)
        return {"$ref": f"#/definitions/{key}"}

    def _object(self, definition: str, *, quiet: bool) -> Schema:
        quiet = quiet or definition in _LOOKED_AT_BY_SCHEMA_ONLY
        resource = self._table.is_resource(definition)
        members = [
            one for one in self._table.members(definition) if one.name != "contained" and (resource or one.name != "id")
        ]
        properties: Schema = {}
        required: list[str] = []
        pieces: list[Schema] = []
        for element in members:
            for name, kind in element.spellings():
                written = self._property(definition, element, kind, quiet=quiet)
                if written is not None:
                    properties[name] = written
                    if self._has_twin(element, kind):
                        properties[f"_{name}"] = self._twin()
            if element.is_required and not element.is_choice:
                required.append(element.name)
        pieces += [self._one_of(one, properties, len(required)) for one in members if one.is_choice]
        pieces += self._rules(definition, resource=resource, quiet=quiet)
        written = {"type": "object", "properties": properties, "additionalProperties": False, "required": required}
        if not resource and not required:
            written["minProperties"] = 1
        if pieces:
            written["allOf"] = pieces
        return written

    def _has_twin(self, element: Element, kind: TypeRef | None) -> bool:
        if kind is None or element.is_list or element.path == "Extension.url":
            return False
        return self._table.is_primitive(kind.code)

    def _twin(self) -> Schema:
        if "twin" not in self._definitions:
            self._definitions["twin"] = {}
            self._definitions["twin"] = {
                "type": "object",
                "properties": {
                    "extension": {"type": "array", "minItems": 1, "items": self._reference("Extension", quiet=True)}
                },
                "required": ["extension"],
                "additionalProperties": False,
            }
        return {"$ref": "#/definitions/twin"}

    @staticmethod
    def _one_of(element: Element, properties: Mapping[str, Any], others: int) -> Schema:
        """At most one spelling of the choice, exactly one when it is required; a twin counts as its element.

        `others` are the members that every such object has: one that is no longer than these and one more has no room
        for a second spelling, which is what most objects are and is asked first.
        """
        names = [name for name, _ in element.spellings() if name in properties]
        branches = [_present(name, properties) for name in names]
        if element.is_required:
            return {"oneOf": branches}
        every = [{"required": [one]} for name in names for one in (name, f"_{name}") if one in properties]
        return {"anyOf": [{"maxProperties": others + 1}, {"not": {"anyOf": every}}, {"oneOf": branches}]}

    def _property(self, definition: str, element: Element, kind: TypeRef | None, *, quiet: bool) -> Schema | None:
        one = self._value(definition, element, kind, quiet=quiet)
        if one is None or not element.is_list:
            return one
        many: Schema = {"type": "array", "minItems": 1, "items": one}
        if element.max is not None:
            many["maxItems"] = element.max
        return many

    def _value(self, definition: str, element: Element, kind: TypeRef | None, *, quiet: bool) -> Schema | None:
        if kind is None:
            return self._reference(element.content_of, quiet=quiet)
        if kind.code == "Resource":
            return _HELD
        if kind.code in BOUNDS:
            return self._whole_number(kind.code)
        if self._table.is_primitive(kind.code):
            return _primitive(kind.code, element)
        if definition == "Extension" and kind.code not in _IN_EXTENSIONS and element.name != "extension":
            return None
        if kind.code == "Reference":
            return self._pointing_at(kind.targets)
        target = self._table.definition_of(element, kind)
        held = self._simple(quiet=quiet) if kind.profile == "SimpleQuantity" else None
        held = held or self._reference(target, quiet=quiet and target != "Extension")
        return _bound(held, element, kind.code)

    def _simple(self, *, quiet: bool) -> Schema:
        """A quantity that stands for itself, and for nothing above or below."""
        key = f"{_QUIET if quiet else ''}SimpleQuantity"
        if key not in self._definitions:
            self._definitions[key] = {}
            written = self._object("Quantity", quiet=quiet)
            for name in ("comparator", "_comparator"):
                del written["properties"][name]
            self._definitions[key] = written
        return {"$ref": f"#/definitions/{key}"}

    def _whole_number(self, code: str) -> Schema:
        least, most = BOUNDS[code]
        # Draft-07 takes 1.0 for an integer and R4 does not; draft-04 refuses it, and a draft is chosen by identifier.
        self._definitions[code] = {
            "$schema": WHOLE_NUMBER_DRAFT,
            "$id": f"urn:{code}",
            "id": f"urn:{code}",
            "type": "integer",
            "minimum": least,
            "maximum": most,
        }
        return {"$ref": f"urn:{code}"}

    def _pointing_at(self, targets: tuple[str, ...]) -> Schema:
        key = f"Reference({','.join(targets)})"
        if key not in self._definitions:
            self._definitions[key] = {}
            written = self._object("Reference", quiet=True)
            for name in ("type", "_type"):  # whether it agrees with what is pointed at, no schema says
                del written["properties"][name]
            types = "|".join(targets or self._table.resource_types)
            written["properties"]["reference"] = {"type": "string", "pattern": _reference_pattern(types)}
            self._definitions[key] = written
        return {"$ref": f"#/definitions/{key}"}

    def _rules(self, definition: str, *, resource: bool, quiet: bool) -> list[Schema]:
        rules = list(RULES.get(definition, ()))
        if resource and self._table.base(definition) == "DomainResource":
            rules += RULES["DomainResource"]
        pieces: list[Schema] = []
        for one in rules:
            if one.enough is not None and (quiet or not one.narrow):
                pieces.append(dict(one.enough))
            elif quiet:
                pieces.append({"not": {}})
        return [piece for piece in pieces if piece]


def _present(name: str, properties: Mapping[str, Any]) -> Schema:
    """The element is there, by its value or by its underscore twin."""
    if f"_{name}" in properties:
        return {"anyOf": [{"required": [name]}, {"required": [f"_{name}"]}]}
    return {"required": [name]}


def _primitive(code: str, element: Element) -> Schema:
    kind = json_type_of(code)
    if kind != "string":
        return {"type": kind}
    if element.path == "Bundle.entry.fullUrl":
        return {"type": "string", "pattern": f"^(?:{UUID}|{OID})$"}
    binding = element.binding
    if binding is not None:
        if binding.strength == "required" and binding.codes is not None:
            return {"enum": sorted(binding.value_set.all_codes)}
        for value_set in _ruling(element):
            if value_set.syntax is not None:
                return {"type": "string", "pattern": SYNTAXES[value_set.syntax]}
    written: Schema = {"type": "string", "pattern": PATTERNS[code]}
    if code == "base64Binary":
        written["minLength"] = 4
    elif code != "id":
        written["maxLength"] = 1024 * 1024
    return written


def _ruling(element: Element) -> list[ValueSet]:
    """The value sets that nothing may leave: that of a required binding, and the widest of any other."""
    binding = element.binding
    if binding is None:
        return []
    return ([binding.value_set] if binding.strength == "required" else []) + (
        [binding.widest] if binding.widest else []
    )


def _bound(value: Schema, element: Element, code: str) -> Schema:
    """The value, and one of its codings in the value set that rules it."""
    pieces = [piece for piece in (_coded(code, one) for one in _ruling(element)) if piece]
    return {"allOf": [value, *pieces]} if pieces else value


def _coded(code: str, value_set: ValueSet) -> Schema | None:
    coding = _coding(value_set)
    if coding is None:
        return None
    if code == "CodeableConcept":
        return {"required": ["coding"], "properties": {"coding": {"contains": coding}}}
    return coding if code in {"Coding", "Quantity"} else None


def _coding(value_set: ValueSet) -> Schema | None:
    if value_set.codes is None:
        if value_set.syntax is None:
            return None
        return {"required": ["code"], "properties": {"code": {"pattern": SYNTAXES[value_set.syntax]}}}
    return {
        "required": ["system", "code"],
        "anyOf": [
            {"properties": {"system": {"const": system}, "code": {"enum": sorted(codes)}}}
            for system, codes in sorted(value_set.codes.items())
        ],
    }


def _reference_pattern(types: str) -> str:
    place = rf"(?:{types})/{ID}(?:/_history/{ID})?"
    return rf"^(?:{place}|{UUID}|{OID}|https?://[A-Za-z0-9._:~%-]+(?:/[A-Za-z0-9._:~%-]+)*/{place})$"
