"""Generated Python: lines with their depth, the names they use, and what every function over a record begins with."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from passerelle.ids import resource_id
from passerelle.mapping.converting import remembered
from passerelle.mapping.fields import Condition, EmitShape, FieldPlan
from passerelle.mapping.origins import Columns, Loop
from passerelle.mapping.plan import Refusal
from passerelle.records import Reason


class Code:
    """The lines, and the names that they use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0
        self._made = 0
        self.names: dict[str, Any] = {
            "CONFLICT": Reason.CONFLICTING_VERSION,
            "MISSING": Reason.MISSING_VALUE,
            "MISSING_KEY": Reason.MISSING_KEY,
            "OUTSIDE": Reason.OUTSIDE_VALIDITY,
            "Refusal": Refusal,
            "resource_id": resource_id,
        }

    def add(self, line: str) -> None:
        """One more line at the present depth."""
        self.lines.append("    " * self.depth + line)

    def name(self, stem: str, value: Any) -> str:
        """A new global name for a value."""
        made = self.fresh(stem)
        self.names[made] = value
        return made

    def fresh(self, stem: str = "x") -> str:
        """A name that is not in use."""
        self._made += 1
        return f"{stem}{self._made}"

    def inside(self, head: str) -> "Block":
        """A block below a line that ends with a colon."""
        return Block(self, head)

    def compiled(self, title: str) -> str:
        """Every function is among the names; what was compiled is given back."""
        text = "\n".join(self.lines) + "\n"
        exec(compile(text, f"<{title}>", "exec"), self.names)
        return text


class Block:
    """Lines one step further in, as long as the `with` lasts."""

    def __init__(self, code: Code, head: str) -> None:
        self._code = code
        code.add(head)

    def __enter__(self) -> None:
        self._code.depth += 1

    def __exit__(self, *_: object) -> None:
        self._code.depth -= 1


def condition(only: Sequence[Condition]) -> str:
    """The expression that is true when every `only` holds."""
    return " and ".join(f"{one.origin.code} == {one.equals!r}" for one in only)


def loop_heads(code: Code, loop: Loop) -> list[str]:
    """The `for` line of a repetition, and the line that skips numbered columns without a value."""
    holder = "r" if loop.holder is None else f"o{loop.holder}"
    level = loop.level
    if loop.kind == "columns":
        slots = [
            f"({position}, ({', '.join('None' if place is None else f'{holder}[{place}]' for place in slot)},))"
            for position, slot in enumerate(loop.slots, 1)
        ]
        empty = code.name("empty", (None,) * len(loop.fields))
        return [f"for n{level}, o{level} in ({', '.join(slots)},):", f"if o{level} == {empty}: continue"]
    held = f"c{loop.place}" if loop.kind == "child" else f"{holder}[{loop.place}]"
    return [f"for n{level}, o{level} in enumerate({held}, 1):"]


def write_given(code: Code, plan: FieldPlan) -> tuple[str, str]:
    """The variable with what the columns of a field hold, and the condition under which that is nothing.

    One column alone is missing when it is empty; a rule over several when all are; a key when one is.
    """
    value, origins = code.fresh("v"), plan.origins
    if len(origins) == 1 and (plan.line.column is not None or plan.is_reference):
        code.add(f"{value} = {origins[0].code}")
        return value, f"{value} is None"
    code.add(f"{value} = ({', '.join(origin.code for origin in origins)},)")
    empty = f"{value} == {(None,) * len(origins)!r}"
    return value, f"None in {value}" if plan.is_reference else empty


def when_there(code: Code, plan: FieldPlan, made: str, empty: str, nothing: str) -> Block | nullcontext[None]:
    """What a missing value does is written: it stops the record, or `made` is `nothing`; the block for one that is there."""
    if plan.line.missing == "stop":
        code.add(f"if {empty}: raise Refusal(MISSING, {plan.place!r})")
        return nullcontext()
    code.add(f"if {empty}: {made} = {nothing}")
    return code.inside("else:")


def write_id(code: Code, shape: EmitShape) -> None:
    """The lines that make the id of the resource, in `raw`."""
    parts = []
    for key in shape.key:
        value = code.fresh("k")
        code.add(f"{value} = {key.origin.code}")
        if key.origin.where != "position":
            code.add(f"if {value} is None: raise Refusal(MISSING_KEY, {key.origin.name!r})")
        parts.append(f"{code.name('canonical', key.canonical)}({value})")
    code.add(f"raw = {code.name('id_of', shape.hasher.of)}(({', '.join(parts)},))")


def sorted_refs(certain: Sequence[str], *, dynamic: bool) -> str:
    """The expression for the ids referred to, sorted, each once; with `dynamic` those in the list `refs` too."""
    if dynamic:
        return f"tuple(sorted({{{', '.join([*certain, '*refs'])}}}))"
    if len(certain) == 2:
        one, two = certain
        return f"({one}, {two}) if {one} < {two} else ({two}, {one}) if {two} < {one} else ({one},)"
    return (
        f"tuple(sorted({{{', '.join(certain)}}}))" if len(certain) > 2 else f"({''.join(f'{one},' for one in certain)})"
    )


def write_evaluate(
    code: Code,
    columns: Columns,
    shapes: Sequence[EmitShape],
    call: Callable[[int, str], str],
) -> None:
    """The function `evaluate` of a plan: `call` gives the expression that makes the resource of a shape."""
    with code.inside("def evaluate(r, parents, children, notes):"):
        _unpack(code, columns)
        code.add("out = []")
        for number, shape in enumerate(shapes):
            _one_emit(code, shape, call(number, arguments(columns, shape)))
        code.add("return out")


def _unpack(code: Code, columns: Columns) -> None:
    for place, path in enumerate(columns.parents):
        width = len(columns.parent_table(path).columns)
        code.add(f"p{place} = parents[{place}] or {code.name('nobody', (None,) * width)}")
    for place in range(len(columns.children)):
        code.add(f"c{place} = children[{place}]")


def arguments(columns: Columns, shape: EmitShape) -> str:
    """What a function that makes one resource takes: rows, occurrences, and the notes."""
    parents = [f"p{place}" for place in range(len(columns.parents))]
    children = [f"c{place}" for place in range(len(columns.children))]
    loops = [name for loop in shape.loops for name in (f"o{loop.level}", f"n{loop.level}")]
    return ", ".join(["r", *parents, *children, *loops, "notes"])


def _one_emit(code: Code, shape: EmitShape, call: str) -> None:
    depth = code.depth
    if shape.loops:
        code.add("seen = set()")
    for loop in shape.loops:
        head, *skips = loop_heads(code, loop)
        code.add(head)
        code.depth += 1
        for line in skips:
            code.add(line)
    if shape.only:
        code.add(f"if {condition(shape.only)}:")
        code.depth += 1
    if shape.present is not None:
        read = shape.present.origin.code
        if shape.present.convert is None:
            code.add(f"if {read} is not None:")
        else:
            memo, slow = remembered(shape.present.convert, shape.present.origin.name, "omit")
            held, present = code.name("m", memo), code.name("present", slow)
            value = code.fresh("v")
            code.add(f"{value} = {read}")
            code.add(f"if {value} is not None and ({value} in {held} or {present}({value}, []) is not None):")
        code.depth += 1
    if shape.loops:
        code.add(f"e = {call}")
        code.add("if e.id in seen:")
        code.add(f"    raise Refusal(CONFLICT, {shape.key[-1].origin.name!r})")
        code.add("seen.add(e.id)")
        code.add("out.append(e)")
    else:
        code.add(f"out.append({call})")
    code.depth = depth
