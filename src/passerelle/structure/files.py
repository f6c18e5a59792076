"""Files of FHIR resources, one document or one per line: what is wrong in them, and on which line."""

import bisect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from passerelle.fhir_r4 import element_table
from passerelle.structure.checking import Structure
from passerelle.structure.documents import Document, Unreadable, read_document
from passerelle.structure.problem import NAME, Location, Problem, path_of

_BY_LINE: Final = frozenset({".ndjson", ".jsonl"})
_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = " \t\r\n"
_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Found:
    """One problem of a file and the line it stands on; no problem says that a resource was read there."""

    line: int
    problem: Problem | None = None
    types: frozenset[str] = frozenset()
    """The types of the resource that was read, and of those in it."""


def read_file(path: Path, structure: Structure, told: set[str] | None = None) -> Iterator[Found]:
    """One `Found` without a problem for every resource of the file, and one with each problem.

    A file that cannot be read or judged is a problem too: it does not stop those that come after it. Of a type some of
    whose base rules are not known, that is said once: `told` holds the types of which it was said before.
    """
    told = set() if told is None else told
    try:
        for found in _found(path, structure):
            yield found
            for type_name in sorted(found.types - told):
                told.add(type_name)
                yield from (Found(found.line, one) for one in structure.rules_not_judged(type_name))
    except OSError:
        yield Found(1, Problem("", "error", "cannot-be-read"))
    except Exception:  # noqa: BLE001 the files that come after it are judged whatever happens in this one
        yield Found(1, Problem("", "error", "not-judged"))


def _found(path: Path, structure: Structure) -> Iterator[Found]:
    if path.suffix in _BY_LINE:
        yield from _lines(path, structure)
        return
    raw = path.read_bytes().removeprefix(_BOM)
    try:
        document = read_document(raw)
    except Unreadable as told:
        if _is_by_line(raw):
            yield from _lines(path, structure)
        else:
            yield Found(told.line, Problem("", "error", told.key))
        return
    yield Found(1, types=_types_in(document.tree))
    yield from (Found(line, one) for one, line in _named_twice(document))
    problems = structure.problems(document.tree)
    if problems:
        lines = Lines(raw.decode("utf-8"))
        yield from (Found(lines.of(one.location), one) for one in problems)


def _lines(path: Path, structure: Structure) -> Iterator[Found]:
    is_empty = True
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(_BOM).strip()
            if not line:
                continue
            is_empty = False
            try:
                document = read_document(line)
            except Unreadable as told:
                yield Found(number, Problem("", "error", told.key))
                continue
            yield Found(number, types=_types_in(document.tree))
            yield from (Found(number, one) for one, _ in _named_twice(document))
            yield from (Found(number, one) for one in structure.problems(document.tree))
    if is_empty:
        yield Found(1, Problem("", "error", "empty-file"))


def _named_twice(document: Document) -> Iterator[tuple[Problem, int]]:
    named = document.tree.get("resourceType") if isinstance(document.tree, dict) else None
    type_name = named if isinstance(named, str) and element_table().is_resource(named) else "Resource"
    for location, line in document.repeated:
        shown = [part if isinstance(part, int) or NAME.fullmatch(part) else "?" for part in location]
        yield Problem(path_of(type_name, shown), "error", "named-twice", location), line


def _types_in(tree: Any) -> frozenset[str]:
    """The types of every resource in the tree."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if isinstance(name := one.get("resourceType"), str):
                found.add(name)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return frozenset(found)


def _is_by_line(raw: bytes) -> bool:
    first, _, rest = raw.strip().partition(b"\n")
    try:
        return bool(rest.strip()) and isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


class Lines:
    """Finds the line of an element in the text of a JSON document. Objects are looked through once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [position for position, letter in enumerate(text) if letter == "\n"]
        self._inside: dict[int, dict[str | int, tuple[int, int]]] = {}

    def of(self, location: Location) -> int:
        """The line of the element, or of the nearest one above it that is there."""
        value = shown = self._skip(0)
        for part in location:
            try:
                found = self._members(value).get(part)
            except RecursionError:  # what is that deep is shown at what holds it
                break
            if found is None:
                break
            shown, value = found
        return bisect.bisect_left(self._ends, shown) + 1

    def _members(self, start: int) -> dict[str | int, tuple[int, int]]:
        """For each member of the object or array that starts here: where it is named, where its value starts."""
        known = self._inside.get(start)
        if known is None:
            opening = self._text[start]
            walk = self._named if opening == "{" else self._numbered if opening == "[" else None
            known = self._inside[start] = dict(walk(start)) if walk else {}
        return known

    def _named(self, start: int) -> Iterator[tuple[str | int, tuple[int, int]]]:
        at = self._skip(start + 1)
        while self._text[at] != "}":
            name, after = _decode(self._text, at)
            value = self._skip(self._skip(after) + 1)
            yield name, (at, value)
            at = self._next(value)

    def _numbered(self, start: int) -> Iterator[tuple[str | int, tuple[int, int]]]:
        at, position = self._skip(start + 1), 0
        while self._text[at] != "]":
            yield position, (at, at)
            at, position = self._next(at), position + 1

    def _next(self, value: int) -> int:
        _, end = _decode(self._text, value)
        end = self._skip(end)
        return self._skip(end + 1) if self._text[end] == "," else end

    def _skip(self, at: int) -> int:
        while self._text[at] in _SPACE:
            at += 1
        return at


def outcome(file: str, found: list[tuple[Found, str]], valid: str) -> dict[str, Any]:
    """The problems of one file as an OperationOutcome, each with its sentence; `valid` is said when there is none."""
    issues: list[dict[str, Any]] = []
    for one, sentence in found:
        assert one.problem is not None
        issue: dict[str, Any] = {
            "extension": [{"url": _LINE, "valueInteger": one.line}],
            "severity": one.problem.severity,
            "code": one.problem.code,
            "diagnostics": sentence,
        }
        if one.problem.path:
            issue["expression"] = [one.problem.path]
        issues.append(issue)
    return {
        "resourceType": "OperationOutcome",
        "extension": [{"url": _FILE, "valueString": file}],
        "issue": [*issues, {"severity": "information", "code": "informational", "diagnostics": valid}]
        if all(one["severity"] == "information" for one in issues)
        else issues,
    }


_LINE: Final = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
_FILE: Final = "https://passerelle.example/fhir/StructureDefinition/validated-file"
