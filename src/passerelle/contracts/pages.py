"""Reference pages in Markdown, one per kind of hand-written file, generated from the models."""

import enum
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import pydantic
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from passerelle.contracts import code_list
from passerelle.contracts.directory import DirectoryOrganisation, Unit
from passerelle.contracts.expectation_types import EXPECTATION_TYPES, ExpectationType
from passerelle.contracts.gate_table import Region
from passerelle.contracts.modelled import models_at
from passerelle.contracts.naming import NamingSystem
from passerelle.contracts.schemas import FILES

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
_FOR = {
    "source": "For whoever adds a source.",
    "standard": "For whoever writes down what several sources share.",
    "mapping": "For whoever says what a table means.",
    "story": "For whoever shows by an example what a source becomes.",
    "pathway": "For whoever decides which follow-up is expected after which event.",
    "target": "For whoever opens a way out.",
    "suite": "For whoever states what must hold of data before it is mapped.",
    "gate": "For whoever decides, with the data protection officer, what may be shared.",
}
_LISTS = "For whoever keeps code lists, units and the directory."
_EXPECTATIONS = "For whoever writes an expectation."
_GENERATED = "<!-- Generated from the models. Change them, not this page. -->"


def reference_pages() -> dict[str, str]:
    """The text of every page by file name. The same models give the same bytes."""
    pages = {f"{name}.md": _page(files, _FOR[name], model) for name, (model, files) in FILES.items()}
    pages["lists.md"] = _lists()
    pages["expectations.md"] = _expectations()
    return pages


def _page(files: str, reader: str, model: type[pydantic.BaseModel]) -> str:
    sections = [section for one in models_of(model) for section in _section(one, is_file=one is model)]
    title = files.replace("*", "\\*")
    return _text([f"# {title}", _GENERATED, reader, *sections])


def _text(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def models_of(model: type[pydantic.BaseModel]) -> list[type[pydantic.BaseModel]]:
    """The model and every model inside it, each once, in the order a reader meets them."""
    found = [model]
    for one in found:
        for field in one.model_fields.values():
            found += [inner for inner in dict.fromkeys(_inside(field.annotation)) if inner not in found]
    return found


def _inside(annotation: Any) -> Iterator[type[pydantic.BaseModel]]:
    yield from models_at(annotation, ())
    for inner in typing.get_args(annotation):
        if not isinstance(inner, str):
            yield from _inside(inner)


def _section(model: type[pydantic.BaseModel], *, is_file: bool) -> Iterator[str]:
    if not is_file:
        yield f"## {model.__name__}"
    yield "\n".join(line.strip() for line in (model.__doc__ or "").strip().splitlines())
    yield "\n".join(
        [
            "| Key | What it is | Default | Meaning |",
            "|---|---|---|---|",
            *(_row(field.alias or name, field) for name, field in model.model_fields.items()),
        ]
    )


def _row(name: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _default(field)
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `{name}` | {_kind(field.annotation)} | {default} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined or value is None or value == ():
        return ""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, tuple):
        return ", ".join(f'`"{one}"`' for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(annotation: Any) -> str:
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin is typing.Annotated:
        return _kind(inside[0])
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in inside)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(_kind(one) for one in inside if one is not types.NoneType)
    if origin is tuple:
        return f"list of {_kind(inside[0])}"
    if origin is dict:
        return f"name: {_kind(inside[1])}"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " or ".join(f"`{one.value}`" for one in annotation) if len(annotation) < 8 else "a name of the list"
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return getattr(annotation, "__name__", str(annotation))


def _lists() -> str:
    parts = [
        "# Lists",
        _GENERATED,
        _LISTS,
        "CSV, UTF-8, comma, the header as written here; a cell that holds a comma is quoted.",
        "## codes/\\*.csv",
        "The source's own list, else that of a standard it extends, else mappings/codes.",
        "\n".join(
            ["| Column | Meaning |", "|---|---|", *(f"| `{name}` | {says} |" for name, says in code_list.SAYS.items())]
        ),
    ]
    for title, model in (
        ("units.csv of a source", Unit),
        ("mappings/directory/organisations.csv", DirectoryOrganisation),
        ("mappings/directory/regions.csv", Region),
        ("fhir/naming_systems.yaml", NamingSystem),
    ):
        parts += [f"## {title}", *_section(model, is_file=True)]
    return _text(parts)


def _expectations() -> str:
    judged = {
        "record": "Judged record by record",
        "neighbours": "Judged against neighbouring records; may only warn",
        "batch": "Judged on the whole batch",
        "never": "Not judged here",
    }
    parts = ["# Expectations", _GENERATED, _EXPECTATIONS]
    for group, title in judged.items():
        kinds = {name: one for name, one in EXPECTATION_TYPES.items() if one.judged == group}
        parts += [f"## {title}", "\n".join(_expectation_table(group, kinds))]
    return _text(parts)


def _expectation_table(group: str, kinds: dict[str, ExpectationType]) -> Iterator[str]:
    if group == "never":
        yield from ("| Name | Instead |", "|---|---|")
        yield from (f"| `{name}` | {one.instead} |" for name, one in kinds.items())
        return
    yield from ("| Name | Reads | Takes | Needs |", "|---|---|---|---|")
    for name, one in kinds.items():
        takes = ", ".join(f"`{argument}`" for argument in one.arguments)
        yield f"| `{name}` | {one.reads} | {takes} | {', '.join(f'`{argument}`' for argument in one.needs)} |"
