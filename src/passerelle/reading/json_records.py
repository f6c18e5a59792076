"""Rows of databases and interfaces: one compact JSON object each, read as the texts that JSON writes."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from passerelle.contracts.source import Repeat, Table
from passerelle.reading.unreadable import Row, Unreadable
from passerelle.records import Reason

ITSELF = "."
"""The place of an occurrence that is a value and no object."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f]")
_BEHIND_NAME = (b'" ', b'"\t', b'"\r', b'"\n')
_Walk = Callable[[Any], Any]


class _Number(str):
    """The digits of a number, as they were written."""

    __slots__ = ()


class _InexactError(Exception):
    """A number may have been written otherwise than it was read."""


class JsonReader:
    """Reads the JSON objects of a table by dotted paths (default: the column's name).

    What is not there is None, but a column of a SQL table must be there. Numbers, true and false are texts as JSON
    writes them. An object or a list where a value was wanted is refused.
    """

    def __init__(self, table: Table) -> None:
        repeats = {name: repeat for name, repeat in table.repeats.items() if repeat.path is not None}
        self.slots = tuple(table.columns)
        self.repeats = tuple(repeats)
        self._null = frozenset(table.dialect.null if table.dialect else ()) | {""}
        self._whole = table.format == "sql"
        self._columns = [(name, _walk(column.path or name)) for name, column in table.columns.items()]
        self._plain = all("." not in (column.path or name) for name, column in table.columns.items())
        self._keys = [(name, column.path or name) for name, column in table.columns.items()]
        self._occurrences = [(name, _walk(repeat.path or name), repeat) for name, repeat in repeats.items()]

    def parse(self, raw: bytes) -> Row:
        """The object as a row.

        Raises:
            Unreadable: it is no JSON object of this table.
        """
        tree = _read(raw)
        try:
            return self._row(tree)
        except _InexactError:
            return self._row(_read_exactly(raw))

    def _row(self, tree: dict[str, Any]) -> Row:
        if self._whole:
            for name, key in self._keys:
                if key not in tree:
                    raise Unreadable(Reason.MISSING_COLUMN, name)
        if self._plain:
            row: Row = [self._text(tree.get(key), name) for name, key in self._keys]
        else:
            row = [self._text(walk(tree), name) for name, walk in self._columns]
        for name, walk, repeat in self._occurrences:
            row.append(self._occurrences_of(walk(tree), repeat, name))
        return row

    def _text(self, value: Any, place: str) -> str | None:
        if value is None:
            return None
        if type(value) is str:
            if not value.isprintable() and _CONTROL.search(value):
                raise Unreadable(Reason.FORBIDDEN_CHARACTER, place)
            return None if value in self._null else value
        if type(value) is _Number:
            return str(value)
        if type(value) is float:
            raise _InexactError
        if isinstance(value, (dict, list)):
            raise Unreadable(Reason.NOT_A_RECORD, place)
        return orjson.dumps(value).decode("ascii")

    def _occurrences_of(self, items: Any, repeat: Repeat, place: str) -> list[Row]:
        if items is None:
            return []
        if not isinstance(items, list):
            raise Unreadable(Reason.NOT_A_RECORD, place)
        rows = []
        for item in items:
            row: Row = [self._text(_walk(path)(item), f"{place}.{name}") for name, path in repeat.fields.items()]
            for name, inner in repeat.repeats.items():
                row.append(self._occurrences_of(_walk(inner.path or name)(item), inner, f"{place}.{name}"))
            rows.append(row)
        return rows


def _read(raw: bytes) -> dict[str, Any]:
    """The object; numbers beyond whole ones of 64 bits are floats.

    Raises:
        Unreadable: it is none, or says a name twice.
    """
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Unreadable(Reason.NOT_A_RECORD) from None
    if not isinstance(tree, dict):
        raise Unreadable(Reason.NOT_A_RECORD)
    if raw.count(b'":') != len(tree) or any(blank in raw for blank in _BEHIND_NAME):
        # Nested, or not as we write it: only then names are counted one by one.
        _read_exactly(raw)
    return tree


def _read_exactly(raw: bytes) -> dict[str, Any]:
    """The object; numbers are their digits.

    Raises:
        Unreadable: it says a name twice, or nests too deep to be read.
    """
    try:
        tree: dict[str, Any] = json.loads(raw, parse_float=_Number, parse_int=_Number, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Unreadable(Reason.NOT_A_RECORD) from None
    return tree


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a name stands twice")
    return tree


def _walk(path: str) -> _Walk:
    """What follows a dotted path down; None where it ends early."""
    if path == ITSELF:
        return lambda item: item
    steps = path.split(".")
    if len(steps) == 1:
        return lambda tree: tree.get(path) if isinstance(tree, Mapping) else None

    def walk(tree: Any) -> Any:
        for step in steps:
            if not isinstance(tree, dict):
                return None
            tree = tree.get(step)
        return tree

    return walk
