"""Everything that is wrong with a resource of any R4 type, exactly: the definition of validity, in plain Python.

It walks the element table. It is asked for what the tightened schema refused, and by `passerelle validate`; it shares
no pattern with the schema but those of single primitive types, so that each can be tested against the other.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from passerelle.fhir_r4 import Binding, Element, ElementTable, ValueSet
from passerelle.structure.invariants import RULES, Rule
from passerelle.structure.primitives import OID, UUID, fault_of, has_syntax, json_type_of
from passerelle.structure.problem import NAME, Location, Problem, Severity, path_of

_PLACE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?", re.ASCII)
_TAIL: Final = re.compile(r"/([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?$", re.ASCII)
_SEARCH: Final = re.compile(r"([A-Z][A-Za-z]+)\?\S+", re.ASCII)
_UUID: Final = re.compile(UUID, re.ASCII)
_OID: Final = re.compile(OID, re.ASCII)
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII)
# These are bound to MIME types, and their definitions name these three besides.
_FORMATS: Final = frozenset({"CapabilityStatement.format", "CapabilityStatement.patchFormat"})
_SHORT_FORMATS: Final = frozenset({"xml", "json", "ttl"})
_OF_R4: Final = "http://hl7.org/fhir/StructureDefinition/"
_SHOWN_CODES: Final = 12
DEEPEST: Final = 128
"""So many members and positions lead to an object at most: more is no record, and would exhaust who walks it."""
# That an element says something (ele-1) is judged of every object, and no rule of its own.
_KEYS: Final = frozenset({one.key for rules in RULES.values() for one in rules} | {"ele-1"})
_MAY_BE_BOUND: Final = frozenset({"Coding", "CodeableConcept", "Quantity"})


@dataclass(frozen=True, slots=True)
class _Member:
    """One spelling of an element: what JSON may hold under that name."""

    element: Element
    type: str
    is_primitive: bool
    is_list: bool
    definition: str
    targets: tuple[str, ...]
    twin: bool = False
    is_simple: bool = False
    """A quantity that must not say more than, or less than."""


@dataclass(frozen=True, slots=True)
class _Definition:
    """What an object of one definition may and must hold."""

    members: Mapping[str, _Member]
    required: tuple[tuple[str, ...], ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]
    rules: tuple[Rule, ...]


class Judge:
    """Finds the problems of resources, in the order in which they stand."""

    def __init__(self, table: ElementTable) -> None:
        self._table = table
        self._definitions: dict[str, _Definition] = {}

    def problems(self, tree: Any) -> Iterator[Problem]:
        """Every problem of a resource, errors and warnings."""
        yield from _Walk(self, tree).resource(tree, ())

    def is_resource(self, name: Any) -> bool:
        """True when R4 has this resource type."""
        return isinstance(name, str) and self._table.is_resource(name)

    def rules_not_judged(self, type_name: str) -> Iterator[Problem]:
        """An information where base rules of the type are not known here, which they are of every type we emit."""
        stated = {
            invariant.key
            for element in self._table.elements(type_name).values()
            for invariant in element.invariants
            if invariant.severity == "error"
        }
        missing = sorted(stated - _KEYS)
        if missing:
            yield Problem(
                type_name, "information", "rules-not-judged", (), {"definition": type_name, "found": ", ".join(missing)}
            )

    def nearest_type(self, name: Any) -> str:
        """The resource type that is spelled most like this, or empty."""
        close = difflib.get_close_matches(str(name), self._table.resource_types, n=1)
        return close[0] if close else ""

    def definition(self, path: str) -> _Definition:
        """What an object of this definition may hold; built once."""
        known = self._definitions.get(path)
        if known is None:
            known = self._definitions[path] = self._build(path)
        return known

    def _build(self, path: str) -> _Definition:
        members: dict[str, _Member] = {}
        required: list[tuple[str, ...]] = []
        choices: list[tuple[str, tuple[str, ...]]] = []
        for element in self._table.members(path):
            names = []
            for name, kind in element.spellings():
                code = kind.code if kind else ""
                primitive = self._table.is_primitive(code)
                definition = self._table.definition_of(element, kind)
                targets = kind.targets if kind else ()
                simple = kind is not None and kind.profile == "SimpleQuantity"
                members[name] = _Member(
                    element, code, primitive, element.is_list, definition, targets, is_simple=simple
                )
                names.append(name)
                if primitive and element.path != "Extension.url":
                    members[f"_{name}"] = _Member(element, code, primitive, element.is_list, "Element", (), twin=True)
                    names.append(f"_{name}")
            if element.is_required:
                required.append((element.name, *names))
            if element.is_choice:
                choices.append((element.name, tuple(names)))
        return _Definition(members, tuple(required), tuple(choices), tuple(self._rules(path)))

    def _rules(self, path: str) -> Iterator[Rule]:
        if self._table.is_resource(path) and self._table.base(path) == "DomainResource":
            yield from RULES["DomainResource"]
        yield from RULES.get(path, ())


class _Walk:
    """One resource being judged. `root` is what local references are resolved in."""

    def __init__(self, judge: Judge, root: Any, type_name: str = "", above: Location = ()) -> None:
        self._judge = judge
        self._root = root
        self._type = type_name
        self._above = above

    def resource(self, tree: Any, location: Location, *, contained: bool = False) -> Iterator[Problem]:
        if not isinstance(tree, dict):
            self._type = self._type or "Resource"
            yield self._problem("not-a-resource", location)
            return
        name = tree.get("resourceType")
        self._type = self._type or (str(name) if self._judge.is_resource(name) else "Resource")
        if not self._judge.is_resource(name):
            key = "no-resource-type" if not isinstance(name, str) or not name else "unknown-resource-type"
            yield self._problem(key, (*location, "resourceType"), nearest=self._judge.nearest_type(name))
            return
        if contained or not location:
            yield from self._object(tree, str(name), location, is_resource=True)
        else:
            yield from _Walk(self._judge, tree, self._type)._object(tree, str(name), location, is_resource=True)  # noqa: SLF001 the same class

    def _problem(self, key: str, location: Location, severity: Severity = "error", **details: str) -> Problem:
        return Problem(path_of(self._type, location), severity, key, location, details)

    def _object(
        self,
        tree: Any,
        definition: str,
        location: Location,
        *,
        is_resource: bool = False,
        has_value: bool = False,
    ) -> Iterator[Problem]:
        if not isinstance(tree, dict):
            yield self._problem("not-an-object" if tree is not None else "null-value", location)
            return
        if len(location) > DEEPEST:
            yield self._problem("too-deep", location)
            return
        if not tree.keys() - {"id"} and not is_resource and not (tree and has_value):
            yield self._problem("empty-object", location)
            return
        known = self._judge.definition(definition)
        sound = True
        found = self._content(tree, known, definition, location, is_resource=is_resource)
        for problem in chain(found, self._agreeing(tree, definition, location, is_resource=is_resource)):
            sound = sound and problem.severity != "error"
            yield problem
        if sound:
            for rule in known.rules:
                if not rule.holds(tree, self._root):
                    yield self._broken(rule, tree, location)

    def _agreeing(
        self, tree: Mapping[str, Any], definition: str, location: Location, *, is_resource: bool
    ) -> Iterator[Problem]:
        """What R4 says in words only: ids of contained resources differ, and an entry's URL is that of its resource."""
        if is_resource:
            yield from self._contained_ids(tree.get("contained"), location)
        elif definition == "Bundle.entry" and isinstance(url := tree.get("fullUrl"), str):
            if not _is_absolute(url):
                yield self._problem("relative-url", (*location, "fullUrl"))
            elif self._is_of_another(url, tree.get("resource")):
                yield self._problem("url-of-another", (*location, "fullUrl"))

    def _contained_ids(self, contained: Any, location: Location) -> Iterator[Problem]:
        seen: set[str] = set()
        for position, one in enumerate(contained if isinstance(contained, list) else ()):
            name = one.get("id") if isinstance(one, dict) else None
            if isinstance(name, str):
                if name in seen:
                    yield self._problem("id-used-twice", (*location, "contained", position, "id"))
                seen.add(name)

    def _is_of_another(self, url: str, resource: Any) -> bool:
        """True when a URL on the web cannot be that of the resource. That it names a version is said by bdl-8."""
        name = resource.get("id") if isinstance(resource, dict) else None
        if not isinstance(name, str) or not url.lower().startswith("http") or "/_history/" in url:
            return False
        tail = _TAIL.search(url)
        named = tail.group(1) if tail and self._judge.is_resource(tail.group(1)) else resource.get("resourceType")
        return not url.endswith(f"/{name}") or named != resource.get("resourceType")

    def _broken(self, rule: Rule, tree: Mapping[str, Any], location: Location) -> Problem:
        at = rule.at
        if at.endswith("[x]"):
            at = next((name for name in tree if name.startswith(at[:-3]) and name[len(at) - 3].isupper()), "")
        return self._problem("base-rule", (*location, at) if at else location, rule=rule.key)

    def _content(
        self, tree: Mapping[str, Any], known: _Definition, definition: str, location: Location, *, is_resource: bool
    ) -> Iterator[Problem]:
        for name, value in tree.items():
            member = known.members.get(name)
            if member is not None:
                yield from self._member(tree, name, member, value, (*location, name))
            elif not (is_resource and name == "resourceType"):
                yield self._unknown(name, known, definition, location)
        for element, *names in known.required:
            if not any(name in tree for name in names):
                key = "missing-choice" if element.endswith("[x]") else "missing-element"
                wanted = ", ".join(name for name in names if not name.startswith("_"))
                shown = element.removesuffix("[x]")
                yield self._problem(key, (*location, shown), element=element, wanted=wanted)
        for element, spellings in known.choices:
            said = {name.removeprefix("_") for name in spellings if name in tree}
            if len(said) > 1:
                yield self._problem(
                    "two-of-a-choice", (*location, max(said)), element=element, found=", ".join(sorted(said))
                )

    def _unknown(self, name: str, known: _Definition, definition: str, location: Location) -> Problem:
        close = difflib.get_close_matches(name, [one for one in known.members if not one.startswith("_")], n=1)
        shown = name if NAME.fullmatch(name) else "?"
        return self._problem(
            "unknown-element", (*location, shown), definition=definition, nearest=close[0] if close else ""
        )

    def _member(
        self, tree: Mapping[str, Any], name: str, member: _Member, value: Any, location: Location
    ) -> Iterator[Problem]:
        if value is None:
            yield self._problem("null-value", location)
        elif not member.is_list:
            if isinstance(value, list):
                yield self._problem("a-list", location)
            else:
                has_value = member.twin and tree.get(name[1:]) is not None
                yield from self._one(member, value, location, has_value=has_value)
        elif not isinstance(value, list):
            yield self._problem("not-a-list", location)
        elif not value:
            yield self._problem("empty-list", location)
        else:
            if member.element.max is not None and len(value) > member.element.max:
                yield self._problem("too-many", location, most=str(member.element.max))
            other = tree.get(name[1:] if member.twin else f"_{name}") if member.is_primitive else None
            yield from self._many(member, value, other, location)

    def _many(self, member: _Member, values: Sequence[Any], other: Any, location: Location) -> Iterator[Problem]:
        beside = other if isinstance(other, list) else []
        if beside and member.twin and len(beside) != len(values):
            yield self._problem("twins-of-other-length", location)
        for position, value in enumerate(values):
            at = (*location, position)
            if value is not None:
                has_value = member.twin and position < len(beside) and beside[position] is not None
                yield from self._one(member, value, at, has_value=has_value)
            elif position >= len(beside) or beside[position] is None:
                yield self._problem("null-value", at)

    def _one(self, member: _Member, value: Any, location: Location, *, has_value: bool = False) -> Iterator[Problem]:
        if member.type == "Resource":
            yield from self.resource(value, location, contained=member.element.name == "contained")
        elif member.twin or not member.is_primitive:
            found = False
            for problem in self._object(value, member.definition, location, has_value=has_value):
                found = found or problem.severity == "error"
                yield problem
            if not found and not member.twin:
                yield from self._meaning(member, value, location)
        elif fault := fault_of(member.type, value):
            yield self._problem(fault, location, type=member.type, wanted=json_type_of(member.type))
        else:
            yield from self._text(member, value, location)
            if member.element.binding is not None:
                yield from self._code(member, member.element.binding, value, location)

    def _text(self, member: _Member, value: Any, location: Location) -> Iterator[Problem]:
        """What a text says that has the form of its type."""
        if member.type not in {"string", "markdown"}:
            return
        if member.element.name == "id":
            if any(letter.isspace() for letter in value):
                yield self._problem("id-with-a-space", location)
        elif not value.strip():
            yield self._problem("blank-text", location, "warning")

    def _meaning(self, member: _Member, value: Mapping[str, Any], location: Location) -> Iterator[Problem]:
        if member.type == "Reference":
            yield from self._pointing(member, value, location)
        if member.is_simple and ("comparator" in value or "_comparator" in value):
            yield self._problem("no-comparator", (*location, "comparator"))
        binding = member.element.binding
        if binding is not None and member.type in _MAY_BE_BOUND:
            yield from self._concept(binding, member.type, value, location)

    # --- references ---

    def _pointing(self, member: _Member, value: Mapping[str, Any], location: Location) -> Iterator[Problem]:
        text = value.get("reference")
        pointed = "" if text is None else self._pointed_type(text)
        if pointed is None:
            yield self._problem("malformed-reference", (*location, "reference"))
        elif pointed and member.targets and pointed not in member.targets:
            wanted = ", ".join(member.targets)
            yield self._problem("wrong-target", (*location, "reference"), found=pointed, wanted=wanted)
        said = str(value.get("type", "")).removeprefix(_OF_R4)
        if not self._judge.is_resource(said):
            return  # a logical model, or a name that the binding of the element warns of
        if member.targets and said not in member.targets:
            wanted = ", ".join(member.targets)
            yield self._problem("wrong-target", (*location, "type"), found=said, wanted=wanted)
        elif pointed and pointed != said:
            yield self._problem("type-of-another", (*location, "type"), found=pointed)

    def _pointed_type(self, text: str) -> str | None:
        """The type pointed at, empty when the text does not say, nothing when it is no reference."""
        if text.startswith("#"):
            return self._contained_type(text[1:])
        if text[:4].lower() == "urn:":
            return "" if _is_absolute(text) else None
        if found := _PLACE.fullmatch(text) or _SEARCH.fullmatch(text):
            return found.group(1) if self._judge.is_resource(found.group(1)) else None
        if not _is_absolute(text):
            return None
        tail = _TAIL.search(text)
        return tail.group(1) if tail and self._judge.is_resource(tail.group(1)) else ""

    def _contained_type(self, name: str) -> str | None:
        held = self._root.get("contained") if isinstance(self._root, dict) else None
        for one in held if isinstance(held, list) else ():
            if isinstance(one, dict) and one.get("id") == name and self._judge.is_resource(one.get("resourceType")):
                return str(one["resourceType"])
        return ""  # that nothing is contained under this name is said by ref-1

    # --- codes ---

    def _code(self, member: _Member, binding: Binding, value: Any, location: Location) -> Iterator[Problem]:
        if member.type not in {"code", "string", "uri"}:
            return
        if member.element.path in _FORMATS and value in _SHORT_FORMATS:
            return
        for value_set in _ruling(binding):
            if value_set.codes is not None and value not in value_set.all_codes:
                yield self._problem("code-not-allowed", location, wanted=_shown(value_set.all_codes))
            elif value_set.syntax and not has_syntax(value_set.syntax, value):
                yield self._problem("code-without-syntax", location, syntax=value_set.syntax)
        known = binding.value_set.codes is not None
        if binding.strength == "extensible" and known and value not in binding.value_set.all_codes:
            yield self._problem("code-outside", location, "warning", value_set=binding.value_set.url)

    def _concept(
        self, binding: Binding, type_name: str, value: Mapping[str, Any], location: Location
    ) -> Iterator[Problem]:
        codings = value.get("coding", []) if type_name == "CodeableConcept" else [value]
        coded = [one for one in codings if "code" in one]
        for value_set in _ruling(binding):
            if value_set.codes is None and value_set.syntax is None:
                continue
            if not coded:
                if binding.strength == "required" and "extension" not in value:
                    yield self._problem("coding-missing", location, value_set=value_set.url)
            elif not any(_is_in(one, value_set) for one in coded):
                yield self._problem(
                    "coding-not-allowed", location, value_set=value_set.url, wanted=_shown_set(value_set)
                )
        known = binding.value_set.codes is not None or binding.value_set.syntax is not None
        if (
            binding.strength == "extensible"
            and known
            and coded
            and not any(_is_in(one, binding.value_set) for one in coded)
        ):
            yield self._problem("coding-outside", location, "warning", value_set=binding.value_set.url)


def _is_absolute(url: str) -> bool:
    """True for a URL with a scheme; of a UUID or an OID, when it is one."""
    if url[:9].lower() == "urn:uuid:":
        return _UUID.fullmatch(url) is not None
    if url[:8].lower() == "urn:oid:":
        return _OID.fullmatch(url) is not None
    return _ABSOLUTE.fullmatch(url) is not None


def _ruling(binding: Binding) -> list[ValueSet]:
    """The value sets that nothing may leave: that of a required binding, and the widest of any other."""
    required = [binding.value_set] if binding.strength == "required" else []
    return required + ([binding.widest] if binding.widest is not None else [])


def _is_in(coding: Mapping[str, Any], value_set: ValueSet) -> bool:
    if value_set.codes is not None:
        return coding.get("code") in value_set.codes.get(coding.get("system", ""), ())
    return value_set.syntax is None or has_syntax(value_set.syntax, coding["code"])


def _shown(codes: frozenset[str]) -> str:
    some = sorted(codes)[:_SHOWN_CODES]
    return ", ".join(some) + (", ..." if len(codes) > _SHOWN_CODES else "")


def _shown_set(value_set: ValueSet) -> str:
    return _shown(value_set.all_codes) if value_set.codes else value_set.syntax or ""
