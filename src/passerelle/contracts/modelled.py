"""From a written tree to a model: every fault becomes a sentence at its line, with the nearest right name."""

import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import pydantic
from pydantic_core import ErrorDetails

from passerelle.contracts.problems import Place, Problems, nearest
from passerelle.contracts.yaml_file import Node

ModelT = TypeVar("ModelT", bound=pydantic.BaseModel)

_WANTS = {
    "string_type": "a text; write it in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "names with a value each (`name: value`)",
    "model_type": "names with a value each (`name: value`)",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_attributes_type": "names with a value each (`name: value`)",
}
_FORMS = {
    "^[a-z][a-z0-9_]*$": "small letters, digits and _, a letter first",
    "^[a-z][a-z0-9-]*$": "small letters, digits and -, a letter first",
    "^[a-z][a-z0-9_-]*$": "small letters, digits, _ and -, a letter first",
    "^[a-z]+:": "a URI",
    r"^\d{4}-\d{2}-\d{2}$": 'a day, in quotes: "2024-01-31"',
    "^([0-9][0-9AB][0-9]{7})?$": "nine characters, or nothing",
}
_FEW = 8
_SCALARS = frozenset({"str", "int", "float", "bool"})


def validated(model: type[ModelT], node: Node, problems: Problems) -> ModelT | None:
    """The model, or nothing when the tree does not fit, every misfit then being a problem."""
    try:
        return model.model_validate(node.plain())
    except pydantic.ValidationError as wrong:
        for error in _telling(wrong.errors(include_url=False)):
            problems.add(_place(node, error), _sentence(model, error))
        return None


def row_validated(model: type[ModelT], row: dict[str, Any], place: Place, problems: Problems) -> ModelT | None:
    """The model of one line of a CSV file, or nothing, every misfit then being a problem at that line."""
    try:
        return model.model_validate(row)
    except pydantic.ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            problems.add(place, _sentence(model, error))
        return None


def _telling(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors without those of the other side of a choice: of `text or mapping`, only what was meant."""
    for error in errors:
        loc = error["loc"]
        if loc and loc[-1] in _SCALARS and isinstance(error["input"], dict):
            continue
        yield error


def _place(node: Node, error: ErrorDetails) -> Place:
    return node.at(*error["loc"]).place


def _name(loc: Sequence[str | int]) -> str:
    named = [str(part) for part in loc if isinstance(part, str) and part != "[key]" and part not in _SCALARS]
    return named[-1] if named else "this file"


def _sentence(model: type[pydantic.BaseModel], error: ErrorDetails) -> str:
    kind, loc, context = error["type"], error["loc"], error.get("ctx", {})
    name = f"`{_name(loc)}`"
    if kind == "extra_forbidden":
        return f"{name} is not known here{nearest(_name(loc), known_keys(model, loc[:-1]))}"
    if kind == "missing":
        return f"{name} is missing"
    if kind in {"literal_error", "enum"}:
        return _not_among(name, error["input"], str(context["expected"]))
    if kind == "string_pattern_mismatch":
        return f"{name} wants {_FORMS.get(context['pattern'], context['pattern'])}"
    if kind == "value_error":
        return str(context["error"])
    if kind in {"too_short", "string_too_short"}:
        return f"{name} wants at least {context.get('min_length', 1)}"
    if kind in _WANTS and error["input"] is None:
        return f"{name} is empty; it wants {_WANTS[kind]}"
    if kind in _WANTS:
        return f"{name} wants {_WANTS[kind]}"
    return f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _not_among(name: str, given: Any, expected: str) -> str:
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    if given is None:
        return f"{name} is empty; it wants one of {', '.join(words)}"
    near = nearest(str(given), words)
    if len(words) <= _FEW:
        return f"{name} wants {expected}{near}"
    return f"{name} is not one of the names it may have{near or '; they are ' + ', '.join(words)}"


def known_keys(annotation: Any, loc: Sequence[str | int]) -> list[str]:
    """The keys that may be written at a location of a model."""
    return [key for model in models_at(annotation, loc) for key in keys_of(model)]


def keys_of(model: type[pydantic.BaseModel]) -> list[str]:
    """The keys of a model as they are written in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def models_at(annotation: Any, loc: Sequence[str | int]) -> list[type[pydantic.BaseModel]]:
    """The models that may stand at a location of a model."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return models_at(inside[0], loc)
    if origin in {typing.Union, types.UnionType}:
        return [model for one in inside for model in models_at(one, loc)]
    if origin is not None:
        return models_at(inside[1] if origin is dict else inside[0], loc[1:]) if loc and inside else []
    if not (isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)):
        return []
    if not loc:
        return [annotation]
    for name, field in annotation.model_fields.items():
        if loc[0] in {name, field.alias}:
            return models_at(field.annotation, loc[1:])
    return models_at(annotation, loc[1:]) if loc[0] == annotation.__name__ else []
