"""Single faults to plant in a valid resource, each with the path at which it must be found."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from generated_resources import SYSTEM, TABLE, Site, sites

Planted = tuple[dict[str, Any], str]
Plant = Callable[[dict[str, Any], list[Site], random.Random], "Planted | None"]


@dataclass(frozen=True)
class Mutation:
    """One kind of fault."""

    name: str
    plant: Plant


MUTATIONS: list[Mutation] = []


def mutation(name: str) -> Callable[[Plant], Plant]:
    """The function plants the fault of this name."""

    def register(plant: Plant) -> Plant:
        MUTATIONS.append(Mutation(name, plant))
        return plant

    return register


def copy_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The same resource, sharing nothing."""
    return json.loads(json.dumps(tree))


def put(tree: dict[str, Any], location: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy with this value there."""
    made = copy_of(tree)
    at: Any = made
    for part in location[:-1]:
        at = at[part]
    at[location[-1]] = value
    return made


def at(tree: Any, location: tuple[str | int, ...]) -> Any:
    """What lies there."""
    for part in location:
        tree = tree[part]
    return tree


def without(tree: dict[str, Any], location: tuple[str | int, ...]) -> dict[str, Any]:
    """A copy without this member, nor its underscore twin."""
    made = copy_of(tree)
    holder = at(made, location[:-1])
    del holder[location[-1]]
    holder.pop(f"_{location[-1]}", None)
    return made


def any_site(found: list[Site], rng: random.Random, fits: Callable[[Site], bool]) -> Site | None:
    """One of the elements that fit, by chance."""
    fitting = [one for one in found if fits(one)]
    return rng.choice(fitting) if fitting else None


def value_of(type_names: str, wrong: Any) -> Plant:
    """Any element of these types gets a wrong value."""
    types = set(type_names.split())

    def plant(tree, found, rng):
        site = any_site(found, rng, lambda one: one.type in types and _is_free(one))
        return (put(tree, site.location, wrong), site.path) if site else None

    return plant


def _is_free(site: Site) -> bool:
    """Not bound to a list of codes, so that only the type can be wrong, and no text of a reference."""
    return site.element.binding is None and site.element.path != "Reference.reference"


def _holder_path(site: Site) -> str:
    return site.path[: -len(site.name) - 1]


for _name, _types, _wrong in (
    ("boolean as text", "boolean", "yes"),
    ("boolean as number", "boolean", 1),
    ("text as number", "string markdown uri code id", 12),
    ("number as text", "decimal integer positiveInt unsignedInt", "12"),
    ("fraction for a whole number", "integer positiveInt unsignedInt", 1.5),
    ("whole number with a point", "integer positiveInt unsignedInt", 1.0),
    ("zero for a positive number", "positiveInt", 0),
    ("negative for a count", "unsignedInt", -1),
    ("number beyond 32 bits", "integer positiveInt unsignedInt", 2**31),
    ("empty text", "string markdown uri code id date dateTime instant", ""),
    ("control character", "string markdown", "one\u0000two"),
    ("code with a space at its end", "code", "one "),
    ("uri with a space", "uri url canonical", "https://passerelle.example/a b"),
    ("bad id", "id", "not_an_id"),
    ("id of 65 letters", "id", "a" * 65),
    ("bad oid", "oid", "1.2.250"),
    ("bad uuid", "uuid", "urn:uuid:1234"),
    ("bad base64", "base64Binary", "a?=="),
    ("date with slashes", "date", "25/12/1974"),
    ("date of a month 13", "date dateTime", "1979-13-01"),
    ("impossible date", "date dateTime", "1979-02-30"),
    ("29 February of 1900", "date dateTime", "1900-02-29"),
    ("31 June", "date dateTime", "2024-06-31"),
    ("date with a time", "date", "2024-01-01T10:00:00Z"),
    ("dateTime without zone", "dateTime instant", "2024-01-01T10:00:00"),
    ("dateTime without seconds", "dateTime instant", "2024-01-01T10:00Z"),
    ("dateTime at hour 24", "dateTime instant", "2024-01-01T24:00:00Z"),
    ("instant without time", "instant", "2024-01-01"),
    ("instant on an impossible day", "instant", "2023-02-29T10:00:00Z"),
    ("time without seconds", "time", "10:30"),
    ("narrative without a div", "xhtml", "Said."),
    ("narrative with a script", "xhtml", "<div><p>a</p><script>alert(1)</script></div>"),
    ("narrative that says nothing", "xhtml", "<div> <p/> </div>"),
    ("narrative that is no XML", "xhtml", '<div xmlns="http://www.w3.org/1999/xhtml"><p>Said.</div>'),
    ("narrative without its namespace", "xhtml", "<div><p>Said.</p></div>"),
):
    mutation(_name)(value_of(_types, _wrong))


@mutation("object where a list is wanted")
def object_for_list(tree, found, rng):
    site = any_site(found, rng, lambda one: one.is_item and one.location[-1] == 0)
    if site is None:
        return None
    return put(tree, site.location[:-1], site.value), site.path.removesuffix("[0]")


@mutation("list where one value is wanted")
def list_for_one(tree, found, rng):
    site = any_site(found, rng, lambda one: not one.is_item)
    return (put(tree, site.location, [site.value]), site.path) if site else None


@mutation("empty list")
def empty_list(tree, found, rng):
    site = any_site(found, rng, lambda one: one.is_item and one.location[-1] == 0)
    return (put(tree, site.location[:-1], []), site.path.removesuffix("[0]")) if site else None


@mutation("empty object")
def empty_object(tree, found, rng):
    site = any_site(found, rng, lambda one: not one.is_primitive and one.type != "Resource")
    return (put(tree, site.location, {}), site.path) if site else None


@mutation("text where an object is wanted")
def text_for_object(tree, found, rng):
    site = any_site(found, rng, lambda one: not one.is_primitive and one.type != "Resource")
    return (put(tree, site.location, "one"), site.path) if site else None


@mutation("null")
def null(tree, found, rng):
    site = any_site(found, rng, lambda one: not (one.is_item and one.is_primitive))
    return (put(tree, site.location, None), site.path) if site else None


@mutation("null in a list of values")
def null_in_list(tree, found, rng):
    def is_alone(one: Site) -> bool:
        return one.is_item and one.is_primitive and f"_{one.name}" not in at(tree, one.location[:-2])

    site = any_site(found, rng, is_alone)
    return (put(tree, site.location, None), site.path) if site else None


@mutation("missing required object")
def missing_object(tree, found, rng):
    site = any_site(found, rng, lambda one: _is_last_required(one, tree) and not one.is_primitive)
    return _left_out(tree, site)


@mutation("missing required value")
def missing_value(tree, found, rng):
    site = any_site(found, rng, lambda one: _is_last_required(one, tree) and one.is_primitive)
    return _left_out(tree, site)


def _is_last_required(site: Site, tree: dict[str, Any]) -> bool:
    names = site.location[:-1] if site.is_item else site.location
    holder = at(tree, names[:-1])
    return site.element.min > 0 and site.element.path != "Extension.url" and len(holder) > 1


def _left_out(tree, site):
    if site is None:
        return None
    location = site.location[:-1] if site.is_item else site.location
    element = site.element.name.removesuffix("[x]")
    path = site.path.removesuffix(f"[{site.location[-1]}]")
    return without(tree, location), path[: -len(site.name)] + element


@mutation("extension without its url")
def no_url(tree, found, rng):
    site = any_site(found, rng, lambda one: one.element.path == "Extension.url")
    return (without(tree, site.location), site.path) if site else None


@mutation("unknown element at the root")
def unknown_at_root(tree, found, rng):
    return put(tree, ("nachname",), "one"), f"{tree['resourceType']}.nachname"


@mutation("unknown element within")
def unknown_within(tree, found, rng):
    site = any_site(found, rng, lambda one: not one.is_primitive and one.type != "Resource")
    return (put(tree, (*site.location, "nachname"), "one"), f"{site.path}.nachname") if site else None


@mutation("unknown resource type")
def unknown_type(tree, found, rng):
    return put(tree, ("resourceType",), "Pacient"), "Resource.resourceType"


@mutation("no resource type")
def no_type(tree, found, rng):
    return without(tree, ("resourceType",)), "Resource.resourceType"


@mutation("unknown type of a choice")
def unknown_choice(tree, found, rng):
    site = any_site(found, rng, lambda one: one.element.is_choice)
    if site is None:
        return None
    name = site.element.name.removesuffix("[x]") + "Foo"
    made = put(tree, (*site.location[:-1], name), "one")
    return made, f"{_holder_path(site)}.{name}"


@mutation("two of a choice")
def two_of_a_choice(tree, found, rng):
    site = any_site(found, rng, lambda one: one.element.is_choice and len(one.element.spellings()) > 1)
    if site is None:
        return None
    for name, kind in site.element.spellings():
        other = {"boolean": True, "string": "one", "dateTime": "2024", "CodeableConcept": ONE, "date": "2024"}
        other |= {"Reference": {"reference": f"{(kind.targets or ('Patient',))[0]}/a"}, "integer": 1}
        if name != site.name and kind.code in other:
            made = put(tree, (*site.location[:-1], name), other[kind.code])
            return made, f"{_holder_path(site)}.{max(name, site.name)}"
    return None


@mutation("code outside a required binding")
def bad_code(tree, found, rng):
    site = any_site(found, rng, lambda one: _is_required(one) and one.type == "code")
    return (put(tree, site.location, "nonesuch"), site.path) if site else None


@mutation("concept outside a required binding")
def bad_concept(tree, found, rng):
    site = any_site(
        found, rng, lambda one: _is_required(one) and one.type == "CodeableConcept" and "coding" in one.value
    )
    if site is None:
        return None
    return put(tree, (*site.location, "coding"), [{"system": SYSTEM, "code": "nonesuch"}]), site.path


@mutation("concept of a required binding in text only")
def concept_in_text(tree, found, rng):
    site = any_site(
        found, rng, lambda one: _is_required(one) and one.type == "CodeableConcept" and "coding" in one.value
    )
    return (put(tree, site.location, {"text": "one"}), site.path) if site else None


def _is_required(site: Site) -> bool:
    binding = site.element.binding
    return binding is not None and binding.strength == "required" and bool(binding.codes)


def _syntax(name: str, wrong: str) -> Plant:
    def plant(tree, found, rng):
        def is_bound(one: Site) -> bool:
            binding = one.element.binding
            if binding is None or one.type != "code" or one.element.path.startswith("CapabilityStatement."):
                return False
            ruling = [binding.value_set] if binding.strength == "required" else []
            return any(value_set.syntax == name for value_set in [*ruling, binding.widest] if value_set)

        site = any_site(found, rng, is_bound)
        return (put(tree, site.location, wrong), site.path) if site else None

    return plant


mutation("language that is none")(_syntax("language", "fr_FR"))
mutation("MIME type that is none")(_syntax("mime-type", "pdf"))
mutation("currency that is none")(_syntax("currency", "euro"))


def _reference(wrong: str) -> Plant:
    def plant(tree, found, rng):
        site = any_site(found, rng, lambda one: one.element.path == "Reference.reference" and one.value != "#held")
        return (put(tree, site.location, wrong), site.path) if site else None

    return plant


mutation("reference that is a word")(_reference("Durand"))
mutation("reference without an id")(_reference("Patient/"))
mutation("reference with a space")(_reference("Patient/a b"))
mutation("reference in lower case")(_reference("patient/1"))
mutation("reference to a type that is none")(_reference("Pacient/1"))
mutation("reference to a malformed uuid")(_reference("urn:uuid:12"))
mutation("local reference to nothing")(_reference("#nowhere"))


@mutation("reference that is no text")
def reference_not_text(tree, found, rng):
    site = any_site(found, rng, lambda one: one.element.path == "Reference.reference" and one.value != "#held")
    return (put(tree, site.location, {"id": "a"}), site.path) if site else None


def _wrong_target(shape: str) -> Plant:
    def plant(tree, found, rng):
        site = any_site(
            found, rng, lambda one: bool(one.targets) and one.type == "Reference" and "reference" in one.value
        )
        if site is None:
            return None
        wrong = next(name for name in ("Binary", "Patient", "Basic") if name not in site.targets)
        return put(tree, (*site.location, "reference"), shape.format(wrong)), f"{site.path}.reference"

    return plant


mutation("reference to a wrong type")(_wrong_target("{}/a-1"))
mutation("absolute reference to a wrong type")(_wrong_target("https://passerelle.example/fhir/{}/a-1"))


@mutation("type of a reference that is not allowed")
def wrong_type_of_reference(tree, found, rng):
    site = any_site(found, rng, lambda one: bool(one.targets) and one.type == "Reference")
    if site is None:
        return None
    wrong = next(name for name in ("Binary", "Patient", "Basic") if name not in site.targets)
    return put(tree, (*site.location, "type"), wrong), f"{site.path}.type"


@mutation("comparator of a simple quantity")
def compared(tree, found, rng):
    def is_simple(one: Site) -> bool:
        kind = dict(one.element.spellings()).get(one.name)
        return kind is not None and kind.profile == "SimpleQuantity"

    site = any_site(found, rng, is_simple)
    return (put(tree, (*site.location, "comparator"), "<"), f"{site.path}.comparator") if site else None


@mutation("id of an element with a space")
def spaced_id(tree, found, rng):
    site = any_site(found, rng, lambda one: not one.is_primitive and one.type != "Resource")
    return (put(tree, (*site.location, "id"), "a b"), f"{site.path}.id") if site else None


@mutation("local reference to a wrong type")
def local_wrong_target(tree, found, rng):
    site = any_site(
        found,
        rng,
        lambda one: (
            one.type == "Reference"
            and bool(one.targets)
            and "Organization" not in one.targets
            and "reference" in one.value
            and "resource" not in one.location
        ),
    )
    if site is None or not any(one.get("id") == "held" for one in tree.get("contained", ())):
        return None
    return put(tree, (*site.location, "reference"), "#held"), f"{site.path}.reference"


def _changed(path: str, change: Callable[[Any], Any], shown: str = "") -> Plant:
    """The elements at a definition's path are changed; the fault is found at them, or at what is named below."""

    def plant(tree, found, rng):
        site = any_site(found, rng, lambda one: path in {one.definition, one.type} and isinstance(one.value, dict))
        if site is None:
            return None
        changed = change(copy_of(site.value))
        return (put(tree, site.location, changed), site.path + shown) if changed is not None else None

    return plant


def _whole(type_name: str, change: Callable[[Any], Any], shown: str = "") -> Plant:
    def plant(tree, found, rng):
        if tree["resourceType"] != type_name:
            return None
        changed = change(copy_of(tree))
        return (changed, type_name + shown) if changed is not None else None

    return plant


def _set(**members: Any) -> Callable[[Any], Any]:
    return lambda value: {**value, **members}


def _drop(*names: str) -> Callable[[Any], Any]:
    def change(value):
        left = {name: one for name, one in value.items() if name.removeprefix("_") not in names}
        return left or {"extension": [{"url": SYSTEM, "valueCode": "one"}]}

    return change


def _both(*changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def change(value):
        for one in changes:
            value = one(value)
        return value

    return change


def _held(more: dict[str, Any]) -> Plant:
    """A patient holds its organization, which holds what it must not."""
    held = {"resourceType": "Organization", "id": "a", "name": "one", **more}
    change = _set(contained=[held], managingOrganization={"reference": "#a"})
    return _whole("Patient", _both(_drop("extension"), change), ".contained")


def _drop_choice(stem: str) -> Callable[[Any], Any]:
    return lambda value: {name: one for name, one in value.items() if not name.lstrip("_").startswith(stem)}


ONE = {"text": "one"}
NUMBER = {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2"}
COMPOSITION = {
    "resourceType": "Composition",
    "status": "final",
    "type": ONE,
    "date": "2024",
    "author": [{"display": "one"}],
    "title": "one",
}
DOCUMENT = {"type": "document", "entry": [{"resource": COMPOSITION}]}
BASIC = {"resourceType": "Basic", "id": "basic", "code": ONE}
VERSION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
RULES: dict[str, Plant] = {
    "ext-1": _changed("Extension", _both(_drop("extension"), _drop_choice("value"))),
    "ext-1 both": _changed(
        "Extension",
        _both(_drop_choice("value"), _set(valueCode="one", extension=[{"url": SYSTEM, "valueCode": "one"}])),
    ),
    "per-1": _changed("Period", lambda _: {"start": "2024-03-31T03:30:00+02:00", "end": "2024-03-31T01:29:59+01:00"}),
    "per-1 days": _changed("Period", lambda _: {"start": "2024-03-02", "end": "2024-02-29"}),
    "qty-3": _changed("Quantity", _both(_set(code="mg"), _drop("system"))),
    "age-1": _changed("Age", _set(value=-1)),
    "cnt-3": _changed("Count", _set(value=1.5)),
    "dis-1": _changed("Distance", _drop("code")),
    "drt-1": _changed("Duration", _drop("value")),
    "rng-2": _changed("Range", lambda _: {"low": {"value": 2, "unit": "mg"}, "high": {"value": 1, "unit": "mg"}}),
    "rat-1": _changed("Ratio", _drop("denominator")),
    "att-1": _changed("Attachment", _both(_set(data="Zm9v"), _drop("contentType"))),
    "cpt-2": _changed("ContactPoint", _drop("system")),
    "tim-1": _changed("Timing.repeat", _set(duration=1)),
    "tim-2": _changed("Timing.repeat", _drop("periodUnit")),
    "tim-5": _changed("Timing.repeat", _set(period=-2), ".period"),
    "tim-6": _changed("Timing.repeat", _both(_drop("period", "periodUnit"), _set(periodMax=3))),
    "tim-8": _changed("Timing.repeat", _set(countMax=3)),
    "tim-9": _changed("Timing.repeat", _set(offset=30), ".offset"),
    "tim-10": _changed("Timing.repeat", _set(when=["AC"])),
    "pat-1": _changed("Patient.contact", lambda _: {"gender": "other"}),
    "app-1": _changed("Appointment.participant", _drop("actor", "type")),
    "app-2": _whole("Appointment", _both(_drop("end"), _set(start="2024-01-01T10:00:00Z"))),
    "app-3": _whole("Appointment", _both(_drop("start", "end"), _set(status="booked")), ".start"),
    "app-4": _whole(
        "Appointment",
        _set(
            status="booked",
            start="2024-01-01T10:00:00Z",
            end="2024-01-01T11:00:00Z",
            cancelationReason={"text": "one"},
        ),
        ".cancelationReason",
    ),
    "con-1": _changed("Condition.stage", _drop("summary", "assessment")),
    "con-2": _changed("Condition.evidence", _drop("code", "detail")),
    "con-4": _whole("Condition", _both(_drop("clinicalStatus"), _set(abatementDateTime="2024")), ".clinicalStatus"),
    "con-5": _whole(
        "Condition",
        _set(
            clinicalStatus={
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
            },
            verificationStatus={"coding": [{"system": VERSION, "code": "entered-in-error"}]},
        ),
        ".clinicalStatus",
    ),
    "ppc-1": _whole("Consent", _drop("policy", "policyRule")),
    "ppc-2": _whole(
        "Consent",
        _both(
            _drop("patient"),
            _set(
                scope={
                    "coding": [
                        {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
                    ]
                }
            ),
        ),
        ".patient",
    ),
    "ctm-1": _changed(
        "CareTeam.participant",
        _set(onBehalfOf={"reference": "Organization/a"}, member={"reference": "Patient/a"}),
        ".onBehalfOf",
    ),
    "prr-1": _whole("ServiceRequest", _both(_drop("code"), _set(orderDetail=[{"text": "one"}])), ".orderDetail"),
    "inv-1": _whole(
        "Task", _set(authoredOn="2024-02-01T00:00:00Z", lastModified="2024-01-31T23:59:59Z"), ".lastModified"
    ),
    "mdd-1": _whole(
        "MedicationDispense", _set(whenPrepared="2024-02-02", whenHandedOver="2024-02-01"), ".whenHandedOver"
    ),
    "obs-3": _changed("Observation.referenceRange", lambda _: {"type": {"text": "one"}}),
    "obs-6": _whole(
        "Observation",
        lambda one: {**one, "dataAbsentReason": {"text": "one"}} if any(n.startswith("value") for n in one) else None,
        ".dataAbsentReason",
    ),
    "obs-7": _whole(
        "Observation",
        _both(
            lambda one: {name: value for name, value in one.items() if not name.lstrip("_").startswith("value")},
            _set(
                code={"coding": [{"code": "a"}]}, component=[{"code": {"coding": [{"code": "a"}]}}], valueBoolean=True
            ),
        ),
        ".valueBoolean",
    ),
    "org-1": _whole("Organization", _drop("name", "identifier")),
    "org-2": _whole("Organization", _set(address=[{"use": "home", "city": "Lyon"}]), ".address"),
    "org-3": _whole("Organization", _set(telecom=[{"use": "home", "system": "fax"}]), ".telecom"),
    "qrs-1": _changed("QuestionnaireResponse.item", _set(item=[{"linkId": "a"}], answer=[{"valueBoolean": True}])),
    "grp-1": _whole("Group", _set(actual=False, member=[{"entity": {"reference": "Patient/a"}}]), ".member"),
    "bdl-1": _whole("Bundle", _set(total=1), ".total"),
    "bdl-3": _whole(
        "Bundle", _set(type="transaction", entry=[{"fullUrl": "urn:oid:1.2"}, {"resource": BASIC}]), ".entry[0]"
    ),
    "bdl-5": _whole("Bundle", _set(entry=[{"fullUrl": "urn:oid:1.2"}]), ".entry[0]"),
    "bdl-7": _whole("Bundle", _set(entry=2 * [{"fullUrl": "urn:oid:1.2", "resource": BASIC}]), ".entry"),
    "bdl-8": _whole(
        "Bundle", _set(entry=[{"fullUrl": "https://a/Basic/1/_history/2", "resource": BASIC}]), ".entry[0].fullUrl"
    ),
    "bdl-2": _whole("Bundle", _set(entry=[{"resource": BASIC, "search": {"mode": "match"}}]), ".entry"),
    "bdl-4": _whole("Bundle", _set(entry=[{"resource": BASIC, "response": {"status": "200"}}]), ".entry"),
    "bdl-9": _whole(
        "Bundle", _both(_drop("identifier"), _set(**DOCUMENT, timestamp="2024-01-01T00:00:00Z")), ".identifier"
    ),
    "bdl-10": _whole("Bundle", _both(_drop("timestamp"), _set(**DOCUMENT, identifier=NUMBER)), ".timestamp"),
    "bdl-11": _whole(
        "Bundle",
        _set(type="document", entry=[{"resource": BASIC}], identifier=NUMBER, timestamp="2024-01-01T00:00:00Z"),
        ".entry",
    ),
    "bdl-12": _whole("Bundle", _set(type="message", entry=[{"resource": BASIC}]), ".entry"),
    "exp-1": _changed("Expression", _drop("expression", "reference")),
    "drq-1": _changed("DataRequirement.codeFilter", _set(searchParam="one")),
    "drq-2": _changed("DataRequirement.dateFilter", _drop("path")),
    "trd-1": _changed(
        "TriggerDefinition", _both(_drop_choice("timing"), _set(timingDate="2024", data=[{"type": "Basic"}]))
    ),
    "trd-2": _changed("TriggerDefinition", _set(condition={"language": "text/cql", "expression": "true"})),
    "trd-3": _changed("TriggerDefinition", _drop("name")),
    "tim-4": _changed("Timing.repeat", _set(duration=-2, durationUnit="d"), ".duration"),
    "tim-7": _changed("Timing.repeat", _set(durationMax=3)),
    "dom-2": _held({"contained": [{"resourceType": "Basic", "id": "b", "code": ONE, "subject": {"reference": "#"}}]}),
    "dom-3": _whole("Patient", _both(_drop("extension"), _set(contained=[BASIC])), ".contained"),
    "dom-4": _held({"meta": {"versionId": "1"}}),
    "dom-5": _held({"meta": {"security": [{"code": "R"}]}}),
}
for _key, _plant in RULES.items():
    mutation(f"rule {_key}")(_plant)


@mutation("twin list of another length")
def twin_of_other_length(tree, found, rng):
    site = any_site(found, rng, lambda one: one.is_item and one.is_primitive)
    if site is None:
        return None
    *above, name, _ = site.location
    twin = [{"extension": [{"url": SYSTEM, "valueCode": "one"}]} for _ in range(len(at(tree, (*above, name))) + 1)]
    path = site.path.removesuffix(f"[{site.location[-1]}]")
    return put(tree, (*above, f"_{name}"), twin), path


@mutation("twin that says nothing")
def empty_twin(tree, found, rng):
    site = any_site(
        found, rng, lambda one: not one.is_item and one.is_primitive and one.element.path != "Extension.url"
    )
    return (put(tree, (*site.location[:-1], f"_{site.name}"), {}), site.path) if site else None


@mutation("twin with an unknown part")
def unknown_in_twin(tree, found, rng):
    site = any_site(
        found, rng, lambda one: not one.is_item and one.is_primitive and one.element.path != "Extension.url"
    )
    return (put(tree, (*site.location[:-1], f"_{site.name}"), {"value": "a"}), f"{site.path}.value") if site else None


@mutation("fault in a bundled resource")
def in_bundle(tree, found, rng):
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": copy_of(tree)}]}
    bundle["entry"][0]["resource"]["nachname"] = "one"
    return bundle, "Bundle.entry[0].resource.nachname"


@mutation("fault in a contained resource")
def in_contained(tree, found, rng):
    if tree["resourceType"] in {"Bundle", "Binary", "Parameters"}:
        return None
    made = copy_of(tree)
    made["contained"] = [{"resourceType": "Location", "id": "in", "status": "open"}]
    made["extension"] = [{"url": SYSTEM, "valueReference": {"reference": "#in"}}]
    return made, f"{tree['resourceType']}.contained[0].status"


def shape_of(tree: Any, at: str = "") -> frozenset[str]:
    """The names that a tree holds, each with those above it; what it says and how often does not count."""
    if isinstance(tree, dict):
        return frozenset({at}.union(*(shape_of(value, f"{at}.{name}") for name, value in tree.items())))
    if isinstance(tree, list):
        return frozenset({at}.union(*(shape_of(value, at) for value in tree)))
    return frozenset({at})


def missed(faults: list[tuple[str, list[Planted]]], check: Callable[[Any], str | None], corpus: str) -> list[Any]:
    """The faults that `check` does not find at their place; caught and planted are printed by mutation."""
    found = [(name, [(check(tree), path) for tree, path in ones]) for name, ones in faults]
    counts = [(name, sum(said == path for said, path in ones), len(ones)) for name, ones in found]
    caught, all_ = sum(count for _, count, _ in counts), sum(count for _, _, count in counts)
    print(f"\ncaught/planted in {corpus}: {caught}/{all_}")
    print("\n".join(f"{count:>6}/{size:<4} {name}" for name, count, size in counts if size))
    return [(name, said, path) for name, ones in found for said, path in ones if said != path]


def planted(corpus: list[dict[str, Any]], each: int, seed: int = 7) -> Iterator[tuple[str, list[Planted]]]:
    """For every mutation, up to `each` resources of the corpus with that one fault."""
    known = [list(sites(tree)) for tree in corpus]
    for one in MUTATIONS:
        rng = random.Random(f"{seed} {one.name}")
        order = rng.sample(range(len(corpus)), len(corpus))
        faults: list[Planted] = []
        for position in order:
            fault = one.plant(corpus[position], known[position], rng)
            if fault is not None:
                faults.append(fault)
            if len(faults) == each:
                break
        yield one.name, faults


assert TABLE.version == "4.0.1"
