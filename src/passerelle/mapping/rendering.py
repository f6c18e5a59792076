"""Code generation, the short way: a resource is written as two JSON texts, without a tree, a check or a split.

What is constant in a mapping is text when it is compiled, identity already apart. What is left to decide per record
is which members are there and what stands in them, and each of these is only taken when it was seen right before:
the set of members of an object (`known`), the text of a field (`texts`), and the base rules that compare values,
which are asked each time. A record with anything new gives None and goes the long way (`learning`), from which the
next one knows. Called with `learn`, the function takes what is new as right.

A resource with a construct that is not handled here is refused as a whole (`NotRendered`): it always goes the long way.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from passerelle.fhir_r4 import ElementTable, element_table
from passerelle.mapping.constants import member_order
from passerelle.mapping.fields import EmitShape, FieldPlan, Group, Item, Slot
from passerelle.mapping.generating import (
    Code,
    arguments,
    condition,
    loop_heads,
    sorted_refs,
    when_there,
    write_given,
    write_id,
)
from passerelle.mapping.labels import MOMENTS, PERIODS
from passerelle.mapping.origins import Columns
from passerelle.mapping.parts import (
    NOTHING,
    NotRendered,
    Part,
    Side,
    Where,
    all_taken,
    bracketed,
    first_day,
    gathered,
    inside,
    is_ruled,
    or_empty,
)
from passerelle.mapping.plan import Rendered
from passerelle.mapping.texts import FREE_TYPES, References, free, json_text, keep, learned, referred, right_text
from passerelle.structure.invariants import RULES, Rule
from passerelle.structure.splitting import Fate, Splitter

_DATED = frozenset({"date", "dateTime", "instant"})
_LONGER_THAN_A_YEAR = 6
"""Characters of the JSON text of a year, quotes included."""


def rendered(
    code: Code, columns: Columns, shape: EmitShape, number: int, identity: Splitter, references: References
) -> str:
    """The function that writes one resource is in the code; its name.

    Raises:
        NotRendered: the resource has something that only a tree can hold.
    """
    return _Rendering(code, columns, shape, number, identity, references).write()


class _Rendering:
    """The function that writes one resource."""

    def __init__(
        self,
        code: Code,
        columns: Columns,
        shape: EmitShape,
        number: int,
        identity: Splitter,
        references: References,
    ) -> None:
        self._references = references
        self._code = code
        self._columns = columns
        self._shape = shape
        self._name = f"text_{number}_{shape.label}"
        self._identity = identity
        self._table: ElementTable = element_table()
        self._dynamic_refs = False
        self._units: list[str] = []

    def write(self) -> str:
        """The function is in the code; its name."""
        code, shape = self._code, self._shape
        code.names |= {
            "Rendered": Rendered,
            "new": tuple.__new__,
            "first_day": first_day,
            "gathered": gathered,
            "keep": keep,
        }
        with code.inside(f"def {self._name}({arguments(self._columns, shape)}, learn):"):
            start = len(code.lines)
            write_id(code, shape)
            members = self._members(shape.root, shape.resource, sealed=False)
            code.add("rid = resource_id(raw)")
            head = f'{{{{"resourceType":"{shape.resource}","id":"{{rid}}"'
            self._prove(shape.resource, members, None)
            body = self._joined([(name, one.body) for name, one in members], head)
            sealed = self._joined([(name, one.sealed) for name, one in members], None)
            self._check_units(dict(members))
            refs = [ref for _, one in members for ref in one.refs]
            assert body is not None
            identity = "b''" if sealed is None else self._encoded(sealed)
            named = f"raw, {shape.resource!r}, {shape.label!r}, f'{body.text}'.encode(), {identity}"
            code.add(f"return new(Rendered, ({named}, {sorted_refs(refs, dynamic=self._dynamic_refs)}))")
            if self._dynamic_refs:
                code.lines.insert(start, "    refs = []")
            for held in self._units:
                code.lines.insert(start, f"    {held} = None")
        return self._name

    @staticmethod
    def _encoded(side: Side) -> str:
        text = f"f'{side.text}'.encode()"
        return text if side.when is None else f"({text} if {side.when} else b'')"

    def _give_up(self, when: str) -> None:
        """The record goes the long way when this holds."""
        self._code.add(f"if {when}: return None")

    def _check_units(self, members: Mapping[str, Part]) -> None:
        """A unit used outside its days is noticed the long way; the day is that of the tree's first moment."""
        if self._shape.outside is None or not self._units:
            return
        starts = [members[name].within.get("start") for name in PERIODS if name in members]
        told = [one.value for one in starts if one is not None and one.value is not None]
        told += [value for name in MOMENTS if name in members and (value := members[name].value) is not None]
        if any(name in members and not members[name].moving for name in (*PERIODS, *MOMENTS)):
            raise NotRendered("a constant says the day")
        outside, days = self._code.name("outside", self._shape.outside), [f"{one}[:10]" for one in told]
        day = "None" if not days else days[0] if len(days) == 1 else f"first_day({', '.join(days)})"
        for held in self._units:
            self._give_up(f"{held} is not None and {outside}({held}, {day})")

    # Objects --------------------------------------------------------------------------------------------------------

    def _members(self, item: Item, definition: str, *, sealed: bool) -> list[tuple[str, Part]]:
        """The parts of an object's members, in the order of the definition."""
        order = member_order(self._table, item.path)
        parts: list[tuple[str, Part]] = []
        names = set(item.members)
        for value in item.values:
            if not (value.is_constant and isinstance(value.constant, dict)) or value.only or value.reference:
                raise NotRendered(f"{item.path} is given whole and by its members")
            parts += [
                (name, self._constant(definition, name, one, sealed=sealed, whole=True))
                for name, one in value.constant.items()
                if name not in names
            ]
        others = sealed or self._is_sealed_extension(definition, item)
        for slot in item.members.values():
            taken = sealed if definition == "Extension" and slot.name == "url" else others
            parts.append((slot.name, self._slot(slot, definition, sealed=taken)))
        return sorted(parts, key=lambda one: (order.get(one[0], len(order)), one[0]))

    def _is_sealed_extension(self, definition: str, item: Item) -> bool:
        if definition != "Extension":
            return False
        slot = item.members.get("url")
        lines = slot.single.values if slot is not None and slot.single is not None else ()
        told = [one.constant for one in lines if one.is_constant and not one.only]
        told += [one.constant["url"] for one in item.values if isinstance(one.constant, dict) and "url" in one.constant]
        if len(told) != 1:
            raise NotRendered(f"{item.path} is an extension whose URL is not constant")
        return self._identity.is_sealed_extension(str(told[0]))

    def _slot(self, slot: Slot, definition: str, *, sealed: bool) -> Part:
        element, kind = slot.resolved.element, slot.resolved.types[0] if len(slot.resolved.types) == 1 else None
        fate = Fate.OPEN if sealed else self._identity.fate(definition, slot.name)
        sealed = sealed or fate is Fate.WHOLE
        target = self._table.definition_of(element, kind)
        where = Where(definition, slot.name, element, target, slot.resolved.type, sealed, fate)
        if element.max is not None and element.max > 1:
            raise NotRendered(f"{slot.resolved.path} has a greatest number of items")
        if slot.whole is not None:
            return self._field(slot.whole, where)
        if slot.groups:
            return self._array(list(slot.groups.values()), where)
        assert slot.single is not None
        return self._item(slot.single, where)

    def _item(self, item: Item, where: "Where") -> Part:
        if not item.members:
            return self._alternatives(item.values, where)
        if self._table.is_primitive(where.type):
            raise NotRendered(f"{item.path} is a primitive with members")
        if is_ruled(where.element) and sum(not line.is_constant or bool(line.only) for line in item.lines()) > 1:
            raise NotRendered(f"a value set decides over several values of {item.path} together")
        return self._object(where.target, self._members(item, where.target, sealed=where.sealed))

    def _object(self, definition: str, members: list[tuple[str, Part]]) -> Part:
        """The object; it is there when one of its members that move is."""
        moving = [one for _, one in members if one.moving]
        if not moving:
            body, sealed = (self._joined([(name, one.sides()[side]) for name, one in members], None) for side in (0, 1))
            refs = [ref for _, one in members for ref in one.refs]
            return Part(body, sealed, moving=False, refs=refs, within=dict(members))
        certain = any(one.when is None for one in moving)
        exists = None if certain else " or ".join(f"{one.when}" for one in moving)
        if exists is not None and len(moving) > 1:
            held = self._code.fresh("h")
            self._code.add(f"{held} = {exists}")
            exists = held
        self._prove(definition, members, exists)
        refs = [ref for _, one in members for ref in one.refs]
        if exists is not None and refs:
            with self._code.inside(f"if {exists}:"):
                self._count(refs)
            refs = []
        body, sealed = (
            self._joined([(name, one.sides()[side]) for name, one in members], None, exists) for side in (0, 1)
        )
        return Part(body, sealed, when=exists, refs=refs, within=dict(members))

    def _joined(
        self, members: Sequence[tuple[str, Side | None]], head: str | None, exists: str | None = None
    ) -> Side | None:
        """One side of an object. `head` are members that are always there, before the others."""
        given = [(name, side) for name, side in members if side is not None]
        if not given and head is None:
            return None
        parts = [(f',"{name}":{side.text}', side.when) for name, side in given]
        if head is not None:
            return Side(f"{head}{self._following(parts)}}}}}")
        always = any(when is None for _, when in parts)
        if parts[0][1] is None:
            first, *rest = parts
            return Side(f"{{{{{first[0][1:]}{self._following(rest)}}}}}", exists)
        if len(parts) == 1:
            return Side(f"{{{{{parts[0][0][1:]}}}}}", parts[0][1])
        held = self._code.fresh("b")
        self._code.add(f"{held} = f'{self._following(parts)}'")
        return Side(f"{{{{{{{held}[1:]}}}}}}", exists if always else held)

    def _following(self, parts: Sequence[tuple[str, str | None]]) -> str:
        """Texts that begin with a comma, one after the other; what may be missing is a variable."""
        texts = []
        for text, when in parts:
            if when is None:
                texts.append(text)
                continue
            held = self._code.fresh("o")
            self._code.add(f"{held} = f'{text}' if {when} else ''")
            texts.append(f"{{{held}}}")
        return "".join(texts)

    # Proof ----------------------------------------------------------------------------------------------------------

    def _prove(self, definition: str, members: list[tuple[str, Part]], exists: str | None) -> None:
        """The set of members was seen right before, and rules that compare values hold."""
        by_name = dict(members)
        told = [f"not {bracketed(one.when)}" for _, one in members if one.when is not None and one.when != exists]
        for rule in self._rules(definition):
            if all(name in by_name for name in rule.needs):
                told += self._by_rule(rule, by_name)
        told = list(dict.fromkeys(told))
        if told or exists is not None or definition == self._shape.resource:
            with self._code.inside(f"if {exists}:") if exists is not None else nullcontext():
                self._see(told)

    def _see(self, told: Sequence[str] = ()) -> None:
        """What is written here was right before, with what these expressions tell; else the record goes the long way."""
        known: dict[Any, None] = {}
        held, key = self._code.name("known", known), "True"
        if told:
            key = self._code.fresh("s")
            self._code.add(f"{key} = {told[0] if len(told) == 1 else '(' + ', '.join(told) + ')'}")
        with self._code.inside(f"if {key} not in {held}:" if told else f"if not {held}:"):
            self._give_up("not learn")
            self._code.add(f"keep({held}, {key}, None)")

    def _rules(self, definition: str) -> list[Rule]:
        rules = list(RULES.get(definition, ()))
        if self._table.is_resource(definition) and self._table.base(definition) == "DomainResource":
            rules += RULES["DomainResource"]
        return rules

    def _by_rule(self, rule: Rule, members: Mapping[str, Part]) -> list[str]:
        """What the rule reads, to be among what was seen right; values that differ each time are asked in line."""
        if rule.reads is None:
            raise NotRendered(f"nobody has looked at what {rule.key} reads")
        read = [(name, members[name.split(".")[0]]) for name in rule.reads if name.split(".")[0] in members]
        moving = [(name, one) for name, one in read if one.moving]
        if moving and all(one.value is not None and one.learned is None for _, one in moving):
            if set(rule.needs) != set(rule.reads) or len(moving) != len(rule.reads):
                raise NotRendered(f"{rule.key} compares more than values that are there")
            holds = self._code.name("holds", rule.holds)
            given = ", ".join(f"{name!r}: {one.value}" for name, one in moving)
            conditions = [bracketed(one.when) for _, one in moving if one.when is not None]
            self._give_up(" and ".join([*conditions, f"not {holds}({{{given}}}, {{}})"]))
            return []
        return [text for name, one in moving for text in self._texts(rule, one, name.partition(".")[2])]

    def _texts(self, rule: Rule, part: Part, within: str = "") -> list[str]:
        """What tells all that may be different in a value, or of each item in one member of it; its presence too."""
        there = [f"not {bracketed(part.when)}"] if part.when is not None else []
        if part.learned is not None:
            return [part.learned]
        if not part.moving:
            return there
        if part.items:
            return there + [text for one in part.items for text in self._texts(rule, one, within)]
        inner = part.within.values() if not within else [part.within[name] for name in part.within if name == within]
        if not part.within:
            raise NotRendered(f"{rule.key} reads values that are never the same")
        return there + [text for one in inner for text in self._texts(rule, one)]

    # Arrays ---------------------------------------------------------------------------------------------------------

    def _array(self, groups: list[Group], where: "Where") -> Part:
        """The array in the order of the file, there when one of its items is."""
        if any(group.loops or group.only for group in groups):
            return self._gathered(groups, where)
        parts = [self._item(group.item, where) for group in groups]
        if any(part.body for part in parts) and any(part.sealed for part in parts):
            if all(part.body is not None and part.body.when == part.when for part in parts):
                return self._aligned(parts)
            return self._gathered(groups, where, parts)
        refs = []
        for part in parts:
            if part.when is None:
                refs += part.refs
            elif part.refs:
                raise NotRendered("a reference is counted with an item that may be missing")
        moving = any(part.moving for part in parts)
        certain = any(part.when is None for part in parts)
        body, sealed = (self._listed([part.sides()[side] for part in parts]) for side in (0, 1))
        whole = body or sealed
        when = None if certain or whole is None else whole.when
        return Part(body, sealed, moving=moving, when=when, refs=refs, items=parts)

    def _listed(self, given: Sequence[Side | None]) -> Side | None:
        sides = [side for side in given if side is not None]
        if not sides:
            return None
        if sides[0].when is None:
            following = self._following([(f",{side.text}", side.when) for side in sides[1:]])
            return Side(f"[{sides[0].text}{following}]")
        if len(sides) == 1:
            return Side(f"[{sides[0].text}]", sides[0].when)
        held = self._code.fresh("b")
        self._code.add(f"{held} = f'{self._following([(f',{side.text}', side.when) for side in sides])}'")
        return Side(f"[{{{held}[1:]}}]", None if any(side.when is None for side in sides) else held)

    def _aligned(self, parts: Sequence[Part]) -> Part:
        """Items that all have a body when they are there; what is taken of them has null where nothing is."""
        code = self._code
        body = self._listed([part.body for part in parts])
        held = code.fresh("b")
        code.add(f"{held} = {all_taken(parts)}")
        when = None if any(part.when is None for part in parts) or body is None else body.when
        for part in parts:
            if part.when is None:
                self._count(part.refs)
            elif part.refs:
                raise NotRendered("a reference is counted with an item that may be missing")
        return Part(body, Side(f"[{{{held}[1:]}}]", held), when=when, items=parts)

    def _gathered(self, groups: list[Group], where: "Where", made: Sequence[Part] = ()) -> Part:
        """Items that come as they come: positions agree on both sides, as the two halves are joined by them."""
        code = self._code
        bodies, sealed = code.fresh("y"), code.fresh("z")
        start = len(code.lines)
        code.add("pass")
        found = [self._gather(group, where, made[place] if made else None) for place, group in enumerate(groups)]
        certain = any(always for _, _, always in found)
        parts = [part for _, part, _ in found]
        indent = "    " * code.depth
        if all(part.sealed is None for part in parts) or all(part.body is None for part in parts):
            code.lines[start] = f"{indent}{bodies} = ''"
            for line, part, _ in found:
                side = part.body or part.sealed
                code.lines[line] = code.lines[line].replace("pass", f"{bodies} += f',{side.text}'" if side else "pass")
            one = Side(f"[{{{bodies}[1:]}}]", None if certain else bodies)
            body_side, taken_side = (None, one) if all(part.body is None for part in parts) else (one, None)
            return Part(body_side, taken_side, when=None if certain else bodies, items=made)
        code.lines[start] = f"{indent}{bodies} = []; {sealed} = []"
        for line, part, _ in found:
            both = f"{bodies}.append({or_empty(part.body)}); {sealed}.append({or_empty(part.sealed)})"
            code.lines[line] = code.lines[line].replace("pass", both)
        body, taken = code.fresh("b"), code.fresh("b")
        code.add(f"{body}, {taken} = gathered({bodies}, {sealed})")
        there = None if certain else code.fresh("h")
        if there is not None:
            code.add(f"{there} = {body} or {taken}")
        return Part(Side(f"{{{body}}}", body), Side(f"{{{taken}}}", taken), when=there, items=made)

    def _gather(self, group: Group, where: "Where", made: Part | None) -> tuple[int, Part, bool]:
        """The number of the line in which the item is to be put into the array, the item, and whether it always is."""
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
        part = made or self._item(group.item, where)
        if code.depth > depth and not part.moving:
            self._see()
        always = code.depth == depth and part.when is None
        with code.inside(f"if {part.when}:") if part.when is not None else nullcontext():
            place = len(code.lines)
            code.add("pass")
            if part.when is None:
                self._count(part.refs)
            elif part.refs:
                raise NotRendered("a reference is counted with an item that may be missing")
        code.depth = depth
        return place, part, always

    def _count(self, refs: Sequence[str]) -> None:
        for ref in refs:
            self._dynamic_refs = True
            self._code.add(f"refs.append({ref})")

    # Values ---------------------------------------------------------------------------------------------------------

    def _constant(self, definition: str, name: str, value: Any, *, sealed: bool, whole: bool = False) -> Part:
        """The texts of a constant; with `whole` the value is the whole member, if that is a list the whole list."""
        if sealed:
            return Part(sealed=Side(inside(json_text(value))), moving=False)
        if whole and isinstance(value, list):
            halves = [self._identity.parted(definition, name, one) for one in value]
            if any(taken is not None for _, taken in halves):
                raise NotRendered(f"{definition}.{name} is a constant list that holds identity")
            return Part(Side(inside(json_text(value))), moving=False)
        kept, taken = self._identity.parted(definition, name, value)
        body, identity = (None if half is None else Side(inside(json_text(half))) for half in (kept, taken))
        return Part(body, identity, moving=False)

    def _alternatives(self, values: Sequence[FieldPlan], where: "Where") -> Part:
        """The value whose condition holds: no two of them can."""
        if len(values) == 1 and not values[0].only:
            part = self._unconditional(values[0], where)
        else:
            part = self._chosen(values, where)
        if where.fate is not Fate.YEAR or where.sealed or not part.moving:
            return part
        assert part.body is not None
        return self._year(part.body.text[1:-1], part)

    def _chosen(self, values: Sequence[FieldPlan], where: "Where") -> Part:
        """One of several texts, or none. Which of them it is counts as what was learned does."""
        held, sealed = self._code.fresh("t"), set()
        self._code.add(f"{held} = ''")
        for value in values:
            with self._code.inside(f"if {condition(value.only)}:"):
                part = self._unconditional(value, where)
                if not part.moving:
                    self._see()
                sides = [side for side in part.sides() if side is not None]
                if len(sides) != 1:
                    raise NotRendered(f"{where.definition}.{where.name} is chosen and holds some identity")
                text = f"f'{sides[0].text}'"
                when = sides[0].when
                self._code.add(f"{held} = {text if when is None else f'{text} if {when} else {NOTHING}'}")
                self._count(part.refs)
                sealed.add(part.body is None)
        if len(sealed) > 1:
            raise NotRendered(f"{where.definition}.{where.name} is identity for some records only")
        is_free = all(not one.is_constant and not one.is_reference and self._is_free(one, where) for one in values)
        side = Side(f"{{{held}}}", held)
        plain = f"{held}[1:-1]" if values[0].resolved.type in _DATED else None
        body, taken = (None, side) if sealed.pop() else (side, None)
        return Part(body, taken, when=held, value=plain, learned=None if is_free else held)

    def _field(self, plan: FieldPlan, where: "Where") -> Part:
        return self._alternatives([plan], where)

    def _unconditional(self, plan: FieldPlan, where: "Where") -> Part:
        if plan.reference is not None:
            part = self._constant(where.definition, where.name, plan.reference[0], sealed=where.sealed)
            part.refs = [self._code.name("raw", plan.reference[1])]
            return part
        if plan.is_constant:
            return self._constant(
                where.definition, where.name, plan.constant, sealed=where.sealed, whole=isinstance(plan.constant, list)
            )
        if plan.line.missing == "absent-reason":
            raise NotRendered(f"{plan.line.to} may be absent with its reason beside it")
        return self._reference(plan, where) if plan.is_reference else self._converted(plan, where)

    def _converted(self, plan: FieldPlan, where: "Where") -> Part:
        code, made = self._code, self._code.fresh("t")
        value, empty = write_given(code, plan)
        is_free = self._is_free(plan, where)
        with when_there(code, plan, made, empty, "''"):
            if is_free and self._differs_each_time(plan):
                call = f"{code.name('f', free(plan, None))}({value})"
                if plan.plain:
                    call = f"{call} if {value}.isspace() else {code.name('w', right_text(plan.resolved.type))}({value})"
                code.add(f"{made} = {call}")
                self._give_up(f"{made} is None")
            else:
                kept: dict[Any, Any] = {}
                parted = None if where.sealed else self._parting(plan, where)
                bound = any(is_ruled(step.element) for step in plan.resolved.steps)
                text: Any = free(plan, kept) if is_free else learned(plan, kept, parted, bound=bound)
                code.add(f"{made} = {code.name('j', kept)}.get({value})")
                given = value if is_free else f"{value}, learn"
                with code.inside(f"if {made} is None:"):
                    code.add(f"{made} = {code.name('f', text)}({given})")
                    self._give_up(f"{made} is None")
        when = None if plan.line.missing == "stop" else made
        plain = f"{made}[1:-1]" if plan.resolved.type in _DATED else None
        side = Side(f"{{{made}}}", when)
        return Part(*where.put(side), when=when, value=plain, learned=None if is_free else made)

    def _year(self, made: str, part: Part) -> Part:
        """A date of which the body keeps the year; one that is no longer stays as it is."""
        year, whole = self._code.fresh("t"), self._code.fresh("t")
        quote = "'\"'"
        self._code.add(f"{year} = {made} if len({made}) <= {_LONGER_THAN_A_YEAR} else {made}[:5] + {quote}")
        self._code.add(f"{whole} = {made} if len({made}) > {_LONGER_THAN_A_YEAR} else ''")
        return replace(part, body=Side(f"{{{year}}}", part.when), sealed=Side(f"{{{whole}}}", whole))

    def _parting(self, plan: FieldPlan, where: "Where") -> Callable[[Any], tuple[Any, Any]]:
        identity, definition, name = self._identity, where.definition, where.name
        if not plan.many:
            return lambda value: identity.parted(definition, name, value)
        return lambda values: (
            values,
            next((True for one in values if identity.parted(definition, name, one)[1] is not None), None),
        )

    def _is_free(self, plan: FieldPlan, where: "Where") -> bool:
        """True when the type of the value is all that is asked of it."""
        resolved = plan.resolved
        bound = any(is_ruled(step.element) for step in resolved.steps)
        return (
            resolved.type in FREE_TYPES
            and not bound
            and not plan.many
            and (where.definition, where.name) != ("Reference", "reference")
        )

    @staticmethod
    def _differs_each_time(plan: FieldPlan) -> bool:
        return plan.plain or any(origin.column.type == "datetime" for origin in plan.origins)

    def _reference(self, plan: FieldPlan, where: "Where") -> Part:
        code, made = self._code, self._code.fresh("t")
        pair, ref = code.fresh("q"), code.fresh("i")
        kept = self._references.of(plan)
        value, empty = write_given(code, plan)
        unit = self._unit(plan)
        always = plan.line.missing == "stop"
        at_top = code.depth == 1
        with when_there(code, plan, made, empty, "''"):
            code.add(f"{pair} = {code.name('j', kept)}.get({value})")
            with code.inside(f"if {pair} is None:"):
                code.add(f"{pair} = {code.name('f', referred(plan, kept))}({value})")
                self._give_up(f"{pair} is None")
            code.add(f"{made}, {ref}, {unit} = {pair}")
            if not (always and at_top):
                self._count([ref])
        when = None if always else made
        return Part(*where.put(Side(f"{{{made}}}", when)), when=when, refs=[ref] if always and at_top else [])

    def _unit(self, plan: FieldPlan) -> str:
        if plan.line.refers != "unit":
            return "_"
        held = self._code.fresh("u")
        self._units.append(held)
        return held
