"""The base rules of R4, one plain function each: the element, and the resource it stands in, give true or false.

A rule is registered for the definition it is about (`Period`, `Patient.contact`, `Encounter`). Where a piece of JSON
schema is enough to know that the rule holds, it is given beside it as `enough`: then the schema answers in the hot
path and the function is only asked when the schema refused. `narrow` says that the piece refuses too much of what is
right to be used everywhere; inside extensions and logical references it is used all the same.

Where the package states a rule by an expression that does not do what its sentence says, the sentence is followed:
`app-4` (`no-show` is not a code of the status, `noshow` is) and `ppc-2` to `ppc-5` (the system is left as `something`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from passerelle.fhir_r4 import element_table
from passerelle.structure.narrative import Narrative

Tree = Mapping[str, Any]
Holds = Callable[[Any, Any], bool]

CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
CONDITION_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
UCUM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Rule:
    """One base rule; `at` names the member that a problem is shown at, when one is to be named."""

    key: str
    on: str
    holds: Holds
    enough: Mapping[str, Any] | None = None
    narrow: bool = False
    at: str = ""
    reads: tuple[str, ...] | None = None
    """Members whose values it reads, beside which members are there; nothing: nobody has looked."""
    needs: tuple[str, ...] = ()
    """Members of which it wants all to be there before it can fail."""


RULES: Final[dict[str, list[Rule]]] = {}
"""Every rule by the definition it is about."""


def rule(
    key: str,
    *on: str,
    enough: Mapping[str, Any] | None = None,
    narrow: bool = False,
    at: str = "",
    reads: tuple[str, ...] | None = None,
    needs: tuple[str, ...] = (),
) -> Callable[[Holds], Holds]:
    """The function is a base rule of each of these definitions."""

    def register(holds: Holds) -> Holds:
        for definition in on:
            made = Rule(key, definition, holds, enough, narrow or enough is None, at, reads, needs)
            RULES.setdefault(definition, []).append(made)
        return holds

    return register


def not_before(end: str, start: str) -> bool:
    """True unless the end is surely before the start. What one of them leaves open speaks for them."""
    if len(start) <= 10 or len(end) <= 10:
        common = min(len(start), len(end))
        return end[:common] >= start[:common]
    if len(end) == len(start) and end[-6:] == start[-6:]:
        return end >= start  # of one zone and written to the same fraction, so that texts sort as instants do
    try:
        return datetime.fromisoformat(end) >= datetime.fromisoformat(start)
    except ValueError:
        return True


def _codings(concept: Any) -> Iterator[tuple[Any, Any]]:
    for coding in (concept or {}).get("coding", ()):
        yield coding.get("system"), coding.get("code")


def _has(tree: Tree, name: str) -> bool:
    return name in tree or f"_{name}" in tree


def _has_choice(tree: Tree, stem: str) -> bool:
    size = len(stem)
    for name in tree:
        plain = name.removeprefix("_")
        if plain.startswith(stem) and plain[size : size + 1].isupper():
            return True
    return False


def _without(*names: str) -> dict[str, Any]:
    return {"not": {"anyOf": [{"required": [name]} for name in names]}}


def _needs(name: str, other: str) -> dict[str, Any]:
    return {"dependencies": {name: [other], f"_{name}": [other]}}


def _any_of(*names: str) -> dict[str, Any]:
    return {"anyOf": [{"required": [name]} for name in names]}


# --- data types -------------------------------------------------------------------------------------------------


@rule(
    "ext-1", "Extension", enough={"minProperties": 2, "not": {"required": ["extension"], "minProperties": 3}}, reads=()
)
def ext_1(extension: Tree, _: Tree) -> bool:
    """Either nested extensions or a value, never both, never neither."""
    return ("extension" in extension) != _has_choice(extension, "value")


@rule("per-1", "Period", enough={"maxProperties": 1}, narrow=True, reads=("start", "end"), needs=("start", "end"))
def per_1(period: Tree, _: Tree) -> bool:
    """The start is not after the end."""
    start, end = period.get("start"), period.get("end")
    return start is None or end is None or not_before(end, start)


@rule("qty-3", "Quantity", "Age", "Count", "Distance", "Duration", enough=_needs("code", "system"), reads=())
def qty_3(quantity: Tree, _: Tree) -> bool:
    """A unit's code comes with its system."""
    return not _has(quantity, "code") or _has(quantity, "system")


@rule("age-1", "Age")
def age_1(age: Tree, _: Tree) -> bool:
    """An age has a UCUM code and is positive."""
    value = age.get("value")
    return (
        (_has(age, "code") or not _has(age, "value"))
        and (not _has(age, "system") or age.get("system") == UCUM)
        and (value is None or value > 0)
    )


@rule("cnt-3", "Count")
def cnt_3(count: Tree, _: Tree) -> bool:
    """A count is a whole number with the UCUM code 1."""
    value = count.get("value")
    return (
        (_has(count, "code") or not _has(count, "value"))
        and (not _has(count, "system") or count.get("system") == UCUM)
        and (not _has(count, "code") or count.get("code") == "1")
        and (value is None or isinstance(value, int))
    )


@rule("dis-1", "Distance")
def dis_1(distance: Tree, _: Tree) -> bool:
    """A distance has a UCUM code."""
    return (_has(distance, "code") or not _has(distance, "value")) and (
        not _has(distance, "system") or distance.get("system") == UCUM
    )


@rule("drt-1", "Duration", reads=("system",), needs=("code",))
def drt_1(duration: Tree, _: Tree) -> bool:
    """A duration with a code has a value, and the system is UCUM."""
    return not _has(duration, "code") or (duration.get("system") == UCUM and _has(duration, "value"))


@rule("rng-2", "Range", enough={"maxProperties": 1}, narrow=True)
def rng_2(range_: Tree, _: Tree) -> bool:
    """The low end is not above the high end, as far as their units can be compared."""
    low, high = range_.get("low") or {}, range_.get("high") or {}
    if low.get("value") is None or high.get("value") is None or _unit(low) != _unit(high):
        return True
    return bool(low["value"] <= high["value"])


def _unit(quantity: Tree) -> tuple[Any, ...]:
    return (quantity.get("system"), quantity.get("code")) if "code" in quantity else (quantity.get("unit"),)


@rule("rat-1", "Ratio", enough={"required": ["numerator", "denominator"]}, reads=())
def rat_1(ratio: Tree, _: Tree) -> bool:
    """Numerator and denominator come together; with neither there is an extension that says why."""
    numerator, denominator = "numerator" in ratio, "denominator" in ratio
    return numerator == denominator and (numerator or "extension" in ratio)


@rule("att-1", "Attachment", enough=_needs("data", "contentType"), reads=())
def att_1(attachment: Tree, _: Tree) -> bool:
    """Data comes with its content type."""
    return not _has(attachment, "data") or _has(attachment, "contentType")


@rule("cpt-2", "ContactPoint", enough=_needs("value", "system"), reads=())
def cpt_2(point: Tree, _: Tree) -> bool:
    """A value comes with its system."""
    return not _has(point, "value") or _has(point, "system")


@rule("exp-1", "Expression", enough=_any_of("expression", "reference"))
def exp_1(expression: Tree, _: Tree) -> bool:
    """An expression or a reference to one."""
    return _has(expression, "expression") or _has(expression, "reference")


@rule("ref-1", "Reference", enough={}, at="reference", reads=("reference",), needs=("reference",))
def ref_1(reference: Tree, root: Tree) -> bool:
    """What starts with `#` names a resource contained in the same root."""
    target = reference.get("reference")
    if not isinstance(target, str) or not target.startswith("#") or target == "#":
        return True
    return any(one.get("id") == target[1:] for one in root.get("contained", ()) if isinstance(one, dict))


@rule("tim-1", "Timing.repeat", enough=_needs("duration", "durationUnit"))
def tim_1(repeat: Tree, _: Tree) -> bool:
    """A duration has a unit."""
    return not _has(repeat, "duration") or _has(repeat, "durationUnit")


@rule("tim-2", "Timing.repeat", enough=_needs("period", "periodUnit"))
def tim_2(repeat: Tree, _: Tree) -> bool:
    """A period has a unit."""
    return not _has(repeat, "period") or _has(repeat, "periodUnit")


@rule("tim-4", "Timing.repeat", enough={"properties": {"duration": {"minimum": 0}}}, at="duration")
def tim_4(repeat: Tree, _: Tree) -> bool:
    """A duration is not negative."""
    return bool(repeat.get("duration", 0) >= 0)


@rule("tim-5", "Timing.repeat", enough={"properties": {"period": {"minimum": 0}}}, at="period")
def tim_5(repeat: Tree, _: Tree) -> bool:
    """A period is not negative."""
    return bool(repeat.get("period", 0) >= 0)


@rule("tim-6", "Timing.repeat", enough=_needs("periodMax", "period"))
def tim_6(repeat: Tree, _: Tree) -> bool:
    """A longest period has a period."""
    return not _has(repeat, "periodMax") or _has(repeat, "period")


@rule("tim-7", "Timing.repeat", enough=_needs("durationMax", "duration"))
def tim_7(repeat: Tree, _: Tree) -> bool:
    """A longest duration has a duration."""
    return not _has(repeat, "durationMax") or _has(repeat, "duration")


@rule("tim-8", "Timing.repeat", enough=_needs("countMax", "count"))
def tim_8(repeat: Tree, _: Tree) -> bool:
    """A highest count has a count."""
    return not _has(repeat, "countMax") or _has(repeat, "count")


@rule("tim-9", "Timing.repeat", enough=_without("offset", "_offset"), at="offset")
def tim_9(repeat: Tree, _: Tree) -> bool:
    """An offset is from an event, and not from a meal as such."""
    if not _has(repeat, "offset"):
        return True
    return bool(repeat.get("when")) and not {"C", "CM", "CD", "CV"} & set(repeat["when"])


@rule("tim-10", "Timing.repeat", enough={"not": {"required": ["timeOfDay", "when"]}})
def tim_10(repeat: Tree, _: Tree) -> bool:
    """A time of day or an event, not both."""
    return not _has(repeat, "timeOfDay") or not _has(repeat, "when")


@rule("trd-1", "TriggerDefinition", enough=_without("data"))
def trd_1(trigger: Tree, _: Tree) -> bool:
    """Timing or data, not both."""
    return "data" not in trigger or not _has_choice(trigger, "timing")


@rule("trd-2", "TriggerDefinition", enough=_without("condition"))
def trd_2(trigger: Tree, _: Tree) -> bool:
    """A condition is about data."""
    return "condition" not in trigger or "data" in trigger


@rule("trd-3", "TriggerDefinition", enough={"not": {}})
def trd_3(trigger: Tree, _: Tree) -> bool:
    """A named event has a name, a periodic one a timing, a data event its data."""
    kind = trigger.get("type", "")
    return (
        (kind != "named-event" or _has(trigger, "name"))
        and (kind != "periodic" or _has_choice(trigger, "timing"))
        and (not kind.startswith("data-") or "data" in trigger)
    )


@rule("drq-1", "DataRequirement.codeFilter", enough={"not": {}})
@rule("drq-2", "DataRequirement.dateFilter", enough={"not": {}})
def drq_1(filter_: Tree, _: Tree) -> bool:
    """A path or a search parameter, one of them."""
    return _has(filter_, "path") != _has(filter_, "searchParam")


@rule("txt-1", "Narrative", at="div")
def txt_1(narrative: Tree, _: Tree) -> bool:
    """Only formatting: no scripts, forms, frames, objects, and nothing that runs. What is no XHTML is not either."""
    div = narrative.get("div")
    if div is None:
        return True
    read = Narrative(div)
    return read.is_well_formed and read.is_formatting


@rule("txt-2", "Narrative", at="div")
def txt_2(narrative: Tree, _: Tree) -> bool:
    """Something is said: text, or an image."""
    div = narrative.get("div")
    return div is None or Narrative(div).says_something


# --- what every resource may hold ---------------------------------------------------------------------------------


def _contained(resource: Tree) -> list[Tree]:
    return [one for one in resource.get("contained", ()) if isinstance(one, dict)]


@rule(
    "dom-2", "DomainResource", enough=_without("contained"), at="contained", reads=("contained",), needs=("contained",)
)
def dom_2(resource: Tree, _: Tree) -> bool:
    """What is contained contains nothing."""
    return not any("contained" in one for one in _contained(resource))


@rule(
    "dom-3", "DomainResource", enough=_without("contained"), at="contained", reads=("contained",), needs=("contained",)
)
def dom_3(resource: Tree, _: Tree) -> bool:
    """What is contained is referred to, or refers to what contains it."""
    contained = _contained(resource)
    if not contained:
        return True
    named = set(_pointed(resource, _type_of(resource)))
    return all(f"#{one.get('id')}" in named or "#" in set(_pointed(one, _type_of(one))) for one in contained)


def _type_of(resource: Tree) -> str:
    name = resource.get("resourceType")
    return name if isinstance(name, str) and element_table().is_resource(name) else "DomainResource"


@cache
def _pointing(definition: str) -> tuple[frozenset[str], Mapping[str, str]]:
    """The members that point at something, and those that may hold such members, with their definition."""
    table = element_table()
    own: set[str] = set()
    nested: dict[str, str] = {}
    for element in table.members(definition):
        for name, kind in element.spellings():
            if kind is not None and table.is_primitive(kind.code):
                if kind.code in {"canonical", "uri", "url"} or element.name == "reference":
                    own.add(name)
                nested[f"_{name}"] = "Element"
            else:
                nested[name] = table.definition_of(element, kind)
    return frozenset(own), nested


def _pointed(tree: Any, definition: str) -> Iterator[str]:
    """What the tree points at: texts of references, URIs, URLs and canonical names."""
    own, nested = _pointing(definition)
    for name, value in tree.items():
        for one in value if isinstance(value, list) else (value,):
            if name in own and isinstance(one, str):
                yield one
            elif name in nested and isinstance(one, dict):
                yield from _pointed(one, _type_of(one) if nested[name] == "Resource" else nested[name])


@rule(
    "dom-4", "DomainResource", enough=_without("contained"), at="contained", reads=("contained",), needs=("contained",)
)
def dom_4(resource: Tree, _: Tree) -> bool:
    """What is contained has no version and no date of its own."""
    return not any({"versionId", "lastUpdated"} & set(one.get("meta") or ()) for one in _contained(resource))


@rule(
    "dom-5", "DomainResource", enough=_without("contained"), at="contained", reads=("contained",), needs=("contained",)
)
def dom_5(resource: Tree, _: Tree) -> bool:
    """What is contained has no security label."""
    return not any("security" in (one.get("meta") or ()) for one in _contained(resource))


# --- resources ----------------------------------------------------------------------------------------------------


@rule("pat-1", "Patient.contact", enough=_any_of("name", "telecom", "address", "organization"), reads=())
def pat_1(contact: Tree, _: Tree) -> bool:
    """A contact has details, or is an organization."""
    return not {"name", "telecom", "address", "organization"}.isdisjoint(contact)


@rule("org-1", "Organization", enough=_any_of("identifier", "name"))
def org_1(organization: Tree, _: Tree) -> bool:
    """An organization has a name or an identifier."""
    return "identifier" in organization or _has(organization, "name")


@rule("org-2", "Organization", enough=_without("address"), narrow=True, at="address")
def org_2(organization: Tree, _: Tree) -> bool:
    """No organization is at home."""
    return not any(one.get("use") == "home" for one in organization.get("address", ()))


@rule("org-3", "Organization", enough=_without("telecom"), narrow=True, at="telecom")
def org_3(organization: Tree, _: Tree) -> bool:
    """No organization is called at home."""
    return not any(one.get("use") == "home" for one in organization.get("telecom", ()))


@rule("app-1", "Appointment.participant", enough=_any_of("type", "actor"), reads=())
def app_1(participant: Tree, _: Tree) -> bool:
    """A participant has a type or an actor."""
    return "type" in participant or "actor" in participant


@rule("app-2", "Appointment", enough={"allOf": [_needs("start", "end"), _needs("end", "start")]}, reads=())
def app_2(appointment: Tree, _: Tree) -> bool:
    """Start and end come together."""
    return _has(appointment, "start") == _has(appointment, "end")


@rule("app-3", "Appointment", enough={"required": ["start", "end"]}, narrow=True, at="start", reads=("status",))
def app_3(appointment: Tree, _: Tree) -> bool:
    """Only what is proposed, cancelled or waited for has no time."""
    return (_has(appointment, "start") and _has(appointment, "end")) or appointment.get("status") in {
        "proposed",
        "cancelled",
        "waitlist",
    }


@rule(
    "app-4",
    "Appointment",
    enough=_without("cancelationReason"),
    narrow=True,
    at="cancelationReason",
    reads=("status",),
    needs=("cancelationReason",),
)
def app_4(appointment: Tree, _: Tree) -> bool:
    """Only what was cancelled or missed has a reason for it."""
    return "cancelationReason" not in appointment or appointment.get("status") in {"cancelled", "noshow"}


@rule("con-1", "Condition.stage", enough=_any_of("summary", "assessment"), reads=())
def con_1(stage: Tree, _: Tree) -> bool:
    """A stage has a summary or an assessment."""
    return "summary" in stage or "assessment" in stage


@rule("con-2", "Condition.evidence", enough=_any_of("code", "detail"), reads=())
def con_2(evidence: Tree, _: Tree) -> bool:
    """Evidence has a code or details."""
    return "code" in evidence or "detail" in evidence


@rule("con-4", "Condition", at="clinicalStatus", reads=("clinicalStatus",))
def con_4(condition: Tree, _: Tree) -> bool:
    """What has abated is resolved, in remission or inactive."""
    if not _has_choice(condition, "abatement"):
        return True
    over = {"resolved", "remission", "inactive"}
    return any(
        system == CONDITION_CLINICAL and code in over for system, code in _codings(condition.get("clinicalStatus"))
    )


@rule(
    "con-5",
    "Condition",
    enough=_without("clinicalStatus"),
    narrow=True,
    at="clinicalStatus",
    reads=("verificationStatus",),
    needs=("clinicalStatus",),
)
def con_5(condition: Tree, _: Tree) -> bool:
    """What was entered in error has no clinical status."""
    if "clinicalStatus" not in condition:
        return True
    return (CONDITION_VERIFICATION, "entered-in-error") not in _codings(condition.get("verificationStatus"))


@rule("ppc-1", "Consent", enough=_any_of("policy", "policyRule"), reads=())
def ppc_1(consent: Tree, _: Tree) -> bool:
    """A consent names its policy or its rule."""
    return "policy" in consent or "policyRule" in consent


def _of_a_person(scope: str) -> Holds:
    def holds(consent: Tree, _: Tree) -> bool:
        return "patient" in consent or (CONSENT_SCOPE, scope) not in _codings(consent.get("scope"))

    holds.__doc__ = f"A consent of scope {scope} names its patient."
    return holds


ppc_2 = rule("ppc-2", "Consent", enough={"required": ["patient"]}, at="patient", reads=("scope",))(
    _of_a_person("patient-privacy")
)
ppc_3 = rule("ppc-3", "Consent", enough={"required": ["patient"]}, at="patient", reads=("scope",))(
    _of_a_person("research")
)
ppc_4 = rule("ppc-4", "Consent", enough={"required": ["patient"]}, at="patient", reads=("scope",))(_of_a_person("adr"))
ppc_5 = rule("ppc-5", "Consent", enough={"required": ["patient"]}, at="patient", reads=("scope",))(
    _of_a_person("treatment")
)


@rule(
    "ctm-1",
    "CareTeam.participant",
    enough=_without("onBehalfOf"),
    at="onBehalfOf",
    reads=("member",),
    needs=("onBehalfOf",),
)
def ctm_1(participant: Tree, root: Tree) -> bool:
    """Only a practitioner acts on behalf of an organization; a target that is not at hand is believed."""
    if "onBehalfOf" not in participant:
        return True
    target = (participant.get("member") or {}).get("reference", "")
    if target.startswith("#"):
        at_hand = [one for one in _contained(root) if one.get("id") == target[1:]]
        return not at_hand or at_hand[0].get("resourceType") == "Practitioner"
    parts = target.split("/_history/")[0].split("/")
    return len(parts) < 2 or parts[-2] == "Practitioner"


@rule("prr-1", "ServiceRequest", enough=_needs("orderDetail", "code"), at="orderDetail", reads=())
def prr_1(request: Tree, _: Tree) -> bool:
    """Details of an order need its code."""
    return "orderDetail" not in request or "code" in request


@rule(
    "inv-1",
    "Task",
    enough=_without("lastModified"),
    narrow=True,
    at="lastModified",
    reads=("lastModified", "authoredOn"),
    needs=("lastModified", "authoredOn"),
)
def inv_1(task: Tree, _: Tree) -> bool:
    """A task is not modified before it was written."""
    modified, written = task.get("lastModified"), task.get("authoredOn")
    return modified is None or written is None or not_before(modified, written)


@rule(
    "mdd-1",
    "MedicationDispense",
    enough=_without("whenPrepared"),
    narrow=True,
    at="whenHandedOver",
    reads=("whenHandedOver", "whenPrepared"),
    needs=("whenHandedOver", "whenPrepared"),
)
def mdd_1(dispense: Tree, _: Tree) -> bool:
    """Nothing is handed over before it is prepared."""
    handed, prepared = dispense.get("whenHandedOver"), dispense.get("whenPrepared")
    return handed is None or prepared is None or not_before(handed, prepared)


@rule("obs-3", "Observation.referenceRange", enough=_any_of("low", "high", "text"), reads=())
def obs_3(range_: Tree, _: Tree) -> bool:
    """A reference range has a low end, a high end or a text."""
    return "low" in range_ or "high" in range_ or _has(range_, "text")


@rule(
    "obs-6",
    "Observation",
    enough=_without("dataAbsentReason"),
    narrow=True,
    at="dataAbsentReason",
    reads=(),
    needs=("dataAbsentReason",),
)
def obs_6(observation: Tree, _: Tree) -> bool:
    """A value that is there is not absent."""
    return "dataAbsentReason" not in observation or not _has_choice(observation, "value")


@rule(
    "obs-7",
    "Observation",
    enough=_without("component"),
    narrow=True,
    at="value[x]",
    reads=("code", "component.code"),
    needs=("component",),
)
def obs_7(observation: Tree, _: Tree) -> bool:
    """A value stands in the observation or in the component of the same code, not in both."""
    if "component" not in observation or not _has_choice(observation, "value"):
        return True
    own = (observation.get("code") or {}).get("coding", ())
    return not any(
        coding in own
        for component in observation["component"]
        for coding in (component.get("code") or {}).get("coding", ())
    )


@rule("qrs-1", "QuestionnaireResponse.item", enough={"not": {"required": ["answer", "item"]}}, reads=())
def qrs_1(item: Tree, _: Tree) -> bool:
    """Items stand below the item or below its answers, not below both."""
    return "answer" not in item or "item" not in item


@rule(
    "grp-1", "Group", enough={"anyOf": [_without("member"), {"properties": {"actual": {"const": True}}}]}, at="member"
)
def grp_1(group: Tree, _: Tree) -> bool:
    """Only an actual group has members."""
    return "member" not in group or group.get("actual") is True


# --- bundles ------------------------------------------------------------------------------------------------------


def _entries(bundle: Tree) -> list[Tree]:
    return [one for one in bundle.get("entry", ()) if isinstance(one, dict)]


@rule("bdl-1", "Bundle", at="total")
def bdl_1(bundle: Tree, _: Tree) -> bool:
    """Only a search or a history has a total."""
    return not _has(bundle, "total") or bundle.get("type") in {"searchset", "history"}


@rule("bdl-2", "Bundle", at="entry")
def bdl_2(bundle: Tree, _: Tree) -> bool:
    """Only entries of a search say how they were found."""
    return bundle.get("type") == "searchset" or not any("search" in one for one in _entries(bundle))


@rule("bdl-3", "Bundle", at="entry")
def bdl_3(bundle: Tree, _: Tree) -> bool:
    """Entries of a batch, transaction or history have a request; others have none."""
    wanted = bundle.get("type") in {"batch", "transaction", "history"}
    return all(("request" in one) == wanted for one in _entries(bundle))


@rule("bdl-4", "Bundle", at="entry")
def bdl_4(bundle: Tree, _: Tree) -> bool:
    """Entries of an answer or a history have a response; others have none."""
    wanted = bundle.get("type") in {"batch-response", "transaction-response", "history"}
    return all(("response" in one) == wanted for one in _entries(bundle))


@rule("bdl-5", "Bundle.entry", enough=_any_of("resource", "request", "response"))
def bdl_5(entry: Tree, _: Tree) -> bool:
    """An entry has a resource, a request or a response."""
    return not {"resource", "request", "response"}.isdisjoint(entry)


@rule("bdl-7", "Bundle", at="entry")
def bdl_7(bundle: Tree, _: Tree) -> bool:
    """No two entries of the same version have one URL."""
    if bundle.get("type") == "history":
        return True
    named = [
        (one["fullUrl"], ((one.get("resource") or {}).get("meta") or {}).get("versionId"))
        for one in _entries(bundle)
        if "fullUrl" in one
    ]
    return len(named) == len(set(named))


@rule("bdl-8", "Bundle.entry", at="fullUrl")
def bdl_8(entry: Tree, _: Tree) -> bool:
    """An entry's URL does not name a version."""
    return "/_history/" not in entry.get("fullUrl", "")


@rule("bdl-9", "Bundle", at="identifier")
def bdl_9(bundle: Tree, _: Tree) -> bool:
    """A document has an identifier with system and value."""
    return bundle.get("type") != "document" or {"system", "value"} <= set(bundle.get("identifier") or ())


@rule("bdl-10", "Bundle", at="timestamp")
def bdl_10(bundle: Tree, _: Tree) -> bool:
    """A document has a date."""
    return bundle.get("type") != "document" or "timestamp" in bundle


@rule("bdl-11", "Bundle", at="entry")
def bdl_11(bundle: Tree, _: Tree) -> bool:
    """A document starts with its composition."""
    return bundle.get("type") != "document" or _first_type(bundle) == "Composition"


@rule("bdl-12", "Bundle", at="entry")
def bdl_12(bundle: Tree, _: Tree) -> bool:
    """A message starts with its header."""
    return bundle.get("type") != "message" or _first_type(bundle) == "MessageHeader"


def _first_type(bundle: Tree) -> Any:
    entries = _entries(bundle)
    return (entries[0].get("resource") or {}).get("resourceType") if entries else None
