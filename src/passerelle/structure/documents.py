"""One JSON document as strictly as R4 wants it: readable, no member named twice in one object, no number beyond all."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from passerelle.structure.problem import Location

_TOKEN: Final = re.compile(r'[{}\[\],]|"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unreadable(Exception):
    """The bytes are no document that can be judged; `key` names the sentence, `line` is where reading ended."""

    key: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read, and the members whose name stood in their object before, each with its line."""

    tree: Any
    repeated: tuple[tuple[Location, int], ...] = ()


def read_document(raw: bytes) -> Document:
    """The document in these bytes.

    Raises:
        Unreadable: there is none.
    """
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as told:
        raise Unreadable(_why(raw), told.lineno) from told
    text = raw.decode("utf-8")
    try:
        return Document(tree, tuple(_repeated(text)) if _has_repeated(text) else ())
    except RecursionError as told:
        raise Unreadable("too-deep", 1) from told


def _why(raw: bytes) -> str:
    """What keeps the bytes from being read, as the name of a sentence."""
    if not raw.strip():
        return "empty-file"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "not-text"
    numbers: list[str] = []
    try:
        json.loads(text, parse_int=numbers.append, parse_float=numbers.append, parse_constant=_refused)
    except RecursionError:
        return "too-deep"
    except ValueError:
        return "not-json"
    return "number-beyond-all" if any(map(_is_beyond_all, numbers)) else "not-json"


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _is_beyond_all(number: str) -> bool:
    return math.isinf(float(number))


def _has_repeated(text: str) -> bool:
    """The reader of the standard library is asked, because the fast one keeps the last of them and says nothing."""
    found = False

    def look(members: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in members}) != len(members)

    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    return found


def _repeated(text: str) -> Iterator[tuple[Location, int]]:
    """Every member named again in one object of a well-formed document, however deep."""
    location: list[str | int] = []
    names: list[set[str] | None] = []
    wants_name = False
    for token in _TOKEN.finditer(text):
        said = token[0]
        if said in {"{", "["}:
            names.append(set() if said == "{" else None)
            location.append("" if said == "{" else 0)
            wants_name = said == "{"
        elif said in {"}", "]"}:
            names.pop()
            location.pop()
            wants_name = False
        elif said != ",":
            known = names[-1] if wants_name else None
            if known is not None:
                name = location[-1] = json.loads(said)
                if name in known:
                    yield tuple(location), text.count("\n", 0, token.start()) + 1
                known.add(name)
            wants_name = False
        elif names[-1] is None:
            location[-1] = int(location[-1]) + 1
        else:
            wants_name = True
