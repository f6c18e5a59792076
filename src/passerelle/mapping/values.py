"""What one line of a mapping becomes: its constant, its reference, or the conversion of its columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from passerelle.contracts.code_list import CodeList, CodeTarget
from passerelle.contracts.house import House, SourceFolder
from passerelle.contracts.mapping import FieldLine
from passerelle.fhir_r4 import ElementTable, Resolved
from passerelle.mapping.constants import Constants, code_fault, required
from passerelle.mapping.converting import (
    CONVERTIBLE,
    MOST_REMEMBERED,
    NATURAL,
    TEXTS,
    Noted,
    chained,
    checked,
    converter,
    local_time,
    typed_by,
)
from passerelle.mapping.expanding import CODED, coded, expansion
from passerelle.mapping.fields import Condition, FieldPlan, Key
from passerelle.mapping.labels import ORGANISATION, Label, own_organisation
from passerelle.mapping.origins import Columns, Loop, Origin, Unresolved
from passerelle.mapping.plan import Refusal
from passerelle.mapping.rules import Refused, Rule, known_rules
from passerelle.mapping.telling import Teller
from passerelle.mapping.uses import Uses, told_as
from passerelle.reading import Unreadable, canonicalizer
from passerelle.records import Reason
from passerelle.structure.primitives import BOUNDS

Step = Callable[[Any], Any]
_SIBLING_SYSTEM = {"value": {"Identifier", "ContactPoint"}, "code": {"Coding", "Quantity"}}
_DATED = frozenset({"date", "dateTime", "instant"})


@dataclass(frozen=True, slots=True)
class Spot:
    """One line of a mapping where it is compiled: what R4 says at its path, and what may be read there."""

    line: FieldLine
    position: int
    resolved: Resolved
    columns: Columns
    loops: tuple[Loop, ...]
    teller: Teller


@dataclass(slots=True)
class Values:
    """Compiles the lines of one source. Problems go to the teller of each line."""

    folder: SourceFolder
    house: House
    table: ElementTable
    labels: Mapping[str, Label]
    uses: Uses

    # Names ----------------------------------------------------------------------------------------------------------

    def system_of(self, name: str) -> str | None:
        """The URI of a system given by name, or as it is."""
        own = self.folder.source.identifiers.get(name)
        if own is not None:
            return own.system
        return name if ":" in name else self.house.naming.get(name)

    def code_list(self, name: str, teller: Teller) -> CodeList | None:
        """The code list of that name; its absence is told."""
        found = self.folder.code_lists.get(name)
        if found is None:
            teller.unknown("code list", name, list(self.folder.code_lists), "codes")
            return None
        self.uses.lists[name] = found
        return found

    def conditions(
        self, only: Mapping[str, str], columns: Columns, loops: Sequence[Loop], teller: Teller
    ) -> tuple[Condition, ...]:
        """What an `only` compares."""
        found = []
        for name, equals in only.items():
            try:
                found.append(Condition(columns.condition(name, loops), equals))
            except Unresolved as wrong:
                teller.unresolved(wrong, "only", name)
        return tuple(found)

    def key(self, origin: Origin) -> Key:
        """One column of an id, refusing what is not of its type."""
        canonical = canonicalizer(origin.column, zone=origin.written.zone, decimal=origin.written.decimal)

        def read(text: str) -> str:
            try:
                return canonical(text)
            except Unreadable as wrong:
                raise Refusal(wrong.reason, origin.name) from None

        return Key(origin, canonical if origin.column.type == "string" else read)

    # Lines ----------------------------------------------------------------------------------------------------------

    def field(self, spot: Spot) -> FieldPlan | None:
        """The line, compiled; nothing when something about it was told."""
        line, resolved, teller = spot.line, spot.resolved, spot.teller
        only = self.conditions(line.only, spot.columns, spot.loops, teller)
        system = self._system(line, resolved, teller)
        if line.system is not None and system is None:
            return None
        if line.constant is not None:
            constants = Constants(self.table, self.system_of, lambda sentence: teller.tell(sentence, "constant"))
            value = constants.value(line.constant, resolved, system)
            return FieldPlan(line, spot.position, resolved, line.to, constant=value, only=only)
        if line.refers is not None:
            return self._reference(spot, only)
        names = (line.column,) if line.column is not None else line.columns or ()
        origins = self._origins(spot, names, "column" if line.column else "columns")
        if len(origins) != len(names):
            return None
        place = names[0] if len(names) == 1 and names[0] else line.to
        compiled = _Conversion(self, line, resolved, origins, place, system, teller).compiled()
        if compiled is None:
            return None
        return FieldPlan(
            line,
            spot.position,
            resolved,
            place,
            origins=origins,
            convert=compiled.convert,
            vanishes=compiled.vanishes,
            plain=compiled.plain,
            only=only,
            fills=compiled.fills,
            many=compiled.many,
        )

    def _origins(self, spot: Spot, names: Sequence[str], within: str) -> tuple[Origin, ...]:
        found = []
        for name in names:
            try:
                found.append(spot.columns.resolve(name, spot.loops))
            except Unresolved as wrong:
                spot.teller.unresolved(wrong, within)
        return tuple(found)

    def _system(self, line: FieldLine, resolved: Resolved, teller: Teller) -> str | None:
        if line.system is None:
            return None
        if resolved.type == "ContactPoint" or (len(resolved.steps) > 1 and _holder(resolved) == "ContactPoint"):
            return line.system
        found = self.system_of(line.system)
        if found is None:
            known = [*self.folder.source.identifiers, *self.house.naming]
            teller.unknown("system", line.system, known, "system")
        return found

    def sibling_system(self, line: FieldLine, resolved: Resolved, teller: Teller) -> str | None:
        """The system that goes beside an Identifier's value or a Coding's code, when the line says which.

        It is that of `system`, else the one system of the line's code list.
        """
        name = resolved.steps[-1].name
        if len(resolved.steps) < 2 or _holder(resolved) not in _SIBLING_SYSTEM.get(name, set()):
            if line.system and self.table.is_primitive(resolved.type) and not line.keep:
                teller.tell(f"'{resolved.path}' is of type {resolved.type} and takes no `system`", "system")
            return None
        if line.system:
            return self._system(line, resolved, teller)
        listed = self.folder.code_lists.get(line.codes or "")
        if listed is None or _holder(resolved) != "Coding":
            return None
        systems = {target.system for target in listed.rows.values() if target is not None and target.system}
        if len(systems) > 1:
            teller.tell(f"'{listed.name}' has codes of several systems; write the Coding and not its code", "codes")
        return systems.pop() if len(systems) == 1 else None

    # References -----------------------------------------------------------------------------------------------------

    def _reference(self, spot: Spot, only: tuple[Condition, ...]) -> FieldPlan | None:
        line, resolved, teller = spot.line, spot.resolved, spot.teller
        label = self._label(spot)
        if label is None:
            return None
        if not line.key:
            if label.name != ORGANISATION:
                teller.tell(f"a reference to '{label.name}' wants a `key`", "refers")
                return None
            own = label.reference((own_organisation(self.folder, self.house),))
            return FieldPlan(line, spot.position, resolved, line.to, reference=own, only=only)
        origins = self._origins(spot, line.key, "key")
        if len(origins) != len(line.key):
            return None
        place = line.key[0] if len(line.key) == 1 else resolved.path
        step = self._reference_step(line, label, origins, place, teller)
        if step is None:
            return None
        listed = self.folder.code_lists.get(line.codes or "")
        vanishes = listed is not None and None in listed.rows.values()
        return FieldPlan(line, spot.position, resolved, place, origins, step, vanishes=vanishes, only=only)

    def _label(self, spot: Spot) -> Label | None:
        """The label that a line refers to, if the element may hold a reference to it."""
        line, resolved, teller = spot.line, spot.resolved, spot.teller
        label = self.labels.get(line.refers or "")
        if label is None:
            teller.unknown("label", line.refers or "", list(self.labels), "refers")
            return None
        if resolved.type != "Reference":
            teller.tell(f"'{resolved.path}' is of type {resolved.type}, not a Reference", "refers")
            return None
        if resolved.targets and label.type not in resolved.targets and "Resource" not in resolved.targets:
            wanted = ", ".join(resolved.targets)
            teller.tell(f"'{resolved.path}' may refer to {wanted}, and '{label.name}' is {label.type}", "refers")
            return None
        if line.rule is not None:
            teller.tell("a reference takes no `rule`; its key is made of columns as they are", "rule")
            return None
        return label

    def _reference_step(
        self, line: FieldLine, label: Label, origins: tuple[Origin, ...], place: str, teller: Teller
    ) -> Step | None:
        if label.key_types is not None:
            types = tuple("string" if line.codes else one.column.type for one in origins)
            if len(types) != len(label.key_types):
                count = len(label.key_types)
                teller.tell(f"the key of '{label.name}' has {count} column{'s' if count > 1 else ''}", "key")
                return None
            if types != label.key_types and label.known is None:
                wanted, given = ", ".join(label.key_types), ", ".join(types)
                teller.tell(f"the key of '{label.name}' is {wanted}, this one is {given}: ids would differ", "key")
                return None
        if line.codes is not None:
            return self._coded_reference(line, label, place, teller)
        keys = [self.key(origin) for origin in origins]
        if len(keys) == 1:
            canonical = keys[0].canonical
            return _known(label, place, lambda text: label.reference((canonical(text),)), canonical)
        return lambda texts: label.reference(tuple(key.canonical(text) for key, text in zip(keys, texts, strict=True)))

    def _coded_reference(self, line: FieldLine, label: Label, place: str, teller: Teller) -> Step | None:
        listed = self.code_list(line.codes or "", teller)
        if listed is None:
            return None
        if len(line.key) != 1:
            teller.tell("`codes` of a reference wants one key column", "codes")
            return None
        for code, target in listed.rows.items():
            if target is not None and label.known is not None and target.code not in label.known:
                said = f"target '{target.code}' of code '{code}' is no {label.name} that is known"
                teller.problems.add(listed.places.get(code, teller.place("codes")), said)
        look_up = self.look_up(listed, place)
        return chained((look_up, lambda target: label.reference((target.code,))))

    def look_up(self, listed: CodeList, place: str) -> Step:
        """The step from a code to its target; a code that means nothing becomes nothing, and is noticed."""
        rows, uses, told = listed.rows, self.uses, told_as(listed)

        def find(code: Any) -> CodeTarget | Noted:
            text = str(code)
            if text not in rows:
                raise Refusal(Reason.UNKNOWN_CODE, place, (listed.name, told(text)))
            uses.meets(listed, text)
            target = rows[text]
            return Noted(None, Reason.CODE_MEANS_NOTHING) if target is None else target

        return find


def _known(label: Label, place: str, refer: Step, canonical: Callable[[str], str]) -> Step:
    """The step to a reference, refusing a key that is not in the list of those there are."""
    if label.known is None:
        return refer
    known = label.known

    def find(text: str) -> Any:
        if canonical(text) not in known:
            raise Refusal(Reason.UNKNOWN_CODE, place)
        return refer(text)

    return find


def _holder(resolved: Resolved) -> str:
    """The type of what holds the last step."""
    step = resolved.steps[-2]
    return step.type.code if step.type is not None else ""


@dataclass(frozen=True, slots=True)
class _Compiled:
    convert: Step
    vanishes: bool = False
    fills: tuple[str, ...] = ()
    many: bool = False
    plain: bool = False


@dataclass(slots=True)
class _Conversion:
    """The steps from the columns of one line to the element."""

    values: Values
    line: FieldLine
    resolved: Resolved
    origins: tuple[Origin, ...]
    place: str
    system: str | None
    teller: Teller

    def compiled(self) -> _Compiled | None:
        type_name = self.resolved.type
        rule = self._rule()
        if self.line.rule is not None and rule is None:
            return None
        listed = None
        if self.line.codes is not None:
            listed = self.values.code_list(self.line.codes, self.teller)
            if listed is None:
                return None
        steps: list[Step] = [] if rule is None else [self._call(rule)]
        per_value = self._steps(type_name, rule, listed)
        if per_value is None:
            return None
        after, fills, vanishes = per_value
        many = rule is not None and rule.many
        if many and after:
            each = chained(after)
            steps.append(lambda values: [each(value) for value in values] or None)
        else:
            steps.extend(after)
        return _Compiled(chained(steps), vanishes, fills, many, self._is_plain(type_name, rule, listed))

    def _is_plain(self, type_name: str, rule: Rule | None, listed: CodeList | None) -> bool:
        """True when the text of the column is written as it is."""
        texts = type_name in {"string", "markdown"} and self.origins[0].column.type == "string"
        return texts and rule is None and listed is None

    def _steps(
        self, type_name: str, rule: Rule | None, listed: CodeList | None
    ) -> tuple[list[Step], tuple[str, ...], bool] | None:
        """The steps after the rule, the members they fill, and whether a value may vanish on the way."""
        if listed is not None:
            return self._coded(type_name, rule, listed)
        if self.values.table.is_primitive(type_name):
            steps = self._primitive(type_name, rule)
            return None if steps is None else (steps, (), False)
        if rule is not None and rule.gives == type_name:
            return [], (), False
        found = expansion(type_name, self.system)
        if isinstance(found, str):
            self.teller.tell(f"'{self.resolved.path}' {found}", "to")
            return None
        steps = self._primitive(found.takes, rule)
        return None if steps is None else ([*steps, found.build], found.fills, False)

    # Primitive values -----------------------------------------------------------------------------------------------

    def _primitive(self, wanted: str, rule: Rule | None) -> list[Step] | None:
        steps = self._given(wanted, rule) if rule is not None else self._direct(wanted)
        if steps is not None and wanted == "code":
            steps.extend(self._bound())
        return steps

    def _direct(self, wanted: str) -> list[Step] | None:
        origin = self.origins[0]
        column = origin.column if origin.typed else typed_by(wanted, hl7=origin.written.hl7)
        if wanted not in CONVERTIBLE[column.type]:
            self.teller.tell(
                f"column '{origin.name}' is of type {column.type} and '{self.resolved.path}' wants {wanted}; "
                "declare the column's type, or name a `rule`",
                "column",
            )
            return None
        return [converter(column, wanted, origin.written, self.place)]

    def _given(self, wanted: str, rule: Rule) -> list[Step] | None:
        zone = self.origins[0].written.zone
        if rule.gives in TEXTS and wanted in TEXTS:
            return [checked(wanted, self.place)]
        if rule.gives in {wanted, "integer"} and wanted in {*BOUNDS, "decimal", "boolean", "time"}:
            return [checked(wanted, self.place)]
        if rule.gives in _DATED and wanted in _DATED and not (rule.gives == "date" and wanted == "instant"):
            cut: list[Step] = [lambda text: text[:10]] if wanted == "date" else [lambda text: local_time(text, zone)]
            return [*cut, checked(wanted, self.place)]
        self.teller.tell(f"rule '{rule.name}' gives {rule.gives} and '{self.resolved.path}' wants {wanted}", "rule")
        return None

    def _bound(self) -> list[Step]:
        """The step that refuses a code that the element's value set does not have."""
        binding = required(self.resolved.coded_binding)
        if binding is None or (binding.codes is None and binding.syntax is None):
            return []

        def bound(code: str) -> str:
            if code_fault(binding, code) is not None:
                raise Refusal(Reason.UNKNOWN_CODE, self.place)
            return code

        return [bound]

    # Codes ----------------------------------------------------------------------------------------------------------

    def _coded(
        self, type_name: str, rule: Rule | None, listed: CodeList
    ) -> tuple[list[Step], tuple[str, ...], bool] | None:
        vanishes = None in listed.rows.values()
        if type_name not in CODED and not self.values.table.is_primitive(type_name):
            self.teller.tell(
                f"'{self.resolved.path}' is of type {type_name or 'backbone'} and takes no `codes`", "codes"
            )
            return None
        if rule is not None and rule.gives not in {*TEXTS, *BOUNDS, "boolean"}:
            self.teller.tell(f"rule '{rule.name}' gives {rule.gives}, in which no code is looked up", "rule")
            return None
        made: dict[int, Any] = {}
        for code, target in listed.rows.items():
            if target is not None:
                made[id(target)] = self._target(type_name, code, target, listed)
        if self.line.keep == "source":
            if type_name != "CodeableConcept":
                self.teller.tell(f"'{self.resolved.path}' has no place for the source's own code", "keep")
            return [self._kept(type_name, listed)], ("coding",), vanishes
        steps: list[Step] = [self.values.look_up(listed, self.place), lambda target: made[id(target)]]
        fills = {"CodeableConcept": ("coding",), "Coding": ("system", "code", "display")}.get(type_name, ())
        return steps, fills, vanishes

    def _kept(self, type_name: str, listed: CodeList) -> Step:
        look_up, system = self.values.look_up(listed, self.place), self.system

        def step(code: Any) -> Any:
            target = look_up(code)
            if isinstance(target, Noted):
                return target
            return coded(type_name, target, "", {"system": system, "code": str(code)})

        return step

    def _target(self, type_name: str, code: str, target: CodeTarget, listed: CodeList) -> Any:
        place = listed.places.get(code, self.teller.place("codes"))

        def tell(sentence: str) -> None:
            self.teller.problems.add(place, f"code '{code}' is used for '{self.line.to}', which {sentence}")

        if type_name in CODED:
            default = "" if self.line.keep else self.system or ""
            system = target.system or default
            if not system:
                tell("wants a system with its target")
            fault = code_fault(self.resolved.coded_binding, target.code, system)
            if fault:
                tell(fault)
            return coded(type_name, target, default, None)
        return self._target_text(type_name, target, tell)

    def _target_text(self, type_name: str, target: CodeTarget, tell: Callable[[str], None]) -> Any:
        value: Any = target.code
        if type_name == "boolean":
            value = {"true": True, "false": False}.get(target.code, target.code)
        elif type_name in BOUNDS and target.code.lstrip("-").isdigit():
            value = int(target.code)
        try:
            checked(type_name, "")(value)
        except Refusal:
            tell(f"is of type {type_name} and does not take target '{target.code}'")
            return value
        fault = code_fault(self.resolved.coded_binding, value) if type_name == "code" else None
        if fault:
            tell(fault)
        return value

    # Rules ----------------------------------------------------------------------------------------------------------

    def _rule(self) -> Rule | None:
        if self.line.rule is None:
            return None
        rules = known_rules()
        rule = rules.get(self.line.rule)
        if rule is None:
            self.teller.unknown("rule", self.line.rule, list(rules), "rule")
            return None
        if not rule.takes(len(self.origins)):
            wanted = rule.least if rule.most == rule.least else f"at least {rule.least}"
            self.teller.tell(f"rule '{rule.name}' takes {wanted} columns, not {len(self.origins)}", "rule")
            return None
        return rule

    def _call(self, rule: Rule) -> Step:
        """The step that calls the rule on what FHIR would write for each column."""
        reads = [_natural(origin) for origin in self.origins]
        place, call = self.place, rule.call
        single = reads[0] if self.line.column is not None else None

        def one(text: str) -> Any:
            assert single is not None
            return _called(call, place, single(text))

        def several(texts: Sequence[str | None]) -> Any:
            given = [None if text is None else read(text) for read, text in zip(reads, texts, strict=True)]
            return _called(call, place, *given)

        return one if single is not None else several


def _called(call: Callable[..., Any], place: str, *given: Any) -> Any:
    try:
        return call(*given)
    except Refused as refused:
        raise Refusal(refused.reason, place) from None
    except (ValueError, TypeError, LookupError, ArithmeticError):
        raise Refusal(Reason.RULE_REFUSED, place) from None


def _natural(origin: Origin) -> Step:
    """What FHIR would write for the column; a doubtful hour is left out, as everywhere."""
    read = converter(origin.column, NATURAL[origin.column.type], origin.written, origin.name)
    if origin.column.type == "string":
        return lambda text: text

    def natural(text: str) -> Any:
        value = read(text)
        return value.value if isinstance(value, Noted) else value

    # A moment is seldom the same twice, and remembers its halves itself.
    return natural if origin.column.type == "datetime" else lru_cache(maxsize=MOST_REMEMBERED)(natural)
