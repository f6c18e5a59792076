"""Constants of a mapping, checked against R4 and written in its order of elements."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from passerelle.contracts.problems import nearest
from passerelle.fhir_r4 import Binding, ElementTable, Resolved, UnknownElement
from passerelle.mapping.expanding import expansion
from passerelle.structure.primitives import fault_of, has_syntax, json_type_of

SystemOf = Callable[[str], str | None]
_FAULTS = {
    "wrong-json-type": "wants a JSON {type}",
    "empty-text": "is empty",
    "out-of-range": "is out of range",
}


@dataclass(slots=True)
class Constants:
    """Checks what is written out in a mapping. What is wrong is told through `tell`, one sentence each."""

    table: ElementTable
    system_of: SystemOf
    tell: Callable[[str], None]

    def value(self, written: Any, resolved: Resolved, system: str | None) -> Any:
        """The constant as it goes into the resource."""
        if isinstance(written, Mapping):
            if self.table.is_primitive(resolved.type):
                self.tell(f"'{resolved.path}' is of type {resolved.type} and wants one value, not a mapping")
                return None
            return self._tree(written, resolved, whole=False)
        if isinstance(written, list):
            self.tell(f"'{resolved.path}' wants one value for its label, not a list")
            return None
        if self.table.is_primitive(resolved.type):
            return self._primitive(written, resolved)
        found = expansion(resolved.type, system)
        if isinstance(found, str):
            self.tell(f"'{resolved.path}' {found}")
            return None
        return self._tree(found.build(written), resolved, whole=False)

    def _tree(self, written: Mapping[str, Any], resolved: Resolved, *, whole: bool = True) -> dict[str, Any]:
        """The object in R4's order. What a mapping's other lines may add is not asked for unless it is `whole`."""
        path = resolved.path
        order = self._order(path)
        made: dict[str, Any] = {}
        for name in sorted(written, key=lambda one: order.get(one.removeprefix("_"), len(order))):
            if name.startswith("_"):
                made[name] = written[name]
                continue
            try:
                inner = self.table.resolve(f"{path}.{name}")
            except UnknownElement:
                self.tell(f"'{path}' has no '{name}'{nearest(name, order)}")
                continue
            made[name] = self._member(written[name], inner)
        for name in missing_members(self.table, path, set(made)) if whole else ():
            self.tell(f"'{path}.{name}' is required there and not given")
        return made

    def _member(self, value: Any, inner: Resolved) -> Any:
        if inner.is_list != isinstance(value, list):
            self.tell(f"'{inner.path}' {'is a list' if inner.is_list else 'is no list'}")
            return value
        if inner.is_list:
            return [self._one(item, inner) for item in value]
        return self._one(value, inner)

    def _one(self, value: Any, inner: Resolved) -> Any:
        if self.table.is_primitive(inner.type):
            if inner.path.endswith(".system") and isinstance(value, str) and inner.type == "uri":
                return self._system(value, inner)
            return self._primitive(value, inner)
        if not isinstance(value, Mapping):
            self.tell(f"'{inner.path}' is of type {inner.type} and wants its elements")
            return value
        return self._tree(value, inner)

    def _system(self, value: str, inner: Resolved) -> Any:
        found = self.system_of(value)
        if found is None:
            self.tell(f"system '{value}' is neither a URI nor a declared name")
            return value
        return self._primitive(found, inner)

    def _primitive(self, value: Any, resolved: Resolved) -> Any:
        fault = fault_of(resolved.type, value)
        if fault is not None:
            wanted = _FAULTS.get(fault, "is not of that form").format(type=json_type_of(resolved.type))
            self.tell(f"'{resolved.path}' is of type {resolved.type}; the constant {wanted}")
        elif resolved.type == "code" and isinstance(value, str):
            told = code_fault(resolved.coded_binding, value)
            if told:
                self.tell(f"'{resolved.path}' {told}")
        return value

    def _order(self, path: str) -> dict[str, int]:
        return member_order(self.table, path)


def member_order(table: ElementTable, path: str) -> dict[str, int]:
    """Every JSON name right below a path, numbered in the order of the definition."""
    names = [name for one in table.children(path) for name, _ in one.spellings()]
    return {name: place for place, name in enumerate(names)}


def missing_members(table: ElementTable, path: str, given: set[str]) -> Iterator[str]:
    """Required members that are not among the given; a choice counts once."""
    for one in table.children(path):
        if one.is_required and not any(name in given or f"_{name}" in given for name, _ in one.spellings()):
            yield one.name


def required(binding: Binding | None) -> Binding | None:
    """The binding, when it leaves no choice and something is known of it."""
    return binding if binding is not None and binding.strength == "required" else None


def code_fault(binding: Binding | None, code: str, system: str | None = None) -> str | None:
    """What is wrong with a code under a binding that leaves no choice; nothing when it is right, or not known."""
    must = required(binding)
    if must is None:
        return None
    if must.syntax is not None:
        return None if has_syntax(must.syntax, code) else f"takes codes of syntax {must.syntax}, and not '{code}'"
    if must.codes is None:
        return None
    if system is None:
        known = must.value_set.all_codes
        return None if code in known else f"takes no code '{code}'{nearest(code, sorted(known))}"
    if system not in must.codes:
        return f"takes no code of system '{system}'"
    known = must.codes[system]
    return None if code in known else f"takes no code '{code}'{nearest(code, sorted(known))}"
