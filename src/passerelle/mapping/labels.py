"""Whom a mapping may refer to, and how the id of each is made. Ids are computed, never looked up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from passerelle.contracts.house import House, SourceFolder
from passerelle.ids import KeyedHasher, resource_id
from passerelle.mapping.fields import Reference
from passerelle.stores.keys import KeyRing

ORGANISATION = "organisation"
UNIT = "unit"
_DAY = 10
_NEVER = date.max.isoformat()
DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class Label:
    """What a label stands for: a FHIR type, the key its ids are made with, the types of its key columns.

    `known` are the only key values there are, where there is a list of them.
    """

    name: str
    type: str
    hasher: KeyedHasher
    key_types: tuple[str, ...] | None = None
    known: frozenset[str] | None = None

    def reference(self, values: Sequence[str]) -> Reference:
        """The reference to the resource with this key."""
        raw = self.hasher.of(values)
        return {"reference": f"{self.type}/{resource_id(raw)}"}, raw, values[-1]


def own_organisation(folder: SourceFolder, house: House) -> str:
    """The directory code of the source's own organisation; its FINESS when the directory does not have it."""
    own = folder.source.organisation.finess
    for code, one in house.organisations.items():
        if one.source == folder.name:
            return code
    return next((code for code, one in house.organisations.items() if one.finess and one.finess == own), own)


def organisation_label(folder: SourceFolder | None, house: House, keys: KeyRing) -> Label:
    """The organisations that may be referred to: those of the directory, and the source's own."""
    known = set(house.organisations)
    if folder is not None:
        known.add(own_organisation(folder, house))
    hasher = KeyedHasher(keys.id_key(DIRECTORY), (DIRECTORY, ORGANISATION))
    return Label(ORGANISATION, "Organization", hasher, ("string",), frozenset(known))


def unit_label(folder: SourceFolder, keys: KeyRing) -> Label:
    """The units of the source's establishment."""
    return Label(UNIT, "Location", source_hasher(folder, keys, UNIT), ("string",), frozenset(folder.units))


def source_hasher(folder: SourceFolder, keys: KeyRing, label: str) -> KeyedHasher:
    """What makes the ids of one label of a source."""
    key = keys.id_key(folder.name, folder.source.legal.anonymous)
    return KeyedHasher(key, (folder.source.source, label))


def outside_validity(folder: SourceFolder) -> Callable[[str, str | None], bool]:
    """Whether a unit, by its code, does not exist on a day; without a day nobody can say so."""
    spans = {
        unit: [(str(one.valid_from or ""), str(one.valid_to or _NEVER)) for one in lines]
        for unit, lines in folder.units.items()
    }

    def outside(unit: str, day: str | None) -> bool:
        if day is None or len(day) < _DAY:
            return False
        # Days in ISO compare as their texts do. Asked of each record: a generator would cost twice as much.
        for begin, end in spans.get(unit, ()):  # noqa: SIM110
            if begin <= day <= end:
                return False
        return True

    return outside


MOMENTS = (
    "start",
    "authoredOn",
    "effectiveDateTime",
    "whenHandedOver",
    "dateTime",
    "occurrenceDateTime",
    "performedDateTime",
)
PERIODS = ("period", "effectivePeriod", "executionPeriod", "occurrencePeriod", "performedPeriod")


def day_of(tree: dict[str, Any]) -> str | None:
    """The day on which a resource begins, when it says one."""
    for name in PERIODS:
        period = tree.get(name)
        if period is not None and len(said := period.get("start", "")) >= 10:
            return str(said[:10])
    for name in MOMENTS:
        said = tree.get(name)
        if isinstance(said, str) and len(said) >= 10:
            return said[:10]
    return None
