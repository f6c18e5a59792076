"""The R4 4.0.1 element table: types, paths, cardinalities, bindings, targets. Facts only; nothing here judges a tree.

The facts are generated from the R4 core package; `README.md` beside this module says how.
"""

import difflib
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

import orjson

Kind = Literal["resource", "complex", "primitive"]
Strength = Literal["required", "extensible", "preferred", "example"]
Syntax = Literal["mime-type", "language", "currency", "ucum"]

_CHOICE = "[x]"


class UnknownElement(ValueError):
    """A path that R4 does not have. `nearest` is the closest path that it has, or empty."""

    def __init__(self, path: str, nearest: str, why: str = "") -> None:
        self.path = path
        self.nearest = nearest
        hint = f"; did you mean '{nearest}'?" if nearest else ""
        super().__init__(why or f"'{path}' does not exist in FHIR R4{hint}")


@dataclass(frozen=True, slots=True)
class TypeRef:
    """One type an element may have; `targets` is empty when a reference may point at any resource."""

    code: str
    targets: tuple[str, ...] = ()
    profile: str = ""


@dataclass(frozen=True, slots=True)
class ValueSet:
    """What may be said: all codes by system, or the syntax every code has, or neither (open)."""

    url: str
    codes: Mapping[str, frozenset[str]] | None = None
    syntax: Syntax | None = None

    @property
    def all_codes(self) -> frozenset[str]:
        """The codes of every system together, as an element of type `code` may say them."""
        return frozenset().union(*self.codes.values()) if self.codes else frozenset()


@dataclass(frozen=True, slots=True)
class Binding:
    """Which value set an element draws from, and how strictly. `widest` is the set it may never leave."""

    strength: Strength
    value_set: ValueSet
    widest: ValueSet | None = None

    @property
    def codes(self) -> Mapping[str, frozenset[str]] | None:
        """Codes by system when all are known, else nothing."""
        return self.value_set.codes

    @property
    def syntax(self) -> Syntax | None:
        """The syntax of codes that others' standards list, else nothing."""
        return self.value_set.syntax


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule of R4 on one element, with the expression that states it."""

    key: str
    severity: Literal["error", "warning"]
    human: str
    expression: str
    best_practice: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """One line of a definition. `max` is nothing when there is no limit."""

    path: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...]
    content_of: str = ""
    binding: Binding | None = None
    invariants: tuple[Invariant, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path, as the definition spells it (`value[x]`)."""
        return self.path.rsplit(".", 1)[-1]

    @property
    def is_list(self) -> bool:
        """True when the element is an array in JSON."""
        return self.max is None or self.max > 1

    @property
    def is_choice(self) -> bool:
        """True when the name in JSON ends with the name of the type."""
        return self.name.endswith(_CHOICE)

    @property
    def is_required(self) -> bool:
        """True when the element may not be left out of what holds it."""
        return self.min > 0

    def spellings(self) -> tuple[tuple[str, TypeRef | None], ...]:
        """The names the element has in JSON, each with its type; no type where the content is defined elsewhere."""
        if not self.is_choice:
            return ((self.name, self.types[0] if self.types else None),)
        stem = self.name.removesuffix(_CHOICE)
        return tuple((stem + one.code[0].upper() + one.code[1:], one) for one in self.types)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a resolved path: its name in JSON, its definition, the type chosen by its spelling."""

    name: str
    element: Element
    type: TypeRef | None

    @property
    def is_list(self) -> bool:
        """True when this step is an array in JSON."""
        return self.element.is_list


@dataclass(frozen=True, slots=True)
class Resolved:
    """What R4 says at a path, every step included; the last step is what the path names."""

    path: str
    steps: tuple[Step, ...]
    types: tuple[TypeRef, ...]

    @property
    def element(self) -> Element:
        """The definition of the last step."""
        return self.steps[-1].element

    @property
    def type(self) -> str:
        """The type, or empty when it is a choice not yet made or is defined here (a backbone element has its name)."""
        return self.types[0].code if len(self.types) == 1 else ""

    @property
    def is_list(self) -> bool:
        """True when the last step is an array in JSON."""
        return self.element.is_list

    @property
    def lists(self) -> tuple[bool, ...]:
        """For every step, whether it is an array in JSON."""
        return tuple(step.element.is_list for step in self.steps)

    @property
    def min(self) -> int:
        """How many there must be, within what holds the last step."""
        return self.element.min

    @property
    def binding(self) -> Binding | None:
        """The binding stated on the last step."""
        return self.element.binding

    @property
    def coded_binding(self) -> Binding | None:
        """The binding that governs the last step: its own, or that of the Coding, CodeableConcept or Quantity it is in.

        `Encounter.hospitalization.dischargeDisposition.coding.code` is governed by `dischargeDisposition`.
        """
        for step in reversed(self.steps):
            if step.element.binding is not None:
                return step.element.binding
            if step.name not in {"code", "coding", "system"}:
                return None
        return None

    @property
    def targets(self) -> tuple[str, ...]:
        """The resource types a reference may point at; empty for any, and for what is no reference."""
        return tuple(dict.fromkeys(target for one in self.types for target in one.targets))

    @property
    def is_choice(self) -> bool:
        """True when the path leaves the type of a choice open."""
        return len(self.types) > 1


class ElementTable:
    """Every R4 type and path. Types are built when they are first asked for."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self._types: dict[str, dict[str, Element]] = {}
        self._children: dict[str, tuple[Element, ...]] = {}
        self._value_sets: dict[str, ValueSet] = {}
        self._invariants = tuple(
            Invariant(key, severity, human, expression, bool(practice))
            for key, severity, human, expression, practice in facts["invariants"]
        )

    @property
    def version(self) -> str:
        """The version of FHIR: 4.0.1."""
        return str(self._facts["version"])

    def types(self) -> tuple[str, ...]:
        """The name of every type, abstract ones included."""
        return tuple(self._facts["types"])

    @cached_property
    def resource_types(self) -> tuple[str, ...]:
        """The name of every type a resource may have."""
        return tuple(
            name for name, one in self._facts["types"].items() if one["kind"] == "resource" and not one["abstract"]
        )

    @cached_property
    def _resources(self) -> frozenset[str]:
        return frozenset(self.resource_types)

    def kind(self, type_name: str) -> Kind:
        """Whether the type is a resource, complex or primitive.

        Raises:
            UnknownElement: R4 has no such type.
        """
        kind: Kind = self._type(type_name)["kind"]
        return kind

    def is_resource(self, type_name: str) -> bool:
        """True when a resource may have this type."""
        return type_name in self._resources

    def is_primitive(self, type_name: str) -> bool:
        """True when values of this type are strings, numbers or booleans in JSON."""
        found = self._facts["types"].get(type_name)
        return found is not None and found["kind"] == "primitive"

    def base(self, type_name: str) -> str:
        """The type this one specialises, or empty.

        Raises:
            UnknownElement: R4 has no such type.
        """
        return str(self._type(type_name)["base"])

    def regex(self, type_name: str) -> str:
        """The regular expression the package states for a primitive type, or empty.

        Raises:
            UnknownElement: R4 has no such type.
        """
        return str(self._type(type_name).get("regex", ""))

    def elements(self, type_name: str) -> Mapping[str, Element]:
        """Every element of the type's own definition by path, its root first.

        Raises:
            UnknownElement: R4 has no such type.
        """
        built = self._types.get(type_name)
        if built is None:
            built = {row[0]: self._element(row) for row in self._type(type_name)["elements"]}
            self._types[type_name] = built
        return built

    def element(self, path: str) -> Element:
        """The definition at a path, walking through complex types and choice spellings.

        Raises:
            UnknownElement: R4 has no such path.
        """
        if "." not in path:
            return self.elements(path)[path]
        return self.resolve(path).element

    def children(self, path: str) -> tuple[Element, ...]:
        """The elements right below a type or a path, in the order of the definition.

        Raises:
            UnknownElement: R4 has no such path, or it is a choice not yet made.
        """
        if "." not in path:
            return self.members(path)
        resolved = self.resolve(path)
        if resolved.is_choice:
            raise UnknownElement(path, "", f"'{path}' may have several types; spell the one you mean")
        return self.members(self.definition_of(resolved.element, resolved.types[0] if resolved.types else None))

    def members(self, definition: str) -> tuple[Element, ...]:
        """The elements right below a definition path (`Period`, `Encounter.hospitalization`).

        Raises:
            UnknownElement: R4 has no such type.
        """
        known = self._children.get(definition)
        if known is None:
            depth = definition.count(".") + 1
            start = definition + "."
            known = tuple(
                one
                for path, one in self.elements(definition.split(".", 1)[0]).items()
                if path.startswith(start) and path.count(".") == depth and one.max != 0
            )
            self._children[definition] = known
        return known

    @staticmethod
    def definition_of(element: Element, chosen: TypeRef | None) -> str:
        """Where the content of an element is defined: another element, itself (backbone), or its type."""
        if element.content_of:
            return element.content_of
        if chosen is None or chosen.code in {"BackboneElement", "Element"}:
            return element.path
        return chosen.code

    def resolve(self, path: str) -> Resolved:
        """What R4 says at a path such as `Observation.valueQuantity.value`, for every step of it.

        Raises:
            UnknownElement: R4 has no such path; the nearest one is named.
        """
        root, *names = path.split(".")
        if root not in self._facts["types"] or not names:
            raise UnknownElement(path, self.nearest(path))
        definition = root
        steps: list[Step] = []
        types: tuple[TypeRef, ...] = ()
        for position, name in enumerate(names):
            found = self._member(definition, name)
            if found is None:
                raise UnknownElement(path, self.nearest(path))
            element, chosen, types = found
            steps.append(Step(name, element, chosen))
            if position < len(names) - 1:
                if chosen is None and len(types) > 1:
                    at = ".".join([root, *names[: position + 1]])
                    raise UnknownElement(path, "", f"'{at}' may have several types; spell the one you mean")
                definition = self.definition_of(element, chosen)
        return Resolved(path, tuple(steps), types)

    def nearest(self, path: str) -> str:
        """The path of R4 that is closest to this one, or empty. What is right at its start is kept."""
        root, *names = path.split(".")
        if root not in self._facts["types"]:
            close = difflib.get_close_matches(root, self.types(), n=1) or [
                name for name in self.types() if name.lower() == root.lower()
            ]
            if not close:
                return ""
            better = ".".join([close[0], *names])
            return better if not names or self._exists(better) else self.nearest(better) or close[0]
        definition, kept = root, [root]
        for name in names:
            found = self._member(definition, name)
            if found is None:
                spelled = {s: e for e in self.members(definition) for s, _ in e.spellings()}
                spelled |= {e.name.removesuffix(_CHOICE): e for e in self.members(definition)}
                close = difflib.get_close_matches(name, spelled, n=1, cutoff=0.5)
                return ".".join([*kept, close[0]]) if close else ""
            element, chosen, types = found
            kept.append(name)
            if chosen is None and len(types) > 1:
                return ".".join(kept)
            definition = self.definition_of(element, chosen)
        return path

    def value_set(self, url: str) -> ValueSet:
        """A value set that a required or extensible binding names; open when nothing is known of it."""
        known = self._value_sets.get(url)
        if known is None:
            fact = self._facts["value_sets"].get(url, {})
            codes = fact.get("codes")
            listed = None if codes is None else {system: frozenset(them) for system, them in codes.items()}
            known = self._value_sets[url] = ValueSet(url, listed, fact.get("syntax"))
        return known

    def _exists(self, path: str) -> bool:
        try:
            self.resolve(path)
        except UnknownElement:
            return False
        return True

    def _type(self, type_name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] | None = self._facts["types"].get(type_name)
        if found is None:
            raise UnknownElement(type_name, self.nearest(type_name))
        return found

    def _member(self, definition: str, name: str) -> tuple[Element, TypeRef | None, tuple[TypeRef, ...]] | None:
        for element in self.members(definition):
            if not element.is_choice:
                if element.name == name:
                    return element, (element.types[0] if element.types else None), element.types
            elif name in {element.name, element.name.removesuffix(_CHOICE)}:
                return element, None, element.types
            else:
                for spelled, one in element.spellings():
                    if spelled == name:
                        return element, one, (one,) if one else ()
        return None

    def _element(self, row: list[Any]) -> Element:
        path, least, most, types, content_of, binding, invariants = [*row, *_EMPTY[len(row) :]]
        return Element(
            path,
            least,
            None if most == "*" else int(most),
            tuple(_to_type(one) for one in types),
            content_of,
            self._binding(binding) if binding else None,
            tuple(self._invariants[position] for position in invariants),
        )

    def _binding(self, row: list[str]) -> Binding:
        widest = self.value_set(row[2]) if len(row) > 2 else None
        strength: Any = row[0]
        return Binding(strength, self.value_set(row[1]), widest)


_EMPTY: tuple[Any, ...] = ("", 0, "*", [], "", [], [])


def _to_type(fact: str | list[Any]) -> TypeRef:
    if isinstance(fact, str):
        return TypeRef(fact)
    return TypeRef(fact[0], tuple(fact[1]), fact[2][0] if len(fact) > 2 else "")


@cache
def element_table() -> ElementTable:
    """The table of FHIR R4 4.0.1, read once."""
    packed = resources.files("passerelle.fhir_r4").joinpath("elements.json.gz").read_bytes()
    return ElementTable(orjson.loads(gzip.decompress(packed)))
