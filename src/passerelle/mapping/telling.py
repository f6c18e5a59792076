"""Where in a contract a problem is told: the file and line of a mapping, an emit, or a field."""

from dataclasses import dataclass, replace

from passerelle.contracts.house import SourceFolder
from passerelle.contracts.problems import Place, Problems, nearest
from passerelle.mapping.origins import Unresolved


@dataclass(frozen=True, slots=True)
class Teller:
    """Problems of one mapping, emit or field, told where they are written."""

    folder: SourceFolder
    problems: Problems
    mapping: str
    label: str | None = None
    position: int | None = None

    def emit(self, label: str) -> "Teller":
        """The teller of one emit."""
        return replace(self, label=label)

    def field(self, position: int) -> "Teller":
        """The teller of one field line."""
        return replace(self, position=position)

    def place(self, *within: str) -> Place:
        """Where it is written."""
        return self.folder.lines.of_mapping(self.mapping, self.label, self.position, *within)

    def tell(self, sentence: str, *within: str) -> None:
        """The problem is kept, at the line of `within` where there is one."""
        self.problems.add(self.place(*within), sentence)

    def unknown(self, what: str, name: str, known: "list[str] | tuple[str, ...]", *within: str) -> None:
        """A name that does not exist is kept as a problem, with the nearest that does."""
        self.tell(f"{what} '{name}' does not exist{nearest(name, known)}", *within)

    def unresolved(self, wrong: Unresolved, *within: str) -> None:
        """A column, parent or repetition that does not exist is kept as a problem."""
        self.tell(f"{wrong.sentence}{nearest(wrong.name, wrong.known) if wrong.name else ''}", *within)
