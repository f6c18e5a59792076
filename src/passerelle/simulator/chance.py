"""Seeded chance: each stream of choices has its own name, so that one more choice here changes nothing there."""

from bisect import bisect
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Things that are drawn in proportion to their weights."""

    __slots__ = ("_bounds", "_things", "_total")

    def __init__(self, weights: Iterable[tuple[T, float]]) -> None:
        pairs = list(weights)
        self._things = tuple(thing for thing, _ in pairs)
        self._bounds = list(accumulate(weight for _, weight in pairs))
        self._total = self._bounds[-1]

    def at(self, share: float) -> T:
        """The thing that lies at a share (0 to 1) of the total weight."""
        return self._things[min(bisect(self._bounds, share * self._total), len(self._things) - 1)]


class Chance(Random):
    """A random stream named by the seed of the region and what it is for."""

    def __init__(self, seed: int, *name: object) -> None:
        super().__init__("/".join(("passerelle", str(seed), *map(str, name))))

    def often(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.random() < share

    def one(self, weighted: Weighted[T]) -> T:
        """One thing, drawn by weight."""
        return weighted.at(self.random())

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def day_within(self, first: date, last: date) -> date:
        """A day from first to last, both included; the first when they are in disorder."""
        return first + timedelta(days=self.between(0, max(0, (last - first).days)))

    def at_hour(self, day: date, low: int, high: int) -> datetime:
        """A moment of the day between two hours, to the minute; never an hour that clocks double or skip."""
        return datetime.combine(day, time(self.between(low, high - 1), self.between(0, 59)))
