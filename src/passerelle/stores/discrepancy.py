"""What does not add up, said so that somebody can look for it."""

from dataclasses import dataclass

from passerelle.records import Stage


@dataclass(frozen=True, slots=True, order=True)
class Discrepancy:
    """Something that does not add up, with no value of a record in it. `batch`: the name of a batch, or of a cut."""

    batch: str
    stage: Stage
    sentence: str
