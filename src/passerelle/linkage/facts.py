"""What link needs to know, read from the current view of a cut in two passes and kept as compact tuples.

First whom each source knows, which numbers and slips were given, shown and quoted; then, for the patients that
matter, on which days they left, came back and were seen.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_args

from passerelle.contracts.house import House
from passerelle.contracts.pathway import Chosen, FollowUp
from passerelle.contracts.source import LegalKind
from passerelle.fold.view import CutView, Standing, Tree, day_in, id_in
from passerelle.gate import ConsentFacts
from passerelle.linkage.persons import Known
from passerelle.linkage.projection import OrganisationNames, speaks_of, withdrawal
from passerelle.linkage.traits import Traits
from passerelle.linkage.waiting import Contact, Event, Start

INS_SYSTEMS = ("ins-nir", "ins-nia", "ins-nir-test", "ins-nir-demo")
ORIENTATION_NUMBER, ORIENTATION_SLIP = "orientation-number", "orientation-slip"
BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
NORELINK = "NORELINK"
SLIP_SHOWN = "slip-shown"
DIED = "exp"
VISIT = Chosen.model_validate(
    {"kinds": get_args(LegalKind), "resource": "Encounter", "status": ("finished",), "time": "period.start"}
)
"""What a slip leads to: a contact that was attended, wherever."""

_NEVER_MEANT = frozenset({"entered-in-error", "cancelled"})
_FULL_DATE = 10


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """A source's Patient: what may be linked, whether they asked for anonymity, when they died."""

    known: Known
    asked_anonymity: bool = False
    death: date | None = None


@dataclass(frozen=True, slots=True)
class Orientation:
    """A number that a source gave to a patient, for the event after which they want it to be used."""

    id: bytes
    patient: bytes
    number: str
    event: bytes | None
    consents: tuple[ConsentFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Quoted:
    """Something that came about under an orientation number."""

    number: str
    source: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class SlipIssued:
    """A slip that an anonymous source printed."""

    id: bytes
    source: str
    token: str
    issued: date | None
    expires: date | None


@dataclass(frozen=True, slots=True)
class SlipShown:
    """A slip that a patient handed over, with what they said to it."""

    id: bytes
    patient: bytes
    source: str
    token: str
    day: date | None
    consented: bool


@dataclass(slots=True)
class People:
    """Whom the sources know, and the numbers and slips that were given to them."""

    patients: dict[bytes, PatientFacts] = field(default_factory=dict)
    orientations: list[Orientation] = field(default_factory=list)
    quoted: list[Quoted] = field(default_factory=list)
    issued: list[SlipIssued] = field(default_factory=list)
    shown: list[SlipShown] = field(default_factory=list)


@dataclass(slots=True)
class Course:
    """What happened: events by pathway; contacts by what is held and patient; what competes by pathway and patient."""

    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    contacts: dict[tuple[Chosen, bytes], list[Contact]] = field(default_factory=lambda: defaultdict(list))
    returns: dict[tuple[str, bytes], list[Start]] = field(default_factory=lambda: defaultdict(list))
    deaths: dict[bytes, date] = field(default_factory=dict)
    last_days: dict[str, date] = field(default_factory=dict)


class FactsReader:
    """Reads the facts of one cut for the pathways of a house."""

    def __init__(
        self,
        view: CutView,
        house: House,
        names: OrganisationNames,
        as_of: date,
        *,
        silenced: AbstractSet[tuple[int, int]] = frozenset(),
    ) -> None:
        self._view = view
        self._silenced = silenced
        self._kinds = {name: folder.source.legal.kind for name, folder in house.sources.items()}
        self._names = names
        self._as_of = as_of
        self._pathways = house.pathways
        self._ins = {house.naming[name] for name in INS_SYSTEMS if name in house.naming}
        self._number_system = house.naming.get(ORIENTATION_NUMBER, "")
        self._slip_system = house.naming.get(ORIENTATION_SLIP, "")
        self._last_days: dict[str, date] = {}
        self._last_orders: dict[int, str] = {}

    # Who ---------------------------------------------------------------------------------------------------------

    def people(self) -> People:
        """Every Patient, orientation, quoted number and slip that stands."""
        people = People()
        first_orders = self._view.first_orders("Patient")
        agreed = self._orientation_consents()
        for one in self._view.wholes(("Patient", "ServiceRequest", "Task")):
            self._note_order(one)
            if one.type == "Patient":
                people.patients[one.id] = self._patient(one, first_orders.get(one.id, one.order))
            elif one.type == "ServiceRequest":
                self._note_day(one.source, one.tree.get("authoredOn"))
                people.orientations += self._orientation(one, agreed)
            else:
                self._note_day(one.source, one.tree.get("executionPeriod", {}).get("start"))
                self._task(one, people)
        for listed in (people.orientations, people.quoted, people.issued, people.shown):
            listed.sort(key=repr)
        return people

    def _patient(self, one: Standing, first_order: str) -> PatientFacts:
        tree = one.tree
        current = [number for number, use in self._numbers(tree) if use != "old"]
        former = [number for number, use in self._numbers(tree) if use == "old"]
        asked = any(label.get("code") == NORELINK for label in tree.get("meta", {}).get("security", ()))
        known = Known(
            one.id,
            one.source,
            first_order,
            "" if asked or len(set(current)) != 1 else current[0],
            tuple(sorted(former)),
            traits_of(tree),
        )
        return PatientFacts(known, asked, day_in(tree.get("deceasedDateTime")))

    def _numbers(self, tree: Tree) -> Iterator[tuple[str, str]]:
        for identifier in tree.get("identifier", ()):
            if identifier.get("system") in self._ins and identifier.get("value"):
                yield identifier["value"], identifier.get("use", "")

    def _orientation_consents(self) -> dict[bytes, list[ConsentFacts]]:
        """By orientation: what was said to it. A consent is about what its `provision.data` names."""
        found: dict[bytes, list[ConsentFacts]] = defaultdict(list)
        for one in self._view.bodies(("Consent",)):
            self._note_order(one)
            self._note_day(one.source, one.tree.get("dateTime"))
            for about in speaks_of(one.tree):
                found[about] += self._consents(one)
        return found

    def _consents(self, one: Standing) -> Iterator[ConsentFacts]:
        tree = one.tree
        provision = tree.get("provision", {})
        withdrawn = day_in(withdrawal(tree))
        inactive = tree.get("status") not in {"active", "rejected"} and withdrawn is None
        if tree.get("status") == "entered-in-error" or inactive or (one.batch_id, one.row) in self._silenced:
            return
        period = provision.get("period", {})
        for actor in provision.get("actor", ()):
            name = self._names.of(actor.get("reference"))
            if name is not None:
                yield ConsentFacts(
                    f"{one.source}:{one.batch_id}:{one.row}",
                    provision.get("type") != "deny" and tree.get("status") != "rejected",
                    name,
                    frozenset(code["code"] for code in provision.get("purpose", ()) if code.get("code")),
                    frozenset(code["code"] for code in provision.get("class", ()) if code.get("code")),
                    day_in(tree.get("dateTime")),
                    day_in(period.get("start")),
                    day_in(period.get("end")),
                    withdrawn,
                )

    def _orientation(self, one: Standing, agreed: Mapping[bytes, Sequence[ConsentFacts]]) -> Iterator[Orientation]:
        number = _number(one.tree.get("identifier", ()), self._number_system)
        patient = id_in(one.tree.get("subject"), "Patient")
        if number and patient is not None and one.tree.get("status") not in {"revoked", "entered-in-error"}:
            about = [one.tree.get("encounter"), *one.tree.get("supportingInfo", ())]
            event = next((found for reference in about if (found := id_in(reference)) is not None), None)
            yield Orientation(one.id, patient, number, event, tuple(agreed.get(one.id, ())))

    def _task(self, one: Standing, people: People) -> None:
        tree = one.tree
        token = _number(tree.get("identifier", ()), self._slip_system)
        patient = id_in(tree.get("for"), "Patient")
        was_meant = tree.get("status") != "entered-in-error"
        if token and was_meant and patient is not None and SLIP_SHOWN in _codes(tree, "code"):
            day = day_in(tree.get("executionPeriod", {}).get("start"))
            people.shown.append(
                SlipShown(one.id, patient, one.source, token, day, consented=tree.get("status") == "completed")
            )
        elif token and patient is None and tree.get("status") not in _NEVER_MEANT:
            expires = day_in(tree.get("restriction", {}).get("period", {}).get("end"))
            people.issued.append(SlipIssued(one.id, one.source, token, day_in(tree.get("authoredOn")), expires))
        number = _number([tree.get("groupIdentifier", {})], self._number_system)
        if number:
            people.quoted += self._quoted(one, number)

    def _quoted(self, one: Standing, number: str) -> Iterator[Quoted]:
        patient = id_in(one.tree.get("for"), "Patient") or one.id
        for pathway in self._pathways.values():
            for follow_up in pathway.expects:
                if ORIENTATION_NUMBER in follow_up.over and self._fits(one, follow_up.holds):
                    at = _time(one.tree, follow_up.holds)
                    day = day_in(at)
                    if day is not None and day <= self._as_of:
                        yield Quoted(number, one.source, Contact(one.id, patient, day, str(at)))
                    return

    # What --------------------------------------------------------------------------------------------------------

    def course(self, wanted: AbstractSet[bytes]) -> Course:
        """Events of every patient; returns of every patient; contacts of the wanted ones."""
        course = Course()
        held = {one.holds for pathway in self._pathways.values() for one in pathway.expects if _is_personal(one)}
        sought = [VISIT, *sorted(held, key=repr)]
        for one in self._view.bodies(self._types(sought)):
            self._note_order(one)
            patient = id_in(one.tree.get("subject") or one.tree.get("patient"), "Patient")
            period = one.tree.get("period", {})
            self._note_day(one.source, period.get("start"))
            self._note_day(one.source, period.get("end"))
            if patient is None:
                continue
            self._left_or_came_back(one, patient, course)
            self._note_death(one, patient, course)
            if patient in wanted:
                self._was_seen(one, patient, course, sought)
        course.last_days = self._fresh_days()
        return course

    def _types(self, sought: Iterable[Chosen]) -> list[str]:
        named = {chosen.resource for chosen in sought}
        for pathway in self._pathways.values():
            named |= {pathway.after.resource, *(competing.resource for competing in pathway.competing)}
        return sorted(named)

    def _left_or_came_back(self, one: Standing, patient: bytes, course: Course) -> None:
        for name, pathway in self._pathways.items():
            undone = self._was_undone(one, pathway.after)
            if undone or self._fits(one, pathway.after):
                at = _time(one.tree, pathway.after)
                day = day_in(at)
                if day is None or day <= self._as_of:
                    course.events[name].append(Event(one.id, patient, day, undone, str(at or "")))
            for competing in pathway.competing:
                at = _time(one.tree, competing) if self._fits(one, competing) else None
                back = self._past(at)
                if back is not None:
                    course.returns[name, patient].append(Start(one.id, back, str(at)))

    def _note_death(self, one: Standing, patient: bytes, course: Course) -> None:
        hospitalization = one.tree.get("hospitalization")
        if hospitalization and DIED in _concept_codes(hospitalization.get("dischargeDisposition")):
            end = self._past(one.tree.get("period", {}).get("end"))
            if end is not None:
                course.deaths[patient] = min(end, course.deaths.get(patient, end))

    def _was_seen(self, one: Standing, patient: bytes, course: Course, sought: Iterable[Chosen]) -> None:
        for chosen in sought:
            if self._fits(one, chosen):
                at = _time(one.tree, chosen)
                day = self._past(at)
                if day is not None:
                    course.contacts[chosen, patient].append(Contact(one.id, patient, day, str(at)))

    def _was_undone(self, one: Standing, after: Chosen) -> bool:
        """Something that would be an event, that came about, and of which the source says it never did."""
        if one.tree.get("status") not in _NEVER_MEANT or day_in(_time(one.tree, after)) is None:
            return False
        return self._fits(one, after.model_copy(update={"status": tuple(_NEVER_MEANT)}))

    def _fits(self, one: Standing, chosen: Chosen) -> bool:
        return fits(one, chosen, self._kinds.get(one.source, ""))

    def _past(self, text: Any) -> date | None:
        """The day, if it has come."""
        day = day_in(text)
        return day if day is not None and day <= self._as_of else None

    # How fresh ---------------------------------------------------------------------------------------------------

    def _note_day(self, source: str, text: Any) -> None:
        day = self._past(text)
        if day is not None and day > self._last_days.get(source, date.min):
            self._last_days[source] = day

    def _note_order(self, one: Standing) -> None:
        if one.order > self._last_orders.get(one.batch_id, ""):
            self._last_orders[one.batch_id] = one.order

    def _fresh_days(self) -> dict[str, date]:
        """By source: the last day of which it told anything, from what it said or from when it said it."""
        last = dict(self._last_days)
        for batch_id, order in self._last_orders.items():
            source = self._view.source_of[batch_id]
            day = _day_of_order(order)
            if day is not None and last.get(source, date.min) < day <= self._as_of:
                last[source] = day
        return last


def _is_personal(follow_up: FollowUp) -> bool:
    """Whether the follow-up is looked for by person, and not only by a number that is quoted."""
    return any(link != ORIENTATION_NUMBER for link in follow_up.over)


def fits(one: Standing, chosen: Chosen, kind: str) -> bool:
    """Whether the resource, of a source of this legal kind, is one of those that are meant."""
    tree = one.tree
    if one.type != chosen.resource or kind not in chosen.kinds or tree.get("status") not in chosen.status:
        return False
    if chosen.classes and tree.get("class", {}).get("code") not in chosen.classes:
        return False
    return not chosen.types or not _codes(tree, "type", "code").isdisjoint(chosen.types)


def traits_of(tree: Tree) -> Traits:
    """The five strict traits, as one source wrote them. A birth date that is not a full date is no trait."""
    names = tree.get("name", ())
    official = [name for name in names if name.get("use") in {"official", "maiden", None}]
    name: Tree = next((name for name in official if name.get("family")), {})
    birth_date = str(tree.get("birthDate", ""))
    return Traits(
        str(name.get("family", "")),
        str(next(iter(name.get("given", ())), "")),
        birth_date if len(birth_date) == _FULL_DATE else "",
        str(tree.get("gender", "")),
        _birth_place(tree.get("extension", ())),
    )


def _birth_place(extensions: Iterable[Tree]) -> str:
    """The INSEE code of the birth place, wherever FR Core puts it inside its address."""
    for extension in extensions:
        if extension.get("url") == BIRTH_PLACE:
            address = extension.get("valueAddress", {})
            for inner in (*address.get("extension", ()), *address.get("_city", {}).get("extension", ())):
                coding = inner.get("valueCoding") or {}
                code = inner.get("valueCode") or inner.get("valueString") or coding.get("code")
                if code:
                    return str(code)
            return str(address.get("city", "") or address.get("postalCode", ""))
    return ""


def _number(identifiers: Iterable[Tree], system: str) -> str:
    return next(
        (str(one["value"]) for one in identifiers if system and one.get("system") == system and one.get("value")), ""
    )


def _codes(tree: Tree, *elements: str) -> set[str]:
    found: set[str] = set()
    for element in elements:
        value = tree.get(element)
        for concept in value if isinstance(value, list) else [value]:
            found |= _concept_codes(concept)
    return found


def _concept_codes(concept: Any) -> set[str]:
    if not isinstance(concept, dict):
        return set()
    return {str(one["code"]) for one in concept.get("coding", ()) if one.get("code")}


def _time(tree: Tree, chosen: Chosen) -> Any:
    element, _, part = chosen.time.partition(".")
    return tree.get(element, {}).get(part)


def _day_of_order(order: str) -> date | None:
    digits = order[:10].replace("-", "")[:8]
    if len(digits) != len("20250131") or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
