"""Takes the elements that hold a person's identity out of a resource, and puts them back: exact inverses.

The identity part has the shape of the resource. What is gone from the body stands in it whole; what is in both is
merged: objects by key, lists by position (null: nothing was taken here), and a text of the identity part beats the
shorter one of the body (a birth date its year). A list keeps its length: what was taken whole leaves `{}`, unless the
whole list was taken. Trees that come in are shared with others and are never changed.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from passerelle.contracts.model import Contract
from passerelle.errors import ContractError
from passerelle.fhir_r4 import ElementTable, UnknownElement, element_table

Tree = dict[str, Any]
Action = Callable[[Any], tuple[Any, Any]]
Plan = Mapping[str, Action]

_GONE: Final = object()
_YEAR = 4


class Fate(Enum):
    """What becomes of a member: it is taken whole, all but its year, or what it holds decides."""

    WHOLE = "whole"
    YEAR = "year"
    OPEN = "open"


class IdentityRules(Contract):
    """The file `fhir/identity_elements.yaml`."""

    identity: Literal["elements"]
    version: int
    says: str
    types: tuple[str, ...]
    paths: tuple[str, ...]
    years: tuple[str, ...]
    extensions: tuple[str, ...]


def load_identity_rules(path: Path) -> IdentityRules:
    """The rules of a file, every name in them known to R4.

    Raises:
        ContractError: the file cannot be read, or names what R4 does not have; all problems at once.
    """
    try:
        rules = IdentityRules.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except OSError as told:
        raise ContractError([f"{path.name}: the file was not found or cannot be read"]) from told
    except YAMLError as told:
        raise ContractError([f"{path.name}: this is not YAML; {' '.join(str(told).split())}"]) from told
    except pydantic.ValidationError as told:
        raise ContractError(
            [f"{path.name}: {'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in told.errors()]
        ) from told
    if problems := list(_problems(rules, element_table())):
        raise ContractError([f"{path.name}:{_line(path, name)}: {said}" for name, said in problems])
    return rules


def _line(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.strip() == f"- {name}"), 1)


def _problems(rules: IdentityRules, table: ElementTable) -> Iterable[tuple[str, str]]:
    for name in rules.types:
        if name not in table.types() or table.is_resource(name):
            close = difflib.get_close_matches(name, table.types(), n=1)
            yield name, f"R4 has no data type '{name}'" + (f"; did you mean '{close[0]}'?" if close else "")
    for path in (*rules.paths, *rules.years):
        try:
            resolved = table.resolve(path)
        except UnknownElement as told:
            yield path, str(told)
            continue
        if resolved.is_choice:
            yield path, f"'{path}' may have several types; spell the one you mean"
        elif path in rules.years and resolved.type not in {"date", "dateTime"}:
            yield path, f"'{path}' is no date, so its year cannot stay"


class Splitter:
    """Splits and joins resources by one set of rules. A type's plan is made when its first resource comes."""

    def __init__(self, rules: IdentityRules) -> None:
        self._table = element_table()
        self._types = frozenset(rules.types)
        self._paths = frozenset(rules.paths)
        self._years = frozenset(rules.years)
        self._extensions = frozenset(rules.extensions)
        self._plans: dict[str, dict[str, Action]] = {}
        self._blanks: dict[str, Callable[[Any], bool]] = {}

    def split(self, tree: Tree) -> tuple[Tree, Tree | None]:
        """The resource without its identity elements, and these; nothing when it has none."""
        return _split(self._plan(tree["resourceType"]), tree)

    @staticmethod
    def join(body: Tree, identity: Tree | None) -> Tree:
        """The resource as it was before it was split."""
        if identity is None:
            return body
        joined: Tree = _merged(body, identity)
        return joined

    def fate(self, definition: str, name: str) -> Fate:
        """What becomes of this member of every object of the definition."""
        action = self._plan(definition).get(name)
        if action is _whole:
            return Fate.WHOLE
        return Fate.YEAR if action is _year else Fate.OPEN

    def is_sealed_extension(self, url: str) -> bool:
        """True when everything but the URL is taken of an extension."""
        return url in self._extensions

    def parted(self, definition: str, name: str, value: Any) -> tuple[Any, Any]:
        """What stays of one value of a member, and what is taken: nothing where there is nothing.

        Of a member that is a list, the value is one item.
        """
        action = self._plan(definition).get(name)
        if action is None:
            return value, None
        is_list = any(
            one.is_list and name.removeprefix("_") in dict(one.spellings()) for one in self._table.members(definition)
        )
        kept, taken = action([value] if is_list else value)
        if kept is _GONE:
            return None, value
        return (kept[0], taken[0] if taken else None) if is_list else (kept, taken)

    def _plan(self, definition: str) -> Plan:
        plan = self._plans.get(definition)
        if plan is None:
            plan = self._plans[definition] = {}
            self._fill(plan, definition)
        return plan

    def _fill(self, plan: dict[str, Action], definition: str) -> None:
        for element in self._table.members(definition):
            for name, kind in element.spellings():
                code = kind.code if kind else ""
                path = f"{definition}.{name}"
                target = self._table.definition_of(element, kind)
                twin = f"_{name}"
                if code in self._types or path in self._paths:
                    plan[name] = plan[twin] = _whole
                elif code == "Resource":
                    plan[name] = _each(self._resource) if element.is_list else self._resource
                elif code == "Extension":
                    plan[name] = _each(self._extension)
                elif self._table.is_primitive(code):
                    if path in self._years:
                        plan[name] = _year
                    plan[twin] = _each(self._within("Element")) if element.is_list else self._within("Element")
                else:
                    within = self._within(target)
                    plan[name] = _each(within) if element.is_list else within

    def _within(self, definition: str) -> Action:
        plan = self._plan(definition)
        holds_nothing = self._blank(definition)

        def split(value: Any) -> tuple[Any, Any]:
            if not isinstance(value, dict):
                return _whole(value)
            if holds_nothing(value):
                return value, None
            kept, taken = _split(plan, value)
            return (kept, taken) if kept or taken is None else (_GONE, value)

        return split

    def _blank(self, definition: str) -> Callable[[Any], bool]:
        """Tells of an object whether it certainly holds no identity, as most do; what it doubts is looked at."""
        known = self._blanks.get(definition)
        if known is not None:
            return known
        doubted: set[str] = set()
        nested: dict[str, Callable[[Any], bool]] = {}

        def is_blank(value: Any) -> bool:
            if not has_none_of(value):
                return False
            for name, held in value.items():
                is_blank_within = nested.get(name)
                if is_blank_within is None:
                    continue
                for one in held if type(held) is list else (held,):
                    if type(one) is not dict or not is_blank_within(one):
                        return False
            return True

        self._blanks[definition] = is_blank
        for element in self._table.members(definition):
            for name, kind in element.spellings():
                code = kind.code if kind else ""
                doubted.add(f"_{name}")
                if self._is_identity(definition, name, code) or code in {"Resource", "Extension"}:
                    doubted.add(name)
                elif not self._table.is_primitive(code):
                    nested[name] = self._blank(self._table.definition_of(element, kind))
        has_none_of = frozenset(doubted).isdisjoint
        if not nested:
            self._blanks[definition] = has_none_of
        return self._blanks[definition]

    def _is_identity(self, definition: str, name: str, code: str) -> bool:
        path = f"{definition}.{name}"
        return code in self._types or path in self._paths or path in self._years

    def _resource(self, value: Any) -> tuple[Any, Any]:
        if not isinstance(value, dict) or not self._table.is_resource(str(value.get("resourceType"))):
            return _whole(value)
        return _split(self._plan(value["resourceType"]), value)

    def _extension(self, value: Any) -> tuple[Any, Any]:
        if not isinstance(value, dict):
            return _whole(value)
        url = value.get("url")
        if not isinstance(url, str) or url not in self._extensions:
            return _split(self._plan("Extension"), value)
        taken = {name: one for name, one in value.items() if name != "url"}
        return ({"url": url}, taken) if taken else (value, None)


def _split(plan: Plan, tree: Tree) -> tuple[Tree, Tree | None]:
    identity: Tree | None = None
    body = tree
    for name, value in tree.items():
        action = plan.get(name)
        if action is None:
            continue
        kept, taken = action(value)
        if taken is None:
            continue
        if identity is None:
            identity = {}
            body = dict(tree)
        identity[name] = taken
        if kept is _GONE:
            del body[name]
        else:
            body[name] = kept
    return body, identity


def _whole(value: Any) -> tuple[Any, Any]:
    return _GONE, value


def _year(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, str):
        return _whole(value)
    return (value[:_YEAR], value) if len(value) > _YEAR else (value, None)


def _each(action: Action) -> Action:
    """The action on every item of a list; what is gone leaves an empty object, so that positions stay."""

    def split(values: Any) -> tuple[Any, Any]:
        if not isinstance(values, list):
            return _whole(values)
        kept: list[Any] | None = None
        taken: list[Any] = []
        for position, value in enumerate(values):
            left, out = action(value) if value is not None else (None, None)
            if out is not None and kept is None:
                kept = values[:position]
                taken = [None] * position
            if kept is not None:
                kept.append({} if left is _GONE else left)
                taken.append(out)
        if kept is None:
            return values, None
        return (kept, taken) if any(kept) else (_GONE, values)

    return split


def _merged(kept: Any, taken: Any) -> Any:
    if isinstance(taken, dict) and isinstance(kept, dict):
        merged = dict(kept)
        for name, value in taken.items():
            merged[name] = _merged(kept[name], value) if name in kept else value
        return merged
    if isinstance(taken, list) and isinstance(kept, list):
        return [_item(left, out) for left, out in zip(kept, taken, strict=True)]
    return taken


def _item(kept: Any, taken: Any) -> Any:
    return kept if taken is None else _merged(kept, taken)
