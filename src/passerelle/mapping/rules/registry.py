"""How a rule becomes known by name: pure Python, with a docstring and its own cases."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from passerelle.records import Reason

Function = TypeVar("Function", bound=Callable[..., Any])


class Refused(Exception):
    """The rule does not understand what it was given. It never holds what that was."""

    def __init__(self, reason: Reason = Reason.RULE_REFUSED) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule gives for what it is given; a refusal when `refused` is set."""

    given: tuple[Any, ...]
    gives: Any = None
    refused: Reason | None = None


def case(*given: Any, gives: Any) -> Case:
    """A case that has an answer."""
    return Case(given, gives)


def refused(*given: Any, reason: Reason = Reason.RULE_REFUSED) -> Case:
    """A case that the rule refuses."""
    return Case(given, refused=reason)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the compiler knows it: its name, what it gives, and how many columns it takes."""

    name: str
    gives: str
    many: bool
    least: int
    most: int | None
    call: Callable[..., Any]
    cases: tuple[Case, ...]
    says: str
    total: bool = False

    def takes(self, columns: int) -> bool:
        """True when the rule may be called with that many columns."""
        return self.least <= columns and (self.most is None or columns <= self.most)


_KNOWN: dict[str, Rule] = {}


def rule(
    *, gives: str, cases: Sequence[Case], many: bool = False, total: bool = False
) -> Callable[[Function], Function]:
    """The function is known to mappings by its name.

    A rule takes one value per column: text for a column of type string, else the value FHIR would write (ISO dates,
    numbers, booleans). With one column the value is never missing; with several, those without a value are None, and
    not all of them are. It returns a value, or None when there is nothing to say.

    Args:
        gives: The FHIR type of what it returns.
        cases: What it gives and what it refuses; they run as tests.
        many: It returns a list, which fills a whole list element.
        total: It has an answer for whatever its columns may hold, and never refuses.
    """

    def named(function: Function) -> Function:
        least, most = _arity(function)
        name = function.__name__
        if name in _KNOWN:
            raise ValueError(f"two rules are named '{name}'")
        says = inspect.cleandoc(function.__doc__ or "")
        _KNOWN[name] = Rule(name, gives, many, least, most, function, tuple(cases), says, total)
        return function

    return named


def known_rules() -> dict[str, Rule]:
    """Every rule by name."""
    return dict(_KNOWN)


def _arity(function: Callable[..., Any]) -> tuple[int, int | None]:
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return sum(one.kind is not inspect.Parameter.VAR_POSITIONAL for one in parameters) or 1, None
    return sum(one.default is inspect.Parameter.empty for one in parameters), len(parameters)
