"""Where fields stand in a resource: paths with labels become a tree, and what R4 requires of it is looked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from passerelle.contracts.mapping import FieldLine
from passerelle.fhir_r4 import ElementTable, Resolved
from passerelle.mapping.constants import missing_members
from passerelle.mapping.fields import Condition, FieldPlan, Group, Item, Slot
from passerelle.mapping.origins import Loop
from passerelle.mapping.telling import Teller

_STEP = re.compile(r"([^.\[\]]+)(?:\[([^\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path: its name, and its label where it is an array."""

    name: str
    label: str | None


def steps_of(to: str) -> tuple[str, tuple[Step, ...]]:
    """The resource and the steps of a path with labels."""
    root, *rest = to.split(".")
    found = []
    for part in rest:
        split = _STEP.fullmatch(part)
        assert split is not None, to
        found.append(Step(split[1], split[2]))
    return root, tuple(found)


def plain(to: str) -> str:
    """The path without its labels."""
    return re.sub(r"\[[^\]]*\]", "", to)


def outermost(steps: Sequence[Step]) -> int | None:
    """The place of the outermost labelled step."""
    return next((place for place, step in enumerate(steps) if step.label is not None), None)


def labels_fit(line: FieldLine, resolved: Resolved, steps: Sequence[Step], teller: Teller, *, many: bool) -> bool:
    """Whether every array has a label and nothing else has; what is wrong is told."""
    for place, (step, is_list) in enumerate(zip(steps, resolved.lists, strict=True)):
        last = place == len(steps) - 1
        if step.label is not None and not is_list:
            teller.tell(f"'{step.name}' in '{line.to}' is no array and takes no label", "to")
            return False
        if step.label is None and is_list and not (last and many):
            teller.tell(f"'{step.name}' in '{line.to}' is an array; give its element a label: {step.name}[...]", "to")
            return False
        if step.label is not None and last and many:
            teller.tell(f"rule '{line.rule}' gives a whole array; '{step.name}' takes no label then", "to")
            return False
    return True


@dataclass(slots=True)
class Tree:
    """The resource of one emit, filled line by line."""

    table: ElementTable
    teller: Teller
    resource: str
    depth: int = 0
    """How many repetitions the emit itself goes through."""
    root: Item = field(init=False)
    _spelled: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = Item(self.resource, None)

    def put(self, plan: FieldPlan, steps: Sequence[Step], loops: tuple[Loop, ...]) -> None:
        """The line stands at its place; a place that is taken is told."""
        item = self.root
        labelled = outermost(steps)
        for place, step in enumerate(steps):
            path = f"{item.path}.{step.name}"
            slot = item.members.get(step.name)
            if slot is None:
                slot = item.members[step.name] = Slot(step.name, self.table.resolve(path))
            if step.label is None and slot.resolved.is_list:
                self._whole(slot, plan)
                return
            if step.label is None:
                if slot.single is None:
                    slot.single = Item(path, slot.resolved)
                item = slot.single
                continue
            group = slot.groups.get(step.label)
            if group is None:
                group = slot.groups[step.label] = Group(step.label, Item(path, slot.resolved))
            if place == labelled:
                self._share(group, plan, loops)
            item = group.item
        if labelled is not None and plan.only:
            plan = replace(plan, only=())  # its label asks; a constant that asked too would be a value of its own
        self._value(item, plan, in_group=labelled is not None)

    def _whole(self, slot: Slot, plan: FieldPlan) -> None:
        if slot.whole is not None or slot.groups:
            self._tell(plan, f"'{plan.line.to}' is filled by another line already")
            return
        slot.whole = plan

    def _share(self, group: Group, plan: FieldPlan, loops: tuple[Loop, ...]) -> None:
        """All lines of a label go through the same repetition under the same condition; who is silent follows."""
        own = loops[self.depth :]
        if own and group.loops and [one.name for one in own] != [one.name for one in group.loops]:
            self._tell(plan, f"lines of label '{group.label}' go through different repetitions", "each")
        if plan.only and group.only and _said(plan.only) != _said(group.only):
            self._tell(plan, f"lines of label '{group.label}' have different `only`", "only")
        group.loops = group.loops or own
        group.only = group.only or plan.only

    def _value(self, item: Item, plan: FieldPlan, *, in_group: bool) -> None:
        if item.values and not (not in_group and all(_exclude(one.only, plan.only) for one in item.values)):
            self._tell(plan, f"'{plan.line.to}' is filled by another line already")
            return
        item.values.append(plan)

    def _tell(self, plan: FieldPlan, sentence: str, within: str = "to") -> None:
        self.teller.field(plan.position).tell(sentence, within)

    # What must be there ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """What R4 requires and no line gives is told, and what lines write twice."""
        self._required(self.root, None)
        for slot in self.root.members.values():
            self._always(slot)

    def _required(self, item: Item, first: FieldPlan | None) -> None:
        first = first or next(item.lines(), None)
        given = set(item.members)
        for value in item.values:
            overlap = given & (set(value.fills) | _keys(value.constant))
            if overlap:
                self._tell(value, f"'{value.line.to}' fills '{min(overlap)}', and another line does too")
            if item.members and not value.fills and not isinstance(value.constant, dict) and not self._simple(item):
                self._tell(value, f"'{value.line.to}' is filled whole; its members take no lines of their own")
            given |= set(value.fills) | _keys(value.constant)
        if not self._simple(item) and all(isinstance(value.constant, dict) for value in item.values):
            at = self.teller if first is None or item is self.root else self.teller.field(first.position)
            for name in missing_members(self.table, item.path, given):
                at.tell(f"'{item.path}.{name}' is required and no line fills it", *(("to",) if at.position else ()))
        for slot in item.members.values():
            if slot.single is not None:
                self._required(slot.single, None)
            for group in slot.groups.values():
                self._required(group.item, None)

    def _simple(self, item: Item) -> bool:
        return item.resolved is not None and self.table.is_primitive(item.resolved.type)

    def _always(self, slot: Slot) -> None:
        """A required element of the resource is not left out when its only line has no value."""
        lines = list(slot.lines())
        element = slot.resolved.element
        if not element.is_required or element.is_choice or len(lines) != 1:
            return
        if not lines[0].is_constant and lines[0].line.missing == "omit":
            path = slot.resolved.path
            self._tell(lines[0], f"'{path}' is required: `missing` is stop or absent-reason there", "missing")


def _keys(constant: Any) -> set[str]:
    return set(constant) if isinstance(constant, dict) else set()


def _said(only: Sequence[Condition]) -> set[tuple[str, str]]:
    return {(one.origin.code, one.equals) for one in only}


def _exclude(one: Sequence[Condition], other: Sequence[Condition]) -> bool:
    """Whether two `only` can never hold together: they want different texts of one column."""
    wanted = dict(_said(one))
    return any(code in wanted and wanted[code] != equals for code, equals in _said(other))
