"""Code generation: one Python function per mapping, so that nothing is interpreted per record.

The code that is generated is that of a careful hand: a value is read, converted through its dictionary, and put into
a literal. Constants, targets of code lists and remembered values are shared by reference. `Plan.code` shows it.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from passerelle.fhir_r4 import element_table
from passerelle.mapping.constants import member_order
from passerelle.mapping.converting import ABSENT, remembered
from passerelle.mapping.fields import EmitShape, FieldPlan, Group, Item, Slot
from passerelle.mapping.generating import (
    Block,
    Code,
    arguments,
    condition,
    loop_heads,
    sorted_refs,
    when_there,
    write_evaluate,
    write_given,
    write_id,
)
from passerelle.mapping.labels import day_of
from passerelle.mapping.origins import Columns
from passerelle.mapping.plan import Emitted, Evaluate


def generated(
    mapping: str, columns: Columns, shapes: Sequence[EmitShape]
) -> tuple[Evaluate, tuple[Callable[..., Emitted], ...], str]:
    """The function that evaluates a record, those that make one resource each, and the code of all."""
    code = Code()
    code.names |= {"ABSENT": ABSENT, "Emitted": Emitted, "day_of": day_of, "joined": joined}
    functions = [_Emission(code, columns, shape, number).write() for number, shape in enumerate(shapes)]
    write_evaluate(code, columns, shapes, lambda number, given: f"{functions[number]}({given})")
    text = code.compiled(f"mapping {mapping}")
    return code.names["evaluate"], tuple(code.names[name] for name in functions), text


def joined(base: dict[str, Any] | None, more: dict[str, Any], order: dict[str, int]) -> dict[str, Any]:
    """A value given whole together with members given line by line, in the order of the definition."""
    both = {**(base or {}), **more}
    return {name: both[name] for name in sorted(both, key=lambda one: order.get(one.removeprefix("_"), len(order)))}


@dataclass(slots=True)
class _Piece:
    """A value that code has computed: the expression that holds it, and whether it may be None.

    `constant` pieces hold their value. `absent` ones may be ABSENT, which is written beside the element. `refs` are
    ids to count among those referred to once the piece is put in.
    """

    code: str
    certain: bool = False
    is_constant: bool = False
    constant: Any = None
    absent: bool = False
    refs: list[str] = field(default_factory=list)


class _Emission:
    """The function that makes one resource."""

    def __init__(self, code: Code, columns: Columns, shape: EmitShape, number: int) -> None:
        self._code = code
        self._columns = columns
        self._shape = shape
        self._name = f"emit_{number}_{shape.label}"
        self._table = element_table()
        self._dynamic_refs = False
        self._units: list[tuple[str, str]] = []

    def write(self) -> str:
        """The function is in the code."""
        code = self._code
        with code.inside(f"def {self._name}({arguments(self._columns, self._shape)}):"):
            start = len(code.lines)
            write_id(code, self._shape)
            pieces = self._members(self._shape.root)
            head = [("resourceType", repr(self._shape.resource)), ("id", "resource_id(raw)")]
            tree = code.fresh("t")
            refs: list[str] = []
            self._fill(tree, head, pieces, refs)
            self._check_units(tree)
            named = f"raw, {self._shape.resource!r}, {self._shape.label!r}, {tree}"
            code.add(f"return Emitted({named}, {sorted_refs(refs, dynamic=self._dynamic_refs)})")
            if self._dynamic_refs:
                code.lines.insert(start, "    refs = []")
            for held, _ in self._units:
                code.lines.insert(start, f"    {held} = None")
        return self._name

    def _check_units(self, tree: str) -> None:
        if self._shape.outside is None:
            return
        outside = self._code.name("outside", self._shape.outside)
        for held, place in self._units:
            with self._code.inside(f"if {held} is not None and {outside}({held}, day_of({tree})):"):
                self._code.add(f"notes.append((OUTSIDE, {place!r}))")

    # Objects --------------------------------------------------------------------------------------------------------

    def _members(self, item: Item) -> list[tuple[str, _Piece]]:
        """The pieces of an object's members, in the order of the definition."""
        order = member_order(self._table, item.path)
        pieces: list[tuple[str, _Piece]] = []
        names = set(item.members)
        for value in item.values:
            if value.is_constant and isinstance(value.constant, dict):
                pieces.extend((name, self._constant(one)) for name, one in value.constant.items() if name not in names)
        for slot in item.members.values():
            pieces.extend(self._slot(slot))
        return sorted(pieces, key=lambda one: (order.get(one[0].removeprefix("_"), len(order)), one[0]))

    def _item(self, item: Item) -> _Piece:
        if not item.members:
            return self._alternatives(item.values)
        values = [one for one in item.values if not (one.is_constant and isinstance(one.constant, dict))]
        more = self._object(self._members(item))
        if not values:
            return more
        base, made = self._alternatives(values), self._code.fresh()
        self._count(more.refs)
        order = self._code.name("order", member_order(self._table, item.path))
        if more.is_constant or more.certain:
            joining = f"joined({base.code}, {more.code}, {order})"
            self._code.add(f"{made} = {joining}" if base.certain else f"{made} = {base.code} and {joining}")
        else:
            self._code.add(f"{made} = joined({base.code}, {more.code} or {{}}, {order}) or None")
        return _Piece(made, certain=base.certain, refs=base.refs)

    def _object(self, pieces: list[tuple[str, _Piece]]) -> _Piece:
        """The object, or None when no member that is not constant has a value."""
        if all(piece.is_constant for _, piece in pieces):
            whole = self._constant({name: piece.constant for name, piece in pieces})
            whole.refs = [ref for _, piece in pieces for ref in piece.refs]
            return whole
        moving = [piece for _, piece in pieces if not piece.is_constant]
        made = self._code.fresh()
        refs: list[str] = []
        if any(piece.certain for piece in moving):
            self._fill(made, [], pieces, refs)
            return _Piece(made, certain=True, refs=refs)
        fixed = [ref for _, piece in pieces if piece.is_constant for ref in piece.refs]
        if len(moving) == 1 and not moving[0].absent and not fixed:
            literal = ", ".join(f"{name!r}: {piece.code}" for name, piece in pieces)
            self._code.add(f"{made} = None if {moving[0].code} is None else {{{literal}}}")
            return _Piece(made)
        empty = " and ".join(f"{piece.code} is None" for piece in moving)
        self._code.add(f"{made} = None")
        with self._code.inside(f"if not ({empty}):"):
            self._fill(made, [], pieces, refs)
            self._count(refs)
        return _Piece(made)

    def _fill(self, made: str, head: list[tuple[str, str]], pieces: list[tuple[str, _Piece]], refs: list[str]) -> None:
        """The object is in the variable; pieces that may be None or absent are asked one by one, in order."""
        plain = 0
        while plain < len(pieces) and (pieces[plain][1].is_constant or pieces[plain][1].certain):
            if pieces[plain][1].absent:
                break
            plain += 1
        literal = head + [(name, piece.code) for name, piece in pieces[:plain]]
        self._code.add(f"{made} = {{{', '.join(f'{name!r}: {value}' for name, value in literal)}}}")
        refs.extend(ref for _, piece in pieces for ref in piece.refs)
        for name, piece in pieces[plain:]:
            self._put(made, name, piece)

    def _put(self, made: str, name: str, piece: _Piece) -> None:
        value = piece.code
        if piece.absent:
            self._code.add(f"if {value} is ABSENT: {made}[{'_' + name!r}] = ABSENT")
            otherwise = "else" if piece.certain else f"elif {value} is not None"
            self._code.add(f"{otherwise}: {made}[{name!r}] = {value}")
        elif piece.certain or piece.is_constant:
            self._code.add(f"{made}[{name!r}] = {value}")
        else:
            self._code.add(f"if {value} is not None: {made}[{name!r}] = {value}")

    def _slot(self, slot: Slot) -> list[tuple[str, _Piece]]:
        """What a member writes: itself, and for a primitive with members of its own, its underscore twin."""
        if slot.whole is not None:
            return [(slot.name, self._field(slot.whole))]
        if slot.groups:
            return [(slot.name, self._array(list(slot.groups.values())))]
        assert slot.single is not None
        item = slot.single
        if item.members and self._table.is_primitive(slot.resolved.type):
            beside = self._object(self._members(item))
            twin = [("_" + slot.name, beside)]
            return [(slot.name, self._alternatives(item.values)), *twin] if item.values else twin
        return [(slot.name, self._item(item))]

    # Arrays ---------------------------------------------------------------------------------------------------------

    def _array(self, groups: list[Group]) -> _Piece:
        """The array in the order of the file, or None when it would be empty."""
        simple = all(not group.loops and not group.only for group in groups)
        pieces = []
        if simple:
            pieces = [self._item(group.item) for group in groups]
            if all(piece.is_constant for piece in pieces):
                whole = self._constant([piece.constant for piece in pieces])
                whole.refs = [ref for piece in pieces for ref in piece.refs]
                return whole
            if all(piece.certain or piece.is_constant for piece in pieces):
                refs = [ref for piece in pieces for ref in piece.refs]
                return _Piece(f"[{', '.join(piece.code for piece in pieces)}]", certain=True, refs=refs)
            if len(pieces) == 1:
                made = self._code.fresh()
                self._code.add(f"{made} = None if {pieces[0].code} is None else [{pieces[0].code}]")
                return _Piece(made)
        made = self._code.fresh("a")
        self._code.add(f"{made} = []")
        certain = False
        for place, group in enumerate(groups):
            piece = pieces[place] if simple else None
            certain = self._append(made, group, piece) or certain
        if not certain:
            self._code.add(f"{made} = {made} or None")
        return _Piece(made, certain=certain)

    def _append(self, made: str, group: Group, piece: _Piece | None) -> bool:
        """The group is appended where it exists; true when it always does."""
        code, depth = self._code, self._code.depth
        for loop in group.loops:
            head, *skips = loop_heads(code, loop)
            code.add(head)
            code.depth += 1
            for line in skips:
                code.add(line)
        if group.only:
            code.add(f"if {condition(group.only)}:")
            code.depth += 1
        value = piece or self._item(group.item)
        if value.certain or value.is_constant:
            code.add(f"{made}.append({value.code})")
            self._count(value.refs)
        else:
            code.add(f"if {value.code} is not None: {made}.append({value.code})")
        always = code.depth == depth and (value.certain or value.is_constant)
        code.depth = depth
        return always

    def _count(self, refs: Sequence[str]) -> None:
        """Ids that are referred to here are counted when this line is reached."""
        for ref in refs:
            self._dynamic_refs = True
            self._code.add(f"refs.append({ref})")

    # Values ---------------------------------------------------------------------------------------------------------

    def _constant(self, value: Any) -> _Piece:
        simple = isinstance(value, str | bool | int | float)
        return _Piece(
            repr(value) if simple else self._code.name("K", value), certain=True, is_constant=True, constant=value
        )

    def _alternatives(self, values: Sequence[FieldPlan]) -> _Piece:
        """The first value, or the one whose condition holds: no two of them can."""
        if len(values) == 1:
            return self._field(values[0])
        made = self._code.fresh()
        self._code.add(f"{made} = None")
        absent = False
        for value in values:
            with self._code.inside(f"if {condition(value.only)}:"):
                piece = self._unconditional(value)
                self._code.add(f"{made} = {piece.code}")
                self._count(piece.refs)
                absent = absent or piece.absent
        return _Piece(made, absent=absent)

    def _field(self, plan: FieldPlan) -> _Piece:
        if not plan.only:
            return self._unconditional(plan)
        made = self._code.fresh()
        self._code.add(f"{made} = None")
        with self._code.inside(f"if {condition(plan.only)}:"):
            piece = self._unconditional(plan)
            self._code.add(f"{made} = {piece.code}")
            self._count(piece.refs)
        return _Piece(made, absent=piece.absent)

    def _unconditional(self, plan: FieldPlan) -> _Piece:
        if plan.reference is not None:
            piece = self._constant(plan.reference[0])
            piece.refs = [self._code.name("REF", plan.reference[1])]
            return piece
        if plan.is_constant:
            return self._constant(plan.constant)
        return self._reference(plan) if plan.is_reference else self._converted(plan)

    def _when_there(self, made: str, empty: str, plan: FieldPlan) -> Block | nullcontext[None]:
        nothing = "ABSENT" if plan.line.missing == "absent-reason" else "None"
        return when_there(self._code, plan, made, empty, nothing)

    def _converted(self, plan: FieldPlan) -> _Piece:
        assert plan.convert is not None
        code, made = self._code, self._code.fresh()
        memo, slow = remembered(plan.convert, plan.place, plan.line.missing)
        convert = code.name("f", slow)
        value, empty = write_given(code, plan)
        with self._when_there(made, empty, plan):
            if plan.plain:
                code.add(f"{made} = {convert}({value}, notes) if {value}.isspace() else {value}")
            else:
                code.add(f"{made} = {code.name('m', memo)}.get({value})")
                code.add(f"if {made} is None: {made} = {convert}({value}, notes)")
        beside = plan.line.missing == "absent-reason" and self._table.is_primitive(plan.resolved.type)
        return _Piece(made, certain=plan.line.missing != "omit" and not plan.vanishes, absent=beside)

    def _reference(self, plan: FieldPlan) -> _Piece:
        assert plan.convert is not None
        code, made, pair, ref = self._code, self._code.fresh(), self._code.fresh("q"), self._code.fresh("b")
        memo, slow = remembered(plan.convert, plan.place, plan.line.missing)
        held, convert = code.name("m", memo), code.name("f", slow)
        value, empty = write_given(code, plan)
        unit = self._unit(plan)
        always = plan.line.missing == "stop" and not plan.vanishes
        at_top = self._at_top()
        with self._when_there(made, empty, plan):
            code.add(f"{pair} = {held}.get({value})")
            code.add(f"if {pair} is None: {pair} = {convert}({value}, notes)")
            if plan.vanishes:
                code.add(f"if {pair} is None: {made} = None")
            with code.inside("else:") if plan.vanishes else nullcontext():
                code.add(f"{made}, {ref}, {unit} = {pair}")
                if not (always and at_top):
                    self._count([ref])
        return _Piece(made, certain=always, refs=[ref] if always and at_top else [])

    def _unit(self, plan: FieldPlan) -> str:
        """The variable that keeps the unit's code, to ask of its days at the end; none for other references."""
        if plan.line.refers != "unit":
            return "_"
        held = self._code.fresh("u")
        self._units.append((held, plan.place))
        return held

    def _at_top(self) -> bool:
        """True outside every loop and condition, where a variable is set whenever the function ends."""
        return self._code.depth == 1
