"""Who lives in the region: names, births, numbers. Canary persons carry values that occur nowhere else."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.lists import Lists, lists

Kind = Literal["person", "canary", "dirt"]

_SEXES = Weighted([("M", 75.0), ("F", 24.5), ("U", 0.5)])
_AGES = Weighted([((18, 24), 12), ((25, 34), 27), ((35, 44), 29), ((45, 54), 21), ((55, 64), 9), ((65, 76), 2)])
_HOUSING = Weighted([("stable", 55), ("unstable", 25), ("street", 20)])
_LANGUAGES = {
    "fr": Weighted([("fr", 1)]),
    "maghreb": Weighted([("fr", 6), ("ar", 4)]),
    "west_africa": Weighted([("fr", 7), ("wo", 2), ("so", 1)]),
    "south_europe": Weighted([("fr", 5), ("pt", 3), ("es", 2)]),
    "east_europe": Weighted([("fr", 2), ("ro", 3), ("ru", 3), ("ka", 2)]),
    "turkey_near_east": Weighted([("fr", 4), ("ar", 4), ("en", 2)]),
}
_BORN_ABROAD = "99"
_CANARY_COMMUNE = 999
_ORDERS = 999


@dataclass(frozen=True, slots=True)
class Person:
    """One inhabitant, as they are. What a source believes of them may differ."""

    index: int
    kind: Kind
    sex: str
    birth_name: str
    used_name: str
    given_names: tuple[str, ...]
    born: date
    birth_place: str
    ins: str
    phone: str
    street: str
    town: str
    postcode: str
    housing: str
    language: str

    @property
    def age(self) -> int:
        """Age in full years on the first day of 2025."""
        return 2025 - self.born.year - (0 if (self.born.month, self.born.day) == (1, 1) else 1)


def make_person(seed: int, index: int, *, canary: int | None = None, kind: Kind = "person") -> Person:
    """The person of this index: the same for the same seed. `canary` makes their values unmistakable."""
    chance = Chance(seed, "who", index)
    known = lists()
    origin = chance.one(known.origins)
    sex = chance.one(_SEXES)
    birth_name = chance.one(known.family[origin])
    given_names = tuple(dict.fromkeys(_given(chance, known, origin, sex) for _ in range(chance.between(1, 3))))
    used_name = chance.one(known.family["fr"]) if sex == "F" and chance.often(0.2) else ""
    birth_place = chance.one(known.birth_places[origin])
    born = _birth_date(chance, abroad=birth_place.startswith(_BORN_ABROAD))
    town, postcode = chance.one(known.towns)
    street = f"{chance.between(1, 98)} {chance.choice(known.streets)}"
    phone = _phone(chance) if chance.often(0.7) else ""
    housing = chance.one(_HOUSING)
    language = chance.one(_LANGUAGES[origin])
    if canary is not None:
        birth_name = f"Zzcanari{canary:02d}"
        used_name = f"Zzusage{canary:02d}" if used_name else ""
        given_names = (f"Zzprenom{canary:02d}",)
        street = f"{canary} impasse du Zzcanari{canary:02d}"
        phone = f"06399899{canary:02d}"
    return Person(
        index,
        kind if canary is None else "canary",
        sex,
        birth_name,
        used_name if used_name != birth_name else "",
        given_names,
        born,
        birth_place,
        ins_of(sex, born, index, canary),
        phone,
        street,
        town,
        postcode,
        housing,
        language,
    )


def ins_of(sex: str, born: date, index: int, canary: int | None = None) -> str:
    """A number of the right form and key that can be given to nobody: department 00 does not exist."""
    commune = _CANARY_COMMUNE if canary is not None else index // _ORDERS % 900
    order = canary + 1 if canary is not None else index % _ORDERS + 1
    body = f"{2 if sex == 'F' else 1}{born.year % 100:02d}{born.month:02d}00{commune:03d}{order:03d}"
    return f"{body}{97 - int(body) % 97:02d}"


def _given(chance: Chance, known: Lists, origin: str, sex: str) -> str:
    return chance.one(known.given[origin, "F" if sex == "F" else "M"])


def _birth_date(chance: Chance, *, abroad: bool) -> date:
    low, high = chance.one(_AGES)
    year = 2025 - chance.between(low, high)
    if chance.often(0.25 if abroad else 0.01):
        return date(year, 1, 1)
    return chance.day_within(date(year, 1, 2), date(year, 12, 31))


def _phone(chance: Chance) -> str:
    """A number of a range kept for fiction; those that end in 99xx are left to canaries."""
    start = "063998" if chance.often(0.85) else "019900"
    return f"{start}{chance.between(0, 98):02d}{chance.between(0, 99):02d}"
