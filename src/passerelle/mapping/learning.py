"""The two ways to make a resource: as texts, when all of it was seen right before; else as a tree, from which it learns.

What is learned is proven each time: the resource was held against R4 and split as a tree, and the texts that are made
of it from then on are compared with what the tree gave. Should they ever differ, the short way is given up.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from passerelle.mapping.generating import Code, write_evaluate
from passerelle.mapping.parts import NotRendered
from passerelle.mapping.plan import Emitted, Plan, Rendered, Write
from passerelle.mapping.rendering import rendered
from passerelle.mapping.texts import References
from passerelle.structure.splitting import Splitter

Check = Callable[[dict[str, Any]], str | None]
Split = Callable[[dict[str, Any]], tuple[dict[str, Any], dict[str, Any] | None]]


def halves(split: Split, tree: dict[str, Any]) -> tuple[bytes, bytes]:
    """A resource as it is kept: its JSON without identity, and that of its identity, empty without one."""
    body, identity = split(tree)
    return _of_its_size(orjson.dumps(body)), b"" if identity is None else _of_its_size(orjson.dumps(identity))


def _of_its_size(dumped: bytes) -> bytes:
    """The same, without the room that orjson leaves behind it: ten times the text, until a partition is written."""
    return bytes(memoryview(dumped))


class Maker:
    """Makes the resources of one emit the long way, and teaches the short one."""

    def __init__(self, emit: Callable[..., Emitted], check: Check, split: Split) -> None:
        self._emit = emit
        self._check = check
        self._split = split
        self._names: dict[str, Any] = {}
        self._short = ""
        self.learned = 0
        """How many resources the short way learned from."""
        self.differed = False
        """True when texts and tree were not the same once; the short way is not taken any more."""

    def teaches(self, names: dict[str, Any], short: str) -> None:
        """From now on what is right is taught to the function of this name among the names."""
        self._names, self._short = names, short

    def long(self, *given: Any) -> Emitted | Rendered:
        """The resource; as a tree only when it is not R4."""
        emitted = self._emit(*given)
        if self._check(emitted.tree) is not None:
            return emitted
        plain, sealed = halves(self._split, emitted.tree)
        made = Rendered(emitted.id, emitted.type, emitted.label, plain, sealed, emitted.refs)
        if self._short:
            self._teach(made, given)
        return made

    def _teach(self, made: Rendered, given: Sequence[Any]) -> None:
        again = self._names[self._short](*given, learn=True)
        self.learned += 1
        if again is not None and again != made:
            self._names[self._short] = _never
            self.differed, self._short = True, ""


class PlanWriter:
    """A plan that gives resources as they are kept.

    `not_rendered` says of the labels that always go the long way why; `code` shows what was generated.
    """

    def __init__(self, plan: Plan, check: Check, identity: Splitter, references: References | None = None) -> None:
        """The writer of a plan; plans of one source share the `references` given to them."""
        references = references or References()
        self.makers = {
            shape.label: Maker(emit, check, identity.split)
            for shape, emit in zip(plan.shapes, plan.makers, strict=True)
        }
        self.not_rendered: dict[str, str] = {}
        code, names = Code(), dict[str, str]()
        for number, (shape, maker) in enumerate(zip(plan.shapes, self.makers.values(), strict=True)):
            code.names[f"long{number}"] = maker.long
            begun = len(code.lines)
            try:
                names[shape.label] = rendered(code, plan.columns, shape, number, identity, references)
            except NotRendered as why:
                self.not_rendered[shape.label] = str(why)
                del code.lines[begun:]
                code.depth = 0
        called = [names.get(shape.label) for shape in plan.shapes]
        write_evaluate(code, plan.columns, plan.shapes, lambda number, given: _call(called[number], number, given))
        self.code = code.compiled(f"writing {plan.mapping}")
        for label, name in names.items():
            self.makers[label].teaches(code.names, name)
        self.write: Write = code.names["evaluate"]


def _call(name: str | None, number: int, given: str) -> str:
    return f"long{number}({given})" if name is None else f"({name}({given}, False) or long{number}({given}))"


def _never(*_: Any) -> None:
    return None
