"""A compiled mapping before it is code: what each field reads and becomes, and where in the resource it stands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from passerelle.contracts.mapping import FieldLine
from passerelle.fhir_r4 import Resolved
from passerelle.ids import KeyedHasher
from passerelle.mapping.origins import Loop, Origin

Reference = tuple[dict[str, Any], bytes, str]
"""A reference, the id it holds, and the last of the key values that made it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An `only`: the column holds exactly this text."""

    origin: Origin
    equals: str


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One line of a mapping. `convert` takes the text of its column, or a tuple of the texts of its columns.

    `vanishes` is true when a value may still become nothing because its code means nothing; `plain` when a text is
    written as it is, unless it is blank.
    """

    line: FieldLine
    position: int
    resolved: Resolved
    place: str
    origins: tuple[Origin, ...] = ()
    convert: Callable[[Any], Any] | None = None
    constant: Any = None
    reference: Reference | None = None
    vanishes: bool = False
    plain: bool = False
    only: tuple[Condition, ...] = ()
    fills: tuple[str, ...] = ()
    many: bool = False

    @property
    def is_constant(self) -> bool:
        """True when it reads no column."""
        return not self.origins

    @property
    def is_reference(self) -> bool:
        """True when it says whom it refers to."""
        return self.line.refers is not None


@dataclass(slots=True)
class Item:
    """One value in the resource: a primitive, or an object with members. `values` are lines that give it whole."""

    path: str
    resolved: Resolved | None
    values: list[FieldPlan] = field(default_factory=list)
    members: "dict[str, Slot]" = field(default_factory=dict)

    def lines(self) -> Iterator[FieldPlan]:
        """Every line in it."""
        yield from self.values
        for slot in self.members.values():
            yield from slot.lines()


@dataclass(slots=True)
class Group:
    """One labelled element of an array, or one per occurrence."""

    label: str
    item: Item
    loops: tuple[Loop, ...] = ()
    only: tuple[Condition, ...] = ()


@dataclass(slots=True)
class Slot:
    """One member of an object: an item, or an array of labelled groups, or an array that a rule gives whole."""

    name: str
    resolved: Resolved
    single: Item | None = None
    groups: dict[str, Group] = field(default_factory=dict)
    whole: FieldPlan | None = None

    def lines(self) -> Iterator[FieldPlan]:
        """Every line in it."""
        if self.whole:
            yield self.whole
        if self.single:
            yield from self.single.lines()
        for group in self.groups.values():
            yield from group.item.lines()


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an id, and how its texts are made canonical."""

    origin: Origin
    canonical: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Presence:
    """The column without which a resource is not emitted; `convert` is that of its code list."""

    origin: Origin
    convert: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class EmitShape:
    """One resource of a mapping, compiled."""

    resource: str
    label: str
    hasher: KeyedHasher
    key: tuple[Key, ...]
    root: Item
    fields: tuple[FieldPlan, ...]
    loops: tuple[Loop, ...] = ()
    only: tuple[Condition, ...] = ()
    present: Presence | None = None
    outside: Callable[[str, str | None], bool] | None = None
    """Whether a unit does not exist on a day, asked of its code and the day on which the resource begins."""
