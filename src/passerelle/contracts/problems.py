"""What is wrong in contract files: one sentence per problem, with file and line, all of them at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from passerelle.errors import ContractError


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the closest known name; empty when nothing is close.

    nearest("colum", ["column", "columns"]) -> "; did you mean 'column'?"
    """
    names = [one for one in known if one != name]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not close:
        close = [one for one in names if one.lower().replace("-", "_") == name.lower().replace("-", "_")]
    return f"; did you mean '{close[0]}'?" if close else ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a file: its path below the house and a line counted from 1 (0: the file as a whole)."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(slots=True)
class Problems:
    """Problems as they are found; told in the order of files and lines, each once."""

    _found: dict[tuple[Place, str], None] = field(default_factory=dict)

    def add(self, place: Place, sentence: str) -> None:
        """The problem is kept."""
        self._found[place, sentence] = None

    def unknown(self, place: Place, what: str, name: str, known: Iterable[str]) -> None:
        """A name that does not exist is kept as a problem, with the nearest that does.

        `what` is the sentence with the name left out: "table {} is not a table of this source".
        """
        self.add(place, what.replace("{}", f"'{name}'") + nearest(name, known))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def found(self) -> tuple[tuple[Place, str], ...]:
        """Places and sentences, as they were found."""
        return tuple(self._found)

    def sentences(self) -> tuple[str, ...]:
        """`file:line: sentence`, sorted by file and line."""
        return tuple(f"{place}: {sentence}" for place, sentence in sorted(self._found))

    def raise_if_any(self) -> None:
        """Nothing was found.

        Raises:
            ContractError: something was; all of it.
        """
        if self._found:
            raise ContractError(self.sentences())
