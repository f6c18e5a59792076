"""What link says, in FHIR: one Person per group, one ServiceRequest per event and kind of follow-up, one Task per window.

Statements never edit what a source said, and their ids derive from the event, so the same facts give the same bytes.
open = requested; found = completed with output; missed = failed; not observable = on-hold; undone = entered-in-error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from passerelle.contracts.pathway import FollowUp, Pathway
from passerelle.ids import KeyedHasher, resource_id
from passerelle.linkage.persons import Person
from passerelle.linkage.waiting import Judgement, Outcome

Tree = dict[str, Any]

CODE_SYSTEMS = "https://passerelle.example/fhir/CodeSystem"
FOLLOW_UP_STATUS = f"{CODE_SYSTEMS}/follow-up-status"
FOLLOW_UP_KIND = f"{CODE_SYSTEMS}/follow-up-kind"
FOLLOW_UP_WINDOW = f"{CODE_SYSTEMS}/follow-up-window"
RESTRICTED: Tree = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}
"""The label of what is said after an event that is itself sensitive: a prison is one."""

SERVICE_CATEGORY = "http://terminology.hl7.org/CodeSystem/service-category"

TASK_STATUS: Mapping[Outcome, str] = {
    Outcome.OPEN: "requested",
    Outcome.FOUND: "completed",
    Outcome.MISSED: "failed",
    Outcome.NOT_OBSERVABLE: "on-hold",
    Outcome.UNDONE: "entered-in-error",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One resource that link says, with the event or person it is about and the ids it rests on."""

    id: bytes
    about: bytes
    tree: Tree
    refs: tuple[bytes, ...]


class StatementIds:
    """Ids of what link says: source `link:<pathway>`, the kind of statement, the index event's id."""

    def __init__(self, id_key: bytes) -> None:
        self._key = id_key
        self._hashers: dict[tuple[str, str], KeyedHasher] = {}

    def of(self, pathway: str, label: str, *parts: bytes) -> bytes:
        """Sixteen bytes for one statement about one event."""
        hasher = self._hashers.get((pathway, label))
        if hasher is None:
            hasher = self._hashers[pathway, label] = KeyedHasher(self._key, (f"link:{pathway}", label))
        return hasher.of(part.hex() for part in parts)


def _reference(resource_type: str, of: bytes) -> Tree:
    return {"reference": f"{resource_type}/{resource_id(of)}"}


@cache
def _concept(system: str, code: str) -> Tree:
    """A concept, shared by all statements that hold it: nobody changes it in place."""
    return {"coding": [{"system": system, "code": code}]}


def person_statement(person: Person, ids: StatementIds) -> Statement:
    """A Person with one link per member Patient, named by its survivor; level3: a shared qualified identity."""
    own = ids.of("persons", "person", person.survivor)
    tree = {
        "resourceType": "Person",
        "id": resource_id(own),
        "link": [{"target": _reference("Patient", member), "assurance": "level3"} for member in person.members],
    }
    return Statement(own, person.survivor, tree, person.members)


def follow_up_statements(
    pathway: Pathway, follow_up: FollowUp, judgements: Sequence[Judgement], ids: StatementIds
) -> list[Statement]:
    """The ServiceRequest and the Tasks of one event and one kind of follow-up. `judgements` has one per window.

    Nothing is stated of an event that nobody is waited for after: the person was dead by then, or taken in again.
    """
    judgements = [judgement for judgement in judgements if judgement.outcome is not Outcome.EXCLUDED]
    if not judgements:
        return []
    event = judgements[0].event
    request_id = ids.of(pathway.pathway, f"request.{follow_up.follow_up}", event.id)
    request = {
        "resourceType": "ServiceRequest",
        "id": resource_id(request_id),
        **_label(pathway),
        "status": _request_status(judgements),
        "intent": "order",
        "category": [_concept(SERVICE_CATEGORY, follow_up.category)],
        "code": _concept(FOLLOW_UP_KIND, follow_up.follow_up.replace("_", "-")),
        "subject": _reference("Patient", event.patient),
    }
    refs = [event.patient]
    if pathway.after.resource == "Encounter":
        request["encounter"] = _reference("Encounter", event.id)
        refs.append(event.id)
    said = [Statement(request_id, event.id, request, tuple(refs))]
    return said + [_task(pathway, follow_up, judgement, request_id, ids) for judgement in judgements]


def _label(pathway: Pathway) -> Tree:
    return {"meta": RESTRICTED} if pathway.sensitive else {}


def _request_status(judgements: Sequence[Judgement]) -> str:
    outcomes = {judgement.outcome for judgement in judgements}
    if Outcome.UNDONE in outcomes:
        return "entered-in-error"
    if Outcome.OPEN in outcomes:
        return "active"
    return "on-hold" if Outcome.NOT_OBSERVABLE in outcomes else "completed"


def _task(
    pathway: Pathway, follow_up: FollowUp, judgement: Judgement, request_id: bytes, ids: StatementIds
) -> Statement:
    event, window = judgement.event, judgement.window
    own = ids.of(pathway.pathway, f"task.{follow_up.follow_up}.{window.name}", event.id)
    tree: Tree = {
        "resourceType": "Task",
        "id": resource_id(own),
        **_label(pathway),
        "basedOn": [_reference("ServiceRequest", request_id)],
        "status": TASK_STATUS[judgement.outcome],
        "businessStatus": _concept(FOLLOW_UP_STATUS, judgement.outcome.value),
        "intent": "order",
        "code": {
            "coding": [
                {"system": FOLLOW_UP_KIND, "code": follow_up.follow_up.replace("_", "-")},
                {"system": FOLLOW_UP_WINDOW, "code": window.name.replace("_", "-")},
            ]
        },
        "focus": _reference("ServiceRequest", request_id),
        "for": _reference("Patient", event.patient),
        "reasonReference": _reference(pathway.after.resource, event.id),
    }
    refs = [request_id, event.patient, event.id]
    if judgement.outcome is Outcome.MISSED:
        tree["statusReason"] = _concept(FOLLOW_UP_STATUS, "no-contact-in-window")
    if judgement.blind is not None:
        tree["statusReason"] = _concept(FOLLOW_UP_STATUS, judgement.blind.value)
    if event.day is not None:
        tree["restriction"] = {
            "period": {
                "start": (event.day + timedelta(days=window.first)).isoformat(),
                "end": (event.day + timedelta(days=window.last)).isoformat(),
            }
        }
    if judgement.contact is not None:
        tree["output"] = [
            {
                "type": _concept(FOLLOW_UP_KIND, follow_up.follow_up.replace("_", "-")),
                "valueReference": _reference(follow_up.holds.resource, judgement.contact.id),
            }
        ]
        refs.append(judgement.contact.id)
    return Statement(own, event.id, tree, tuple(refs))
