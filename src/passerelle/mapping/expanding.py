"""The fixed table of complex types: what one value becomes where an element is more than one value.

| type | from | becomes |
|---|---|---|
| CodeableConcept | `codes` | `coding` with system, code and display of the code list |
| | `system` | `coding` with that system and the value as code |
| | neither | `text` |
| Coding | `codes` or `system` | system, code (and display) |
| Identifier | `system` | system, value |
| ContactPoint | `system` (phone, email...) | system, value |
| Quantity, Age, Duration, Count, Distance, Money | a number | value |
| HumanName, Address, Annotation, Dosage | a text | text |
| Reference | `refers` | reference |

Everything else is written path by path, or as a constant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from passerelle.contracts.code_list import CodeTarget

QUANTITIES = frozenset({"Quantity", "SimpleQuantity", "Age", "Duration", "Count", "Distance", "Money", "MoneyQuantity"})
WITH_TEXT = frozenset({"HumanName", "Address", "Annotation", "Dosage"})
CODED = frozenset({"CodeableConcept", "Coding"})


@dataclass(frozen=True, slots=True)
class Expansion:
    """How one value of a primitive type becomes a complex one. `fills` names the members it writes."""

    takes: str
    fills: tuple[str, ...]
    build: Callable[[Any], dict[str, Any]]


def expansion(type_name: str, system: str | None) -> Expansion | str:
    """The expansion of a value without code list, or the sentence that says what is wanted."""
    if type_name == "CodeableConcept":
        if system is None:
            return Expansion("string", ("text",), lambda value: {"text": value})
        return Expansion("code", ("coding",), lambda value: {"coding": [{"system": system, "code": value}]})
    if type_name == "Coding":
        if system is None:
            return "is a Coding and wants `codes` or `system`"
        return Expansion("code", ("system", "code"), lambda value: {"system": system, "code": value})
    if type_name in {"Identifier", "ContactPoint"}:
        if system is None:
            return f"is of type {type_name} and wants a `system`"
        return Expansion("string", ("system", "value"), lambda value: {"system": system, "value": value})
    if type_name in QUANTITIES:
        return Expansion("decimal", ("value",), lambda value: {"value": value})
    if type_name in WITH_TEXT:
        return Expansion("string", ("text",), lambda value: {"text": value})
    if type_name == "Reference":
        return "is a Reference; say whom it `refers` to"
    return f"is of type {type_name or 'backbone'}; write its elements, one line each"


def coding(target: CodeTarget, system: str) -> dict[str, Any]:
    """The Coding of a code list's row; `system` is that of rows that name none."""
    made = {"system": target.system or system, "code": target.code, "display": target.display}
    return {name: value for name, value in made.items() if value}


def coded(type_name: str, target: CodeTarget, system: str, kept: dict[str, Any] | None) -> dict[str, Any]:
    """A Coding, or a CodeableConcept with the source's own coding beside the mapped one."""
    mapped = coding(target, system)
    if type_name == "Coding":
        return mapped
    return {"coding": [mapped] if kept is None else [mapped, kept]}
