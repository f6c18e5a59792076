"""Names and places in proportion to how common they are. Obviously no real person is among them."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from passerelle.simulator.chance import Weighted


@dataclass(frozen=True, slots=True)
class Lists:
    """What persons are drawn from."""

    origins: Weighted[str]
    family: Mapping[str, Weighted[str]]
    given: Mapping[tuple[str, str], Weighted[str]]
    birth_places: Mapping[str, Weighted[str]]
    towns: Weighted[tuple[str, str]]
    streets: tuple[str, ...]


def _rows(name: str) -> list[dict[str, str]]:
    with resources.files(__name__).joinpath(name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def lists() -> Lists:
    """The lists that lie beside this module, read once."""
    family: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in _rows("family_names.csv"):
        family[row["origin"]].append((row["name"], float(row["weight"])))
    given: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for row in _rows("given_names.csv"):
        given[row["origin"], row["sex"]].append((row["name"], float(row["weight"])))
    places: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in _rows("birth_places.csv"):
        places[row["origin"]].append((row["insee"], float(row["weight"])))
    return Lists(
        origins=Weighted((row["origin"], float(row["weight"])) for row in _rows("origins.csv")),
        family={origin: Weighted(names) for origin, names in family.items()},
        given={key: Weighted(names) for key, names in given.items()},
        birth_places={origin: Weighted(named) for origin, named in places.items()},
        towns=Weighted(((row["town"], row["postcode"]), float(row["weight"])) for row in _rows("towns.csv")),
        streets=tuple(row["street"] for row in _rows("streets.csv")),
    )
