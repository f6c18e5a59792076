"""What a compiled mapping is: which rows it needs, and what it makes of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from passerelle.records import Reason

if TYPE_CHECKING:
    from passerelle.mapping.fields import EmitShape
    from passerelle.mapping.origins import Columns
    from passerelle.mapping.uses import Uses

Row = Sequence[Any]
Notes = list[tuple[Reason, str]]
Evaluate = Callable[[Row, Sequence[Row | None], Sequence[Sequence[Row]], Notes], "list[Emitted]"]
Write = Callable[[Row, Sequence[Row | None], Sequence[Sequence[Row]], Notes], "Sequence[Emitted | Rendered]"]


class Refusal(Exception):
    """A record that has no right value somewhere. `place` is the column it came from, else the element's path."""

    def __init__(self, reason: Reason, place: str, unlisted: tuple[str, str] | None = None) -> None:
        self.reason = reason
        self.place = place
        self.unlisted = unlisted
        """The code list that was asked, and how the code it does not have may be told."""
        super().__init__(f"{reason.value} at {place}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Refusal, (self.reason, self.place, self.unlisted)


@dataclass(slots=True)
class Emitted:
    """One resource. Parts of its tree are shared with other resources: nobody may change it in place.

    `refs` are the ids of the resources it refers to, sorted, each once.
    """

    id: bytes
    type: str
    label: str
    tree: dict[str, Any]
    refs: tuple[bytes, ...]


class Rendered(NamedTuple):
    """One resource as it is kept: its JSON without identity, that of its identity (empty without), known to be R4."""

    id: bytes
    type: str
    label: str
    plain: bytes
    sealed: bytes
    refs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One mapping, compiled. `evaluate` gives the resources of a record, in the order of the mapping's `emits`.

    It takes the row, one row per name of `parents` (None when the record names none), one list of rows per name of
    `children` (newest versions, in the declared order), and a list to which it adds what it noticed. It raises
    `Refusal`, and then nothing of the record counts. `makers` are what it calls, one per resource of the mapping.
    """

    mapping: str
    table: str
    fold: str | None
    parents: tuple[str, ...]
    children: tuple[str, ...]
    labels: tuple[str, ...]
    evaluate: Evaluate = field(repr=False, compare=False)
    columns: "Columns" = field(repr=False, compare=False)
    makers: "tuple[Callable[..., Emitted], ...]" = field(repr=False, compare=False)
    uses: "Uses" = field(repr=False, compare=False)
    shapes: "tuple[EmitShape, ...]" = field(repr=False, compare=False)
    code: str = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SourcePlans:
    """Every plan of a source by table, and the FHIR type of every label that its mappings write."""

    by_table: Mapping[str, tuple[Plan, ...]]
    labels: Mapping[str, str]

    def __iter__(self) -> Any:
        """Every plan, table after table."""
        return (plan for plans in self.by_table.values() for plan in plans)
