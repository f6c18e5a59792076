"""Is this resource R4 4.0.1? One answer for the hot path, all problems for people."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from passerelle.fhir_r4 import element_table
from passerelle.structure.hot import HotRules, Visit
from passerelle.structure.judging import Judge
from passerelle.structure.problem import Problem
from passerelle.structure.schema import validator_of

FHIR_VERSION: Final = "4.0.1"


class Structure:
    """Judges resources of every R4 type. What a type needs is compiled when its first resource comes."""

    def __init__(self) -> None:
        table = element_table()
        self._judge = Judge(table)
        self._rules = HotRules(table)
        self._known: dict[str, tuple[Callable[[Any], bool], Visit | None]] = {}

    def check(self, tree: Mapping[str, Any]) -> str | None:
        """Nothing when the resource is valid, else the path of its first error (`Encounter.status`)."""
        name = tree.get("resourceType") if isinstance(tree, dict) else None
        found = self._known.get(name) if isinstance(name, str) else None
        if found is None and (found := self._compiled(name)) is None:
            return self._first_error(tree)
        is_valid, visit = found
        if is_valid(tree) and (visit is None or visit(tree, tree)):
            return None
        return self._first_error(tree)

    def problems(self, tree: Any) -> list[Problem]:
        """Every problem of the resource. Codes outside an extensible binding are warnings."""
        return list(self._judge.problems(tree))

    def rules_not_judged(self, type_name: str) -> list[Problem]:
        """What is said once of a type some of whose base rules are not known here."""
        return list(self._judge.rules_not_judged(type_name)) if self._judge.is_resource(type_name) else []

    def _first_error(self, tree: Any) -> str | None:
        return next((one.path for one in self._judge.problems(tree) if one.severity == "error"), None)

    def _compiled(self, name: str | None) -> tuple[Callable[[Any], bool], Visit | None] | None:
        if name is None or not self._judge.is_resource(name):
            return None
        visit = self._rules.of(name)
        if name in _HOLDERS:
            visit = self._with_held(_HOLDERS[name], visit)
        compiled = self._known[name] = (validator_of(name).is_valid, visit)
        return compiled

    def _with_held(self, held: Callable[[Any], list[Any]], visit: Visit | None) -> Visit:
        """The rules of a bundle and those of everything in it."""

        def both(tree: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
            if visit is not None and not visit(tree, root):
                return False
            return all(self.check(one) is None for one in held(tree))

        return both


def _in_bundle(bundle: Mapping[str, Any]) -> list[Any]:
    found = []
    for entry in bundle.get("entry", ()):
        if "resource" in entry:
            found.append(entry["resource"])
        if "outcome" in entry.get("response", ()):
            found.append(entry["response"]["outcome"])
    return found


def _in_parameters(holder: Mapping[str, Any], name: str = "parameter") -> list[Any]:
    found = []
    for one in holder.get(name, ()):
        if "resource" in one:
            found.append(one["resource"])
        found += _in_parameters(one, "part")
    return found


_HOLDERS: Final[dict[str, Callable[[Any], list[Any]]]] = {"Bundle": _in_bundle, "Parameters": _in_parameters}


@cache
def structure() -> Structure:
    """The one of this process."""
    return Structure()
