"""Resources made from the element table: every one valid R4, none about anybody. The same seed, the same resources."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from passerelle.fhir_r4 import Element, TypeRef, element_table

TABLE = element_table()
EMITTED = (
    "Patient Person Encounter EpisodeOfCare Appointment Task ServiceRequest Consent CareTeam Observation Condition "
    "QuestionnaireResponse MedicationRequest MedicationDispense MedicationStatement Organization Location Group Bundle"
).split()
UCUM = "http://unitsofmeasure.org"
SYSTEM = "https://passerelle.example/fhir/CodeSystem/generated"
PRIMITIVES = {
    "base64Binary": ("Zm9v", "Zm9vYg=="),
    "boolean": (True, False),
    "canonical": ("https://passerelle.example/fhir/Library/one|1.0",),
    "code": ("one", "two-words", "Z9"),
    "date": ("1980-02-29", "1999-12", "2024"),
    "dateTime": ("2024-03-31T02:30:00+01:00", "2024-02-29", "2023-07-01T12:00:00.250Z", "2021"),
    "decimal": (1, 2.5, 0.001),
    "id": ("a-1", "B.2"),
    "instant": ("2024-02-29T23:59:59Z", "2023-01-01T00:00:00.001+14:00"),
    "integer": (-3, 0, 7),
    "markdown": ("*one*\nand two",),
    "oid": ("urn:oid:1.2.250.1.213",),
    "positiveInt": (1, 12),
    "string": ("Élise de l'Étang", "one\ttwo", "12\u00a0%"),
    "time": ("08:30:00", "23:59:60"),
    "unsignedInt": (0, 5),
    "uri": ("urn:oid:1.2.3", "https://passerelle.example/x"),
    "url": ("https://passerelle.example/y",),
    "uuid": ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520",),
    "xhtml": ('<div xmlns="http://www.w3.org/1999/xhtml"><p>Said.</p></div>',),
}
SYNTAX = {"mime-type": "text/plain; charset=utf-8", "language": "fr-FR", "currency": "EUR", "ucum": "mg/dL"}
# What never goes together by chance, or is only right together with something else.
LEFT_OUT = {
    "Appointment.cancelationReason",
    "Attachment.data",
    "Bundle.total",
    "Bundle.entry.search",
    "Bundle.entry.request",
    "Bundle.entry.response",
    "CareTeam.participant.onBehalfOf",
    "Condition.abatement[x]",
    "DataRequirement.codeFilter.searchParam",
    "DataRequirement.dateFilter.searchParam",
    "Observation.component",
    "Observation.dataAbsentReason",
    "QuestionnaireResponse.item.item",
    "Task.lastModified",
    "Bundle.entry.fullUrl",
    "TriggerDefinition.data",
    "TriggerDefinition.condition",
}
ALWAYS = {
    "Appointment.start",
    "Appointment.end",
    "Appointment.participant.actor",
    "Bundle.entry.resource",
    "Condition.evidence.code",
    "Condition.stage.summary",
    "Consent.patient",
    "Consent.policyRule",
    "DataRequirement.codeFilter.path",
    "DataRequirement.dateFilter.path",
    "Expression.expression",
    "Observation.referenceRange.text",
    "Organization.name",
    "Patient.contact.name",
    "ServiceRequest.code",
    "TriggerDefinition.name",
}
SET = {
    "Bundle.type": "collection",
    "Condition.verificationStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
    },
    "Group.actual": True,
    "MedicationDispense.whenPrepared": "2024-02-28T08:00:00Z",
    "MedicationDispense.whenHandedOver": "2024-02-28T09:30:00+01:00",
    "Organization.address.use": "work",
    "Organization.telecom.use": "work",
    "TriggerDefinition.type": "named-event",
    "TriggerDefinition.name": "one",
    "Timing.repeat": {"frequency": 1, "period": 2, "periodUnit": "d", "timeOfDay": ["08:00:00"]},
}
WHOLE = {
    "Age": {"value": 40, "unit": "an", "system": UCUM, "code": "a"},
    "Count": {"value": 3, "system": UCUM, "code": "1"},
    "Distance": {"value": 2.5, "unit": "km", "system": UCUM, "code": "km"},
    "Duration": {"value": 20, "unit": "min", "system": UCUM, "code": "min"},
    "Quantity": {"value": 12.5, "unit": "mg", "system": UCUM, "code": "mg"},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}},
    "Range": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}},
    "ContactPoint": {"system": "phone", "value": "01 00 00 00 00", "use": "work"},
    "Narrative": {"status": "generated", "div": PRIMITIVES["xhtml"][0]},
}
PERIODS = (
    {"start": "2024-01-01", "end": "2024-01-01"},
    {"start": "2024-03-31T01:30:00+01:00", "end": "2024-03-31T03:30:00+02:00"},
    {"start": "2023"},
    {"end": "2024-05"},
    {"start": "2024-10-27T02:30:00+02:00", "end": "2024-10-27T02:10:00+01:00"},
)


def generated(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """As many resources, half of the types that are emitted, half of all types in turn."""
    rng = random.Random(seed)
    others = [name for name in TABLE.resource_types if name not in EMITTED]
    return [
        resource(EMITTED[(i // 2) % len(EMITTED)] if i % 2 else others[(i // 2) % len(others)], rng, i)
        for i in range(count)
    ]


def resource(type_name: str, rng: random.Random, number: int = 0) -> dict[str, Any]:
    """One valid resource of the type."""
    return _Maker(rng).resource(type_name, f"g-{number}")


def wild(definition: str, rng: random.Random) -> dict[str, Any]:
    """An object of the definition that keeps its shape and breaks base rules at will."""
    return _Maker(rng, wild=True).object(definition, 0)


class _Maker:
    def __init__(self, rng: random.Random, *, wild: bool = False) -> None:
        self.rng = rng
        self.wild = wild

    def resource(self, type_name: str, name: str, depth: int = 0) -> dict[str, Any]:
        made = {"resourceType": type_name, "id": name, **self.object(type_name, depth)}
        if type_name == "Bundle":
            made.pop("identifier", None)
        elif (
            "contained" in {one.name for one in TABLE.members(type_name)}
            and depth == 0
            and type_name != "Parameters"
            and self.rng.random() < 0.1
        ):
            held = self.resource("Organization", "held", 5)
            held.pop("meta", None)
            made["contained"] = [held]
            made.setdefault("extension", []).append({"url": SYSTEM, "valueReference": {"reference": "#held"}})
        return made

    def object(self, definition: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        members = [one for one in TABLE.members(definition) if one.name not in {"id", "contained", "modifierExtension"}]
        for element in members:
            if not self._is_wanted(element, depth):
                continue
            name, kind = self.rng.choice(element.spellings())
            if element.path in SET and not (self.wild and self.rng.random() < 0.7):
                made[name] = SET[element.path]
                continue
            many = self.rng.randint(1, min(2, element.max or 2)) if element.is_list else 1
            values = [self.value(element, kind, depth) for _ in range(many)]
            values = [one for one in values if one is not None]
            if not values:
                continue
            made[name] = values if element.is_list else values[0]
            if kind and TABLE.is_primitive(kind.code) and element.path != "Extension.url" and self.rng.random() < 0.03:
                twin = {"extension": [{"url": SYSTEM, "valueCode": "one"}]}
                made[f"_{name}"] = [twin, *[None] * (len(values) - 1)] if element.is_list else twin
        if not made and definition != "Parameters":
            made["extension"] = [{"url": SYSTEM, "valueBoolean": True}]
        return made

    def _is_wanted(self, element: Element, depth: int) -> bool:
        if element.path in LEFT_OUT and not self.wild:
            return False
        if element.is_required or (element.path in ALWAYS and not self.wild):
            return True
        complex_ = not (element.types and TABLE.is_primitive(element.types[0].code))
        chance = 0.6 / (1 + depth) if complex_ else 0.5
        if element.name == "extension":
            chance = 0.05
        return depth < 5 and self.rng.random() < chance

    def value(self, element: Element, kind: TypeRef | None, depth: int) -> Any:
        if kind is None:
            return self.object(element.content_of, depth + 1) if depth < 4 or element.is_required else None
        code = kind.code
        if code == "Resource":
            return self.resource(self.rng.choice(EMITTED[:-1]), f"in-{self.rng.randint(1, 10**9)}", 3)
        if TABLE.is_primitive(code):
            return self.primitive(element, code)
        made = self.complex(element, kind, depth)
        return self.coded(element, code, made)

    def complex(self, element: Element, kind: TypeRef, depth: int) -> Any:
        code = kind.code
        if code == "Extension":
            return {"url": SYSTEM, self.rng.choice(("valueString", "valueCode")): "one"}
        if code == "Reference":
            return self.reference(kind.targets)
        if code == "Period":
            return dict(self.rng.choice(PERIODS))
        if code in WHOLE:
            return dict(WHOLE[code])
        made = self.object(TABLE.definition_of(element, kind), depth + 1)
        if element.path == "Organization.address":
            made["use"] = "work"
        return made

    def reference(self, targets: tuple[str, ...]) -> dict[str, Any]:
        target = self.rng.choice(targets or ("Patient", "Location"))
        written = self.rng.choice((f"{target}/a-1", f"https://passerelle.example/fhir/{target}/a-1/_history/2"))
        made = {"reference": written}
        if self.rng.random() < 0.2:
            made["display"] = "Somebody"
        if self.rng.random() < 0.1:
            made = {"identifier": {"system": SYSTEM, "value": "1"}}
        return made

    def primitive(self, element: Element, code: str) -> Any:
        binding = element.binding
        if binding is not None and code in {"code", "string", "uri"}:
            if binding.strength == "required" and binding.codes:
                return self.rng.choice(sorted(binding.value_set.all_codes))
            for one in (binding.value_set, binding.widest):
                if one is not None and one.syntax:
                    return SYNTAX[one.syntax]
            if binding.strength == "extensible" and binding.codes:
                return self.rng.choice(sorted(binding.value_set.all_codes))
        return self.rng.choice(PRIMITIVES[code])

    def coded(self, element: Element, code: str, made: Any) -> Any:
        binding = element.binding
        if binding is None or code not in {"Coding", "CodeableConcept", "Quantity"}:
            return made
        coding = self.coding(binding)
        if coding is None:
            return made
        if code == "CodeableConcept":
            return {"coding": [coding], "text": "one"}
        return {**made, **coding}

    def coding(self, binding: Any) -> dict[str, str] | None:
        for one in (binding.value_set, binding.widest):
            if one is None or (one is binding.value_set and binding.strength not in {"required", "extensible"}):
                continue
            if one.codes:
                system = self.rng.choice(sorted(system for system, codes in one.codes.items() if codes))
                return {"system": system, "code": self.rng.choice(sorted(one.codes[system]))}
            if one.syntax:
                return {"system": SYSTEM, "code": SYNTAX[one.syntax]}
        return None


@dataclass(frozen=True)
class Site:
    """One element of a tree: where it is, what it is defined as."""

    location: tuple[str | int, ...]
    path: str
    definition: str
    element: Element
    type: str
    targets: tuple[str, ...]
    value: Any

    @property
    def name(self) -> str:
        """Its name in JSON."""
        return next(part for part in reversed(self.location) if isinstance(part, str))

    @property
    def is_item(self) -> bool:
        """True when it is one of a list."""
        return isinstance(self.location[-1], int)

    @property
    def is_primitive(self) -> bool:
        """True when its value is no object."""
        return TABLE.is_primitive(self.type)


def sites(tree: dict[str, Any]) -> Iterator[Site]:
    """Every element of a resource, those of nested resources included; items of lists one by one."""
    yield from _sites(tree, tree["resourceType"], (), tree["resourceType"])


def _sites(tree: dict[str, Any], definition: str, location: tuple[str | int, ...], path: str) -> Iterator[Site]:
    for element in TABLE.members(definition):
        for name, kind in element.spellings():
            if name not in tree:
                continue
            code = kind.code if kind else ""
            target = TABLE.definition_of(element, kind)
            values = tree[name] if element.is_list else [tree[name]]
            for position, value in enumerate(values):
                at = (*location, name, position) if element.is_list else (*location, name)
                shown = f"{path}.{name}[{position}]" if element.is_list else f"{path}.{name}"
                held = value["resourceType"] if code == "Resource" else target
                yield Site(at, shown, held, element, code, kind.targets if kind else (), value)
                if isinstance(value, dict):
                    yield from _sites(value, held, at, shown)
