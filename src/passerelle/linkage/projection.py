"""Consents, oppositions and care teams, read out of one source's current view into the form that the gate asks for.

A consent that speaks of one thing only (`provision.data`: one orientation) opens nothing else, and is read by link
together with that thing. What was entered in error is not read.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from passerelle.contracts.house import House, SourceFolder
from passerelle.fold.view import Tree, day_in, id_in
from passerelle.gate.recorded import OPPOSITION, PERMIT
from passerelle.ids import KeyedHasher, id_bytes, resource_id
from passerelle.stores.keys import KeyRing
from passerelle.stores.lake import CurrentView, batches_of
from passerelle.stores.ledger.consents import StoredConsent, StoredMember

DENY = "deny"
LOCAL = "https://passerelle.example/fhir"
WITHDRAWN_ON = f"{LOCAL}/StructureDefinition/withdrawn-on"
CARE_TEAM_BASIS = f"{LOCAL}/StructureDefinition/care-team-basis"
CONSENT_KIND = f"{LOCAL}/CodeSystem/consent-kind"
_NEVER_MEANT = frozenset({"entered-in-error", "draft", "proposed"})
AGREEMENTS = ("Consent", "CareTeam")
_COLUMNS = ("type", "batch_id", "row", "body")


class OrganisationNames:
    """The directory's organisations by the id of their Organization."""

    def __init__(self, house: House, keys: KeyRing) -> None:
        hasher = KeyedHasher(keys.id_key("directory"), ("directory", "organisation"))
        self._codes = {id_bytes(resource_id(hasher.of((code,)))): code for code in house.organisations}

    def of(self, reference: object) -> str | None:
        """The code of the organisation; an organisation that the directory does not know keeps its id for a name."""
        found = id_in(reference, "Organization")
        return None if found is None else self._codes.get(found, found.hex())


def project_consents(
    view: CurrentView, folder: SourceFolder, house: House, keys: KeyRing
) -> tuple[list[StoredConsent], list[StoredMember]]:
    """What the source's patients agreed to, refused or opposed, and who is recorded to care for them together."""
    names = OrganisationNames(house, keys)
    source = folder.name
    told: list[StoredConsent] = []
    members: list[StoredMember] = []
    for part in batches_of(view.rows(AGREEMENTS)):
        for kind, batch_id, row, body in zip(*(part.column(name).to_pylist() for name in _COLUMNS), strict=True):
            tree = orjson.loads(body)
            if kind == "CareTeam":
                members += _members(tree, source, batch_id, row, names)
            else:
                told += _consents(tree, source, batch_id, row, names)
    return sorted(told, key=_place_of_consent), sorted(members, key=_place_of_member)


def withdrawal(tree: Tree) -> str | None:
    """The day on which a consent or opposition was withdrawn, as written."""
    for extension in tree.get("extension", ()):
        if extension.get("url") == WITHDRAWN_ON:
            return _day(extension.get("valueDate") or extension.get("valueDateTime"))
    return None


def speaks_of(tree: Tree) -> list[bytes]:
    """The ids of the resources that a consent is limited to; none for a consent in general."""
    data = tree.get("provision", {}).get("data", ())
    return [found for one in data if (found := id_in(one.get("reference"))) is not None]


def _consents(tree: Tree, source: str, batch_id: int, row: int, names: OrganisationNames) -> Iterator[StoredConsent]:
    subject = id_in(tree.get("patient"), "Patient")
    status = tree.get("status")
    provision = tree.get("provision", {})
    if subject is None or status in _NEVER_MEANT or provision.get("data"):
        return
    withdrawn = withdrawal(tree)
    permits = provision.get("type") != DENY and status != "rejected"
    if permits and status == "inactive" and withdrawn is None:
        return  # over since nobody knows when: it opens nothing
    is_opposition = any(_has(category, CONSENT_KIND, OPPOSITION) for category in tree.get("category", ()))
    period = provision.get("period", {})
    for grantee in _grantees(provision, names, permits=permits):
        yield StoredConsent(
            source,
            subject,
            OPPOSITION if is_opposition else "consent",
            PERMIT if permits else DENY,
            grantee,
            _codes(provision.get("purpose", ())),
            _codes(provision.get("class", ())),
            _day(tree.get("dateTime")),
            None,
            _day(period.get("start")),
            _day(period.get("end")),
            withdrawn,
            batch_id,
            row,
        )


def _grantees(provision: Tree, names: OrganisationNames, *, permits: bool) -> list[str | None]:
    """The organisations that a provision names; nobody named is everybody.

    Where somebody is named whom nobody can tell, an agreement is for no one and a refusal for everybody.
    """
    actors = provision.get("actor", ())
    named = {name for actor in actors if (name := names.of(actor.get("reference"))) is not None}
    if named:
        return [*sorted(named)]
    return [] if actors and permits else [None]


def _members(tree: Tree, source: str, batch_id: int, row: int, names: OrganisationNames) -> Iterator[StoredMember]:
    subject = id_in(tree.get("subject"), "Patient")
    if subject is None or tree.get("status") in _NEVER_MEANT:
        return
    if tree.get("status") == "suspended" or (
        tree.get("status") == "inactive" and not tree.get("period", {}).get("end")
    ):
        return  # over since nobody knows when, or not counting for now: it is no ground
    basis = next(
        (str(one["valueInteger"]) for one in tree.get("extension", ()) if one.get("url") == CARE_TEAM_BASIS), None
    )
    team = tree.get("period", {})
    found: set[StoredMember] = set()
    for participant in tree.get("participant", ()):
        name = names.of(participant.get("member")) or names.of(participant.get("onBehalfOf"))
        if name is None:
            continue
        own = participant.get("period", {})
        start, end = _common(team, own)
        found.add(StoredMember(source, subject, name, basis, start, end, batch_id, row))
    yield from found


def _common(team: Tree, own: Tree) -> tuple[str | None, str | None]:
    """The days of the team that are the member's too. A team without a start is not dated, whatever its members are."""
    start = _day(team.get("start"))
    if start is None:
        return None, _day(team.get("end"))
    starts = [start, *(day for day in [_day(own.get("start"))] if day)]
    ends = [day for day in (_day(team.get("end")), _day(own.get("end"))) if day]
    return max(starts), min(ends, default=None)


def _has(concept: Tree, system: str, code: str) -> bool:
    return any(one.get("system") == system and one.get("code") == code for one in concept.get("coding", ()))


def _codes(codings: Iterable[Tree]) -> tuple[str, ...]:
    return tuple(sorted({str(one["code"]) for one in codings if one.get("code")}))


def _day(text: Any) -> str | None:
    found = day_in(text)
    return None if found is None else found.isoformat()


def _place_of_consent(one: StoredConsent) -> tuple[Any, ...]:
    return one.subject_id, one.batch_id, one.row, one.kind, one.type, one.grantee or "", one.purposes, one.classes


def _place_of_member(one: StoredMember) -> tuple[Any, ...]:
    return one.subject_id, one.batch_id, one.row, one.organisation
