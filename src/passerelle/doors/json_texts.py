"""JSON of others, kept as they wrote it: numbers by their digits, and items that are none by their bytes."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

_SAFE_DIGITS = 18
"""Integers of no more digits fit into 64 bits."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_CLOSES = {b"]": b"[", b"}": b"{"}


class Doubled(ValueError):
    """An object says one name twice."""


def parsed(text: bytes) -> Any:
    """The tree; a number that a float or 64 bits would change stays as it is written.

    Raises:
        Doubled: an object says a name twice.
        ValueError, RecursionError: it is no JSON that can be read.
    """
    return json.loads(
        text, parse_float=_as_written, parse_int=_integer, parse_constant=_no_number, object_pairs_hook=_once
    )


def items_apart(body: bytes, way: Sequence[str]) -> Any:
    """The tree of a page whose items, in the list at the end of the way, are read each alone.

    Raises:
        Doubled: an object around the items says a name twice.
        ValueError, RecursionError: the page around its items is no whole JSON.
    """
    if not way:
        raise ValueError("no list is looked for")
    start, ends = _list_at(body, way)
    page = parsed(body[:start] + body[ends[-1] :])
    items: list[Any] = []
    for begin, end in zip([start, *(end + 1 for end in ends[:-1])], ends, strict=True):
        text = body[begin:end].strip()
        if text or len(ends) > 1:
            items.append(_item(text))
    holder = page
    for name in way[:-1]:
        holder = holder[name]
    holder[way[-1]] = items
    return page


def _item(text: bytes) -> Any:
    try:
        item = parsed(text)
        orjson.dumps(item)
    except (ValueError, TypeError, RecursionError):
        return orjson.Fragment(text)
    return item


def _list_at(body: bytes, way: Sequence[str]) -> tuple[int, list[int]]:
    """Where the list begins, and where each of its items ends: at a comma, the last at the bracket."""
    names: list[str | None] = []
    start, ends = 0, list[int]()
    for token, place, name in _opened(body):
        if token in _CLOSES:
            names.pop()
            if start and len(names) == len(way):
                return start, [*ends, place]
        elif token == b",":
            if start and len(names) == len(way) + 1:
                ends.append(place)
        else:
            names.append(name)
            if token == b"[" and names[1:] == list(way) and names[0] is None:
                start = place + 1
    raise ValueError("no such list")


def _opened(body: bytes) -> Iterator[tuple[bytes, int, str | None]]:
    """Brackets and commas outside of texts, with their place and the name before an opening one.

    Raises:
        ValueError: they do not match.
    """
    open_ones: list[bytes] = []
    text: re.Match[bytes] | None = None
    for found in _TOKEN.finditer(body):
        token = found[0]
        if token[:1] == b'"':
            text = found
            continue
        if token in _CLOSES and (not open_ones or open_ones.pop() != _CLOSES[token]):
            raise ValueError("brackets do not match")
        name = None
        if token in _CLOSES.values():
            open_ones.append(token)
            if text is not None and body[text.end() : found.start()].strip() == b":":
                name = str(json.loads(text[0]))
        yield token, found.start(), name
    if open_ones:
        raise ValueError("brackets do not match")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise Doubled("a name stands twice")
    return tree


def _as_written(text: str) -> orjson.Fragment:
    return orjson.Fragment(text)


def _integer(text: str) -> int | orjson.Fragment:
    return int(text) if len(text) <= _SAFE_DIGITS and text != "-0" else orjson.Fragment(text)


def _no_number(text: str) -> Any:
    raise ValueError(text)
