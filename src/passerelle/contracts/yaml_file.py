"""YAML as contracts use it: a tree in which every value knows its file and line.

Contracts are read as YAML 1.2 with three things made plain: keys are always text (`null:`, `true:`, `on:` are names),
a number with a leading zero stays the text that was written, and dates are text. Anchors and `<<` are read. A key
written twice and a tag of somebody's own are problems.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from passerelle.contracts.problems import Place, Problems

Scalar = str | int | float | bool | None

_DEEPEST = 40
_TAGS = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(
    f"{_TAGS}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "map", "seq")
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file. `line` is where a reader looks for it: the line of its key, else of its first character."""

    value: "Scalar | dict[str, Node] | list[Node]"
    file: str
    line: int

    @property
    def place(self) -> Place:
        """Where it is written."""
        return Place(self.file, self.line)

    @property
    def members(self) -> "dict[str, Node]":
        """What a mapping holds; nothing when it is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """What a list holds; nothing when it is no list."""
        return self.value if isinstance(self.value, list) else []

    def text(self, key: str) -> str | None:
        """The text under a key, or None when there is none."""
        member = self.members.get(key)
        return member.value if member is not None and isinstance(member.value, str) else None

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: member.plain() for key, member in self.value.items()}
        if isinstance(self.value, list):
            return [member.plain() for member in self.value]
        return self.value

    def at(self, *loc: str | int) -> "Node":
        """The value at a location, or the innermost one on the way that exists."""
        here = self
        for part in loc:
            inner: Node | None = None
            if isinstance(here.value, dict):
                inner = here.value.get(str(part))
            elif isinstance(here.value, list) and isinstance(part, int) and -len(here.value) <= part < len(here.value):
                inner = here.value[part]
            if inner is not None:
                here = inner
        return here


def read_yaml(body: bytes, file: str, problems: Problems) -> tuple[Node, ...]:
    """The documents of a file, in their order; none when the file cannot be read, which is then a problem."""
    documents, wrong = _read(body, file)
    for place, sentence in wrong:
        problems.add(place, sentence)
    return documents


@lru_cache(maxsize=2048)
def _read(body: bytes, file: str) -> tuple[tuple[Node, ...], tuple[tuple[Place, str], ...]]:
    """The documents and problems of these bytes: a process that loads a house twice scans each file once."""
    problems = Problems()
    documents = _scanned(body, file, problems)
    return tuple(documents), problems.found()


def _scanned(body: bytes, file: str, problems: Problems) -> list[Node]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        problems.add(Place(file, body[: wrong.start].count(b"\n") + 1), "is not UTF-8")
        return []
    try:
        composed = [one for one in YAML(typ="safe", pure=True).compose_all(text) if one is not None]
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line = mark.line + 1 if mark is not None else 0
        problems.add(Place(file, line), f"is not YAML: {wrong.problem or wrong.context}")
        return []
    except YAMLError as wrong:
        problems.add(Place(file), f"is not YAML: {' '.join(str(wrong).split())}")
        return []
    reader = _Reader(file, problems)
    return [reader.node(one, _line(one), 0) for one in composed]


def read_document(body: bytes, file: str, problems: Problems) -> Node | None:
    """The only document of a file; nothing when there is none or it cannot be read, which is then a problem."""
    before = len(problems)
    documents = read_yaml(body, file, problems)
    if len(documents) == 1:
        return documents[0]
    if len(documents) > 1:
        problems.add(documents[1].place, "holds a second document; this file wants one")
    elif len(problems) == before:
        problems.add(Place(file), "is empty")
    return None


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str
    problems: Problems

    def node(self, written: Any, line: int, depth: int) -> Node:
        tag = str(written.tag)
        if tag not in _KNOWN_TAGS:
            self.problems.add(Place(self.file, line), f"tag {tag} is not read here")
        if depth > _DEEPEST:
            self.problems.add(Place(self.file, line), "is nested too deeply")
            return Node(None, self.file, line)
        if isinstance(written, MappingNode):
            return Node(self._members(written, depth), self.file, line)
        if isinstance(written, SequenceNode):
            return Node([self.node(one, _line(one), depth + 1) for one in written.value], self.file, line)
        return Node(_scalar(written), self.file, line)

    def _members(self, written: MappingNode, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        under: dict[str, Node] = {}
        for key, value in written.value:
            place = Place(self.file, _line(key))
            if not isinstance(key, ScalarNode):
                self.problems.add(place, "a key wants to be one word")
                continue
            name = str(key.value)
            if name == "<<":
                below = self.node(value, place.line, depth + 1)
                for one in below.items or [below]:
                    if not isinstance(one.value, dict):
                        self.problems.add(place, "`<<` takes over a mapping, or a list of mappings")
                    under = one.members | under
            elif name in members:
                self.problems.add(place, f"`{name}` is written twice; it is already on line {members[name].line}")
            else:
                members[name] = self.node(value, place.line, depth + 1)
        return {**under, **members}


def _line(written: Any) -> int:
    return int(written.start_mark.line) + 1


def _scalar(written: ScalarNode) -> Scalar:
    text = str(written.value)
    if written.style or str(written.tag) == f"{_TAGS}str":
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def merged(base: Node, over: Node) -> Node:
    """The base with what lies over it: mappings key by key, anything else replaced; an empty value drops the key."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    members = dict(base.value)
    for key, member in over.value.items():
        if member.value is None:
            members.pop(key, None)
        else:
            members[key] = merged(members[key], member) if key in members else member
    return Node(members, over.file, over.line)
