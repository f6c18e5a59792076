"""The directory as resources: an Organization per organisation, a Location per unit with the days it exists.

They come from contracts, not from records; every mapping may refer to them.
"""

from collections.abc import Iterator
from typing import Any

from passerelle.contracts.directory import DirectoryOrganisation, Unit
from passerelle.contracts.house import House, SourceFolder
from passerelle.ids import resource_id
from passerelle.mapping.labels import (
    DIRECTORY,
    ORGANISATION,
    UNIT,
    Label,
    organisation_label,
    own_organisation,
    unit_label,
)
from passerelle.mapping.plan import Emitted
from passerelle.stores.keys import KeyRing

_BASE = "https://passerelle.example/fhir"
VALID_DURING = f"{_BASE}/StructureDefinition/valid-during"
_FINESS = "https://finess.esante.gouv.fr"
_FINESS_TYPE = {"system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203", "code": "FINEG"}
_CATEGORIES = "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
_KINDS = f"{_BASE}/CodeSystem/organisation-kind"
_UNIT_KINDS = f"{_BASE}/CodeSystem/unit-kind"


def directory_resources(house: House, keys: KeyRing) -> list[Emitted]:
    """Every organisation of the directory and of a source, and every unit of a source, sorted by type and id."""
    found: dict[bytes, Emitted] = {}
    for one in _organisations(house, keys):
        found.setdefault(one.id, one)
    for folder in house.sources.values():
        for unit in _units(folder, house, keys):
            found[unit.id] = unit
    return sorted(found.values(), key=lambda one: (one.type, one.id))


def _organisations(house: House, keys: KeyRing) -> Iterator[Emitted]:
    label = organisation_label(None, house, keys)
    for code, one in house.organisations.items():
        yield _organisation(label, house, code, one)
    for folder in house.sources.values():
        code = own_organisation(folder, house)
        if code not in house.organisations:
            yield _organisation(label, house, code, _as_listed(folder, code))


def _as_listed(folder: SourceFolder, code: str) -> DirectoryOrganisation:
    """The source's own organisation, as the directory would list it."""
    source = folder.source
    own = source.organisation
    return DirectoryOrganisation(
        code=code,
        name=own.name,
        kind=source.legal.kind,
        care=source.legal.care,
        finess=own.finess,
        category=own.category,
        region=own.region,
        jurisdiction=source.jurisdiction,
        source=folder.name,
    )


def _organisation(label: Label, house: House, code: str, one: DirectoryOrganisation) -> Emitted:
    reference, raw, _ = label.reference((code,))
    identifiers: list[dict[str, Any]] = [{"system": f"{_BASE}/NamingSystem/{DIRECTORY}", "value": code}]
    if one.finess:
        system = house.naming.get("finess", _FINESS)
        identifiers.append({"type": {"coding": [_FINESS_TYPE]}, "system": system, "value": one.finess})
    kinds = [{"coding": [{"system": _KINDS, "code": one.kind}]}]
    if one.category:
        kinds.append({"coding": [{"system": _CATEGORIES, "code": one.category}]})
    tree = {
        "resourceType": "Organization",
        "id": reference["reference"].partition("/")[2],
        "identifier": identifiers,
        "active": True,
        "type": kinds,
        "name": one.name,
    }
    return Emitted(raw, "Organization", ORGANISATION, tree, ())


def _units(folder: SourceFolder, house: House, keys: KeyRing) -> Iterator[Emitted]:
    label = unit_label(folder, keys)
    own, own_raw, _ = organisation_label(folder, house, keys).reference((own_organisation(folder, house),))
    for code, versions in folder.units.items():
        raw = label.hasher.of((code,))
        last = versions[-1]
        tree: dict[str, Any] = {"resourceType": "Location", "id": resource_id(raw)}
        periods = [period for period in map(_period, versions) if period]
        if periods:
            tree["extension"] = [{"url": VALID_DURING, "valuePeriod": period} for period in periods]
        tree["identifier"] = [{"system": f"{_BASE}/NamingSystem/{folder.name}-unit", "value": code}]
        tree["name"] = last.name
        tree["mode"] = "instance"
        if last.kind:
            tree["type"] = [{"coding": [{"system": _UNIT_KINDS, "code": last.kind}]}]
        tree["managingOrganization"] = own
        yield Emitted(raw, "Location", UNIT, tree, (own_raw,))


def _period(unit: Unit) -> dict[str, str]:
    days = {"start": unit.valid_from, "end": unit.valid_to}
    return {name: day.isoformat() for name, day in days.items() if day is not None}
