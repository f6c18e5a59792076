"""What is wrong with a resource: where, how bad, and which sentence says it. Never a value of a person."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Severity = Literal["error", "warning", "information"]
Location = tuple[str | int, ...]

NAME: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)
"""How members of R4 are named. What is named otherwise may be anything, and is not shown."""

ISSUE_TYPES: Final[Mapping[str, str]] = {
    "base-rule": "invariant",
    "code-not-allowed": "code-invalid",
    "code-without-syntax": "code-invalid",
    "coding-not-allowed": "code-invalid",
    "coding-missing": "code-invalid",
    "coding-outside": "code-invalid",
    "code-outside": "code-invalid",
    "missing-element": "required",
    "missing-choice": "required",
    "no-resource-type": "required",
    "bad-format": "value",
    "no-such-day": "value",
    "out-of-range": "value",
    "number-beyond-all": "value",
    "too-deep": "too-long",
    "rules-not-judged": "not-supported",
    "cannot-be-read": "no-store",
    "not-judged": "exception",
    "too-long": "too-long",
    "empty-text": "value",
    "control-character": "value",
    "malformed-reference": "value",
    "wrong-target": "value",
    "type-of-another": "value",
    "relative-url": "value",
    "url-of-another": "value",
    "id-used-twice": "duplicate",
    "id-with-a-space": "value",
    "blank-text": "value",
    "no-comparator": "invariant",
}
"""The code of OperationOutcome.issue for a sentence; `structure` for the others."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `key` names the sentence, `details` fill it; `location` is where it lies in the JSON."""

    path: str
    severity: Severity
    key: str
    location: Location = ()
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The code of OperationOutcome.issue."""
        return ISSUE_TYPES.get(self.key, "structure")


def path_of(type_name: str, location: Sequence[str | int]) -> str:
    """A location as people write it: `Patient.name[0].use`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part.removeprefix('_')}" for part in location)
    return type_name + "".join(parts)
