"""What a person agreed to, refused or opposed, and which care teams were recorded, at each of their doors."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.region import LAST_DAY, ORGANISATION

if TYPE_CHECKING:
    from passerelle.simulator.lives import Life

_PROFILES = Weighted(
    [
        ("consent", 92),
        ("team", 13),
        ("nothing", 8),
        ("withdrawn", 4),
        ("expired", 3),
        ("too-narrow", 3),
        ("for-others", 2),
        ("refused", 2.5),
        ("refused-then-agreed", 2),
        ("same-day", 0.5),
        ("opposed", 3),
        ("opposition-lifted", 1.5),
        ("opposed-to-sending", 1),
        ("opposed-to-housing", 1),
    ]
)
_TEAMS = Weighted([("open", 76), ("undated", 8), ("closed", 9), ("without-the-other", 7)])
_CLASSES = Weighted([(("TOUT",), 70), (("IDEN", "RDV", "SUIV"), 30)])
_FOR_OTHERS = ("MG", "CMP", "PHARM")
COORDINATION = "COORD"
"""The team that coordinates care in the region: a member of some care teams, and the recipient of the export."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One agreement or refusal, as one source wrote it down."""

    source: str
    permits: bool
    grantee: str
    purpose: str
    classes: tuple[str, ...]
    collected: date
    end: date | None = None
    withdrawn: date | None = None
    start: date | None = None


@dataclass(frozen=True, slots=True)
class Opposition:
    """One opposition, as one source wrote it down."""

    source: str
    against: str
    purpose: str
    expressed: date
    lifted: date | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """One care team recorded at the CSAPA. Without a start it does not exist."""

    basis: str
    start: date | None
    end: date | None
    members: tuple[str, ...]


@dataclass(slots=True)
class Shared:
    """All of it, for one person."""

    consents: list[Consent] = field(default_factory=list)
    oppositions: list[Opposition] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)


def share(life: "Life", chance: Chance) -> Shared:
    """What was recorded of the person's will. Whatever closes is known at every door; what opens may be at one."""
    known = {one.source: _known_since(life, one.source) for one in life.identities if not one.anonymous}
    shared = Shared()
    if not known:
        return shared
    profile = chance.one(_PROFILES)
    base = min(max(known.values()) + timedelta(days=chance.between(0, 8)), LAST_DAY)
    if profile == "team" and ("csapa" not in known or len(known) == 1):
        profile = "consent"
    if profile == "team":
        shared.teams.append(_team(chance, known, base))
        return shared
    _consents(shared, profile, chance, _open_doors(life, chance, known), base)
    _oppositions(shared, profile, chance, known, base)
    if profile == "refused-then-agreed":
        later = base + timedelta(days=chance.between(1, 30))
        if later <= LAST_DAY:
            _agree(shared, chance, known, later)
    return shared


def _known_since(life: "Life", source: str) -> date:
    if source == "csapa":
        return life.registered.date() if life.registered else LAST_DAY
    if source == "usmp":
        return life.custodies[0].start.date()
    return life.stays[0].start.date()


def _open_doors(life: "Life", chance: Chance, known: dict[str, date]) -> dict[str, date]:
    """Two doors that share a person may have the consent at one of them only; otherwise all have it."""
    if len(known) != 2 or "csapa" not in known or not life.traits_agree or chance.often(0.75):
        return known
    kept = chance.choice(sorted(known))
    return {kept: known[kept]}


def _grantees(source: str, known: dict[str, date], chance: Chance) -> tuple[str, ...]:
    if source != "csapa":
        return (ORGANISATION["csapa"],)
    others = tuple(ORGANISATION[other] for other in known if other != "csapa")
    return others or (ORGANISATION[chance.choice(("chu", "ch"))],)


def _agree(shared: Shared, chance: Chance, doors: dict[str, date], collected: date, **changed: date | None) -> None:
    classes, purpose = chance.one(_CLASSES), chance.one(Weighted([("CONT", 3), ("LIEN", 1)]))
    anyone = len(doors) <= 2 and chance.often(0.05)
    for source in doors:
        for grantee in _grantees(source, doors, chance):
            to = "TOUS" if anyone else grantee
            shared.consents.append(
                Consent(source, True, to, purpose, classes, collected, changed.get("end"), changed.get("withdrawn"))  # noqa: FBT003
            )


def _consents(shared: Shared, profile: str, chance: Chance, doors: dict[str, date], base: date) -> None:
    if profile in {"consent", "opposed", "opposition-lifted", "opposed-to-sending", "opposed-to-housing"}:
        _agree(shared, chance, doors, base, end=chance.one(_ENDS))
    elif profile == "withdrawn":
        _agree(shared, chance, doors, base, withdrawn=_not_after(base + timedelta(days=chance.between(5, 120))))
    elif profile == "expired":
        _agree(shared, chance, doors, base, end=base + timedelta(days=chance.between(10, 90)))
    elif profile == "too-narrow":
        classes, purpose = chance.choice(((("SUIV",), "CONT"), (("TOUT",), "STAT"), (("TOUT",), "TRAN")))
        for source in doors:
            for grantee in _grantees(source, doors, chance):
                shared.consents.append(Consent(source, True, grantee, purpose, classes, base))  # noqa: FBT003
    elif profile == "for-others":
        for source in doors:
            shared.consents.append(Consent(source, True, chance.choice(_FOR_OTHERS), "CONT", ("TOUT",), base))  # noqa: FBT003


_ENDS = Weighted([(None, 85), (date(2027, 12, 31), 15)])


def _oppositions(shared: Shared, profile: str, chance: Chance, known: dict[str, date], base: date) -> None:
    purpose = chance.one(Weighted([("TOUT", 8), ("LIEN", 2)]))
    for source in known:
        if profile in {"refused", "refused-then-agreed", "same-day"}:
            for grantee in _grantees(source, known, chance):
                shared.consents.append(Consent(source, False, grantee, "CONT", ("TOUT",), base))  # noqa: FBT003
                if profile == "same-day":
                    shared.consents.append(Consent(source, True, grantee, "CONT", ("TOUT",), base))  # noqa: FBT003
        elif profile == "opposed":
            shared.oppositions.append(Opposition(source, "TOUS", purpose, base))
        elif profile == "opposition-lifted":
            lifted = _not_after(base + timedelta(days=20))
            shared.oppositions.append(Opposition(source, "TOUS", purpose, base, lifted))
        elif profile == "opposed-to-sending":
            shared.oppositions.append(Opposition(source, "TOUS", "TRAN", base))
        elif profile == "opposed-to-housing":
            shared.oppositions.append(Opposition(source, "SIAO", purpose, base))


def _team(chance: Chance, known: dict[str, date], base: date) -> Team:
    shape = chance.one(_TEAMS)
    members = tuple(ORGANISATION[source] for source in known)
    if chance.often(0.6):
        members = (*members, COORDINATION)
    basis = chance.choice("123")
    if shape == "undated":
        return Team(basis, None, None, members)
    if shape == "closed":
        return Team(basis, base, _not_after(base + timedelta(days=chance.between(5, 60))), members)
    if shape == "without-the-other":
        return Team(basis, base, None, ("CSAPA", "MG"))
    return Team(basis, base, None, members)


def _not_after(day: date) -> date | None:
    """Nothing that comes after the last day is known."""
    return day if day < LAST_DAY else None
