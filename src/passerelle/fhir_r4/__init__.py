"""What FHIR R4 4.0.1 says of every element: one table, read lazily, for whoever compiles against it."""

from passerelle.fhir_r4.elements import (
    Binding,
    Element,
    ElementTable,
    Invariant,
    Resolved,
    Step,
    TypeRef,
    UnknownElement,
    ValueSet,
    element_table,
)

__all__ = [
    "Binding",
    "Element",
    "ElementTable",
    "Invariant",
    "Resolved",
    "Step",
    "TypeRef",
    "UnknownElement",
    "ValueSet",
    "element_table",
]
