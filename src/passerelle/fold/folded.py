"""What folding the messages of one key gives."""

from dataclasses import dataclass, field

from passerelle.reading import Row
from passerelle.records import Reason, State


@dataclass(slots=True)
class Folded:
    """One record out of several messages. Numbers are positions in the list of messages that was folded.

    `latest` is the newest message that goes on: what the record emits is counted there. `row` is None when nothing
    is known yet that could be emitted.
    """

    row: Row | None = None
    latest: int | None = None
    stops: list[tuple[int, State, Reason, str]] = field(default_factory=list)
    findings: list[tuple[int, Reason, str]] = field(default_factory=list)

    def stopped(self) -> set[int]:
        """The messages that do not go on."""
        return {number for number, *_ in self.stops}
