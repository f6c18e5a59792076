"""What the stories of a source exercise, and what none of them does."""

from collections.abc import Iterator
from typing import Any

from passerelle.contracts.house import SourceFolder
from passerelle.contracts.mapping import Emit, FieldLine, MappingFile
from passerelle.mapping.compiling import SourcePlans
from passerelle.pipeline.stories import Told


class Coverage:
    """Adds up stories; `gaps` are the required fields, code lists, repetitions and conditions nobody told of."""

    def __init__(self, folder: SourceFolder, plans: SourcePlans) -> None:
        self._folder = folder
        self._plans = plans
        self._seen: dict[str, list[Any]] = {}
        self._absent: set[str] = set()
        self._stories = 0

    def see(self, told: Told) -> None:
        """One story more."""
        self._stories += 1
        labels = set()
        for label, tree in told.resources:
            labels.add(label)
            self._seen.setdefault(label, []).append(tree)
        self._absent |= set(self._plans.labels) - labels

    def gaps(self) -> list[str]:
        """One sentence for each thing that no story exercises, in the order of the files."""
        return [
            gap for mapping in self._folder.mappings for emit in mapping.emits for gap in self._gaps_of(mapping, emit)
        ]

    def _gaps_of(self, mapping: MappingFile, emit: Emit) -> Iterator[str]:
        trees = self._seen.get(emit.as_, [])
        place = self._folder.line_of(mapping.mapping, emit.as_)
        if not trees:
            yield f"{place}: '{emit.as_}' is emitted by no story; write one whose rows of '{mapping.reads}' become it"
            return
        if emit.present is not None and emit.as_ not in self._absent:
            decides = emit.present if isinstance(emit.present, str) else emit.present.column
            yield (f"{place}: '{emit.as_}' is emitted by every story; write one in which '{decides}' is empty")
        for position, line in enumerate(emit.fields):
            if self._counts(line) and not any(_holds(tree, line.to) for tree in trees):
                place = self._folder.line_of(mapping.mapping, emit.as_, position)
                columns = line.columns or ((line.column,) if line.column else line.key)
                wanted = ", ".join(f"'{name}'" for name in columns)
                yield (
                    f"{place}: '{emit.as_}' {line.to} has a value in no story; write one with a row of "
                    f"'{mapping.reads}' in which {wanted or 'what it reads'} is filled"
                )

    @staticmethod
    def _counts(line: FieldLine) -> bool:
        required = line.missing == "stop" and line.constant is None
        return not line.drop and (required or line.codes is not None or line.each is not None)


def _holds(tree: Any, path: str) -> bool:
    """True if something lies at the path; array labels are passed over, and a choice or twin counts as its element."""
    at = [tree]
    for part in path.split(".")[1:]:
        name = part.split("[", 1)[0]
        following = []
        for one in at:
            for item in one if isinstance(one, list) else [one]:
                if isinstance(item, dict):
                    following += [item[key] for key in (name, f"_{name}") if key in item]
        at = following
    return bool(at)
