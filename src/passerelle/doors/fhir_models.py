"""The only module that imports `fhir`: R4 JSON in, the classes of `fhir.resources.R4B` out of sight behind it.

The library has no R4. Its R4B agrees with R4 4.0.1 on every element we emit, so it is a second opinion on what was
already judged as R4, never the definition. It knows fewer types than R4 has; of the others it has no opinion. It is
imported when the first resource comes. Its own messages quote values, so none of them leaves this module.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
import pydantic

_SHOWN = 3
# R4B rewrote these two; what R4 says of them it does not read.
_REWRITTEN = frozenset({"Evidence", "EvidenceVariable"})


def accepts(tree: Mapping[str, Any]) -> str | None:
    """Nothing when the library reads the resource or does not know its type, else a sentence without values."""
    name = tree.get("resourceType")
    if not isinstance(name, str):
        return "the library reads no resource without a resourceType; write it"
    model = _model(name)
    if model is None:
        return None
    try:
        model.model_validate(tree)
    except pydantic.ValidationError as told:
        return f"the library does not read this {name}; look at {_places(told)}"
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as told:
        return f"the library stopped at this {name} ({type(told).__name__}); look for a value of another type"
    return None


def parse_all(lines: Iterable[bytes | str]) -> list[tuple[int, str]]:
    """For every line the library does not read: its number from 1, and a sentence without values."""
    refused: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            tree = orjson.loads(line)
        except orjson.JSONDecodeError:
            refused.append((number, "the line is not JSON; write one resource per line"))
            continue
        said = accepts(tree) if isinstance(tree, dict) else "the line holds no resource; write a JSON object"
        if said is not None:
            refused.append((number, said))
    return refused


def knows(type_name: str) -> bool:
    """True when the library has a class for this resource type."""
    return _model(type_name) is not None


def _places(told: pydantic.ValidationError) -> str:
    places = [".".join(map(_plain, one["loc"])) or "the whole resource" for one in told.errors()]
    some = sorted(set(places))
    return ", ".join(some[:_SHOWN]) + (f" and {len(some) - _SHOWN} more places" if len(some) > _SHOWN else "")


def _plain(part: str | int) -> str:
    """A name or a position; what could be something else than the name of an element is not repeated."""
    return str(part) if isinstance(part, int) or part.isidentifier() else "?"


@cache
def _model(type_name: str) -> type[pydantic.BaseModel] | None:
    from fhir.resources.R4B import get_fhir_model_class

    if type_name in _REWRITTEN:
        return None
    try:
        found: type[pydantic.BaseModel] = get_fhir_model_class(type_name)
    except ValueError:
        return None
    return found
