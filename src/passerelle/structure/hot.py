"""The base rules a schema cannot decide, by type: a small plan that visits only what can hold them.

Extensions and references are not visited: inside them the schema is narrow enough to decide by itself.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from passerelle.fhir_r4 import ElementTable
from passerelle.structure.invariants import RULES, Rule

Visit = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]

_DECIDED_BY_SCHEMA: Final = frozenset({"Extension", "Reference"})


class HotRules:
    """Plans by definition, built once."""

    def __init__(self, table: ElementTable) -> None:
        self._table = table
        self._holding: dict[str, bool] = {}
        self._plans: dict[str, Visit | None] = {}

    def of(self, type_name: str) -> Visit | None:
        """What tells whether the rules hold in a resource that its schema accepted; nothing when none is left."""
        if type_name not in self._plans:
            self._plans[type_name] = self._plan(type_name)
        return self._plans[type_name]

    def _plan(self, definition: str) -> Visit | None:
        rules = tuple(one.holds for one in _left_of(definition))
        nested: list[tuple[str, bool, str]] = []
        for element in self._table.members(definition):
            for name, kind in element.spellings():
                if kind is None or not self._table.is_primitive(kind.code):
                    target = self._table.definition_of(element, kind)
                    if kind is not None and kind.code in _DECIDED_BY_SCHEMA | {"Resource"}:
                        continue
                    if self._holds_rules(target, set()):
                        nested.append((name, element.is_list, target))
        if not nested:
            return _asking(rules) if rules else None
        return self._visiting(rules, nested)

    def _visiting(self, rules: tuple[Callable[[Any, Any], bool], ...], nested: list[tuple[str, bool, str]]) -> Visit:
        plans = self._plans
        of = self.of
        has_none_of = frozenset(name for name, _, _ in nested).isdisjoint

        def visit(tree: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
            for holds in rules:
                if not holds(tree, root):
                    return False
            if has_none_of(tree):
                return True
            for name, is_list, target in nested:
                value = tree.get(name)
                if value is None:
                    continue
                plan = plans.get(target) or of(target)
                if plan is None:
                    continue
                if is_list:
                    for one in value:
                        if not plan(one, root):
                            return False
                elif not plan(value, root):
                    return False
            return True

        return visit

    def _holds_rules(self, definition: str, seen: set[str]) -> bool:
        known = self._holding.get(definition)
        if known is None:
            if definition in seen:
                return False
            known = bool(_left_of(definition)) or any(
                self._holds_rules(self._table.definition_of(element, kind), seen | {definition})
                for element in self._table.members(definition)
                for _, kind in element.spellings()
                if kind is None
                or (not self._table.is_primitive(kind.code) and kind.code not in _DECIDED_BY_SCHEMA | {"Resource"})
            )
            if not seen:
                self._holding[definition] = known
        return known


def _left_of(definition: str) -> list[Rule]:
    return [one for one in RULES.get(definition, ()) if one.narrow]


def _asking(rules: tuple[Callable[[Any, Any], bool], ...]) -> Visit:
    if len(rules) == 1:
        return rules[0]

    def visit(tree: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
        return all(holds(tree, root) for holds in rules)

    return visit
