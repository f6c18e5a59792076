"""The figures of one run, as values: what the page, the terminal and the tests all read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StageSums:
    """What one source's items came to at one stage: state -> count, with the received total."""

    source: str
    stage: str
    unit: str
    received: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Shares:
    """How one kind of follow-up went after the events of one door, in one window."""

    pathway: str
    door: str
    follow_up: str
    window: str
    last_day: int
    found: int
    missed: int
    not_observable: int
    open: int
    blind: Mapping[str, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """Events whose window is over: found, missed and not observable together."""
        return self.found + self.missed + self.not_observable


@dataclass(frozen=True, slots=True)
class Overdue:
    """One missed follow-up, named by a pseudonym. Which door somebody left is not told of one person: one is a prison."""

    pseudonym: str
    follow_up: str
    window: str
    since: str
    days: int


@dataclass(frozen=True, slots=True)
class Unused:
    """What came and was left aside, with how often; and the codes of the lists that never came.

    Columns are (table, column, records with a value there). Codes are (list, code, records it stopped); the code is
    empty for all that are not written like those of the list.
    """

    unread: Sequence[tuple[str, str, int]] = ()
    """Columns that no mapping reads, and of which nobody said so."""
    set_aside: Sequence[tuple[str, str, int]] = ()
    """Columns that the contract declares `unread: true`."""
    undeclared: Sequence[tuple[str, str, int]] = ()
    """Columns that stand in files and not in the contract."""
    unlisted: Sequence[tuple[str, str, int]] = ()
    never_met: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quality:
    """Why records of one source stopped or waited, most frequent first, and what of it was left aside."""

    source: str
    says: str
    reasons: Sequence[tuple[str, str, int]]
    findings: Sequence[tuple[str, str, int]]
    unused: Unused


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything the page and the closing table of a run show."""

    as_of: str
    environment: str
    sums: Sequence[StageSums]
    shares: Sequence[Shares]
    overdue: Sequence[Overdue]
    quality: Sequence[Quality]
    delivered: Mapping[str, int]
    withheld: Mapping[str, int]
    links: Mapping[str, int]
    recipient: str
    balanced: bool
