"""From contracts to plans: every mapping of a source against the R4 element table, all that is wrong told at once."""

from dataclasses import dataclass, field

from passerelle.contracts.house import House, SourceFolder
from passerelle.contracts.mapping import Emit, FieldLine, MappingFile, Present
from passerelle.contracts.problems import Problems
from passerelle.fhir_r4 import ElementTable, UnknownElement, element_table
from passerelle.mapping.emitting import generated
from passerelle.mapping.fields import EmitShape, FieldPlan, Key, Presence
from passerelle.mapping.labels import (
    ORGANISATION,
    UNIT,
    Label,
    organisation_label,
    outside_validity,
    source_hasher,
    unit_label,
)
from passerelle.mapping.origins import Columns, Loop, Unresolved
from passerelle.mapping.plan import Plan, SourcePlans
from passerelle.mapping.telling import Teller
from passerelle.mapping.tree import Step, Tree, labels_fit, outermost, plain, steps_of
from passerelle.mapping.uses import Uses
from passerelle.mapping.values import Spot, Values
from passerelle.stores.keys import KeyRing

__all__ = ["SourcePlans", "compile_source"]

_COMPUTED = frozenset({"id", "resourceType"})


def compile_source(folder: SourceFolder, house: House, keys: KeyRing) -> SourcePlans:
    """Every mapping of the source, compiled.

    Raises:
        ContractError: something is wrong in one of them; all of it, as `file:line: sentence`.
    """
    problems = Problems()
    plans = _Source(folder, house, keys, element_table(), problems).plans()
    problems.raise_if_any()
    return plans


@dataclass(slots=True)
class _Source:
    folder: SourceFolder
    house: House
    keys: KeyRing
    table: ElementTable
    problems: Problems
    labels: dict[str, Label] = field(default_factory=dict)

    def plans(self) -> SourcePlans:
        self._know_labels()
        by_table: dict[str, tuple[Plan, ...]] = {}
        for mapping in self.folder.mappings:
            plan = self._plan(mapping)
            if plan is not None:
                by_table[mapping.reads] = (*by_table.get(mapping.reads, ()), plan)
        reserved = {ORGANISATION, UNIT}
        return SourcePlans(by_table, {name: one.type for name, one in self.labels.items() if name not in reserved})

    def _know_labels(self) -> None:
        """Labels are known before any line is read, as mappings refer to one another."""
        self.labels[ORGANISATION] = organisation_label(self.folder, self.house, self.keys)
        self.labels[UNIT] = unit_label(self.folder, self.keys)
        for mapping in self.folder.mappings:
            for emit in mapping.emits:
                teller = Teller(self.folder, self.problems, mapping.mapping, emit.as_)
                if emit.as_ in self.labels:
                    teller.tell(f"label '{emit.as_}' is written twice; one mapping of the source writes it", "as")
                    continue
                hasher = source_hasher(self.folder, self.keys, emit.as_)
                self.labels[emit.as_] = Label(emit.as_, emit.resource, hasher, self._key_types(mapping, emit))

    def _key_types(self, mapping: MappingFile, emit: Emit) -> tuple[str, ...] | None:
        """The types of an emit's key columns; nothing when it is wrong, which is told when the emit is compiled."""
        if mapping.reads not in self.folder.source.tables:
            return None
        columns = Columns(self.folder.source, mapping.reads)
        try:
            loops = columns.loops(emit.each) if emit.each else ()
            return tuple(columns.resolve(name, loops).column.type for name in emit.key)
        except Unresolved:
            return None

    def _plan(self, mapping: MappingFile) -> Plan | None:
        teller = Teller(self.folder, self.problems, mapping.mapping)
        tables = self.folder.source.tables
        if mapping.reads not in tables:
            teller.unknown("table", mapping.reads, list(tables), "reads")
            return None
        table = tables[mapping.reads]
        if mapping.fold is not None and mapping.fold not in table.folds:
            teller.unknown("fold", mapping.fold, list(table.folds), "fold")
        columns = Columns(self.folder.source, mapping.reads)
        uses = Uses()
        values = Values(self.folder, self.house, self.table, self.labels, uses)
        shapes = []
        for emit in mapping.emits:
            shape = _Emit(self, emit, columns, values, teller.emit(emit.as_)).shape()
            if shape is not None:
                shapes.append(shape)
        uses.read = columns.read
        if self.problems:
            return None
        evaluate, makers, code = generated(mapping.mapping, columns, tuple(shapes))
        return Plan(
            mapping=mapping.mapping,
            table=mapping.reads,
            fold=mapping.fold,
            parents=tuple(columns.parents),
            children=tuple(columns.children),
            labels=tuple(shape.label for shape in shapes),
            evaluate=evaluate,
            columns=columns,
            makers=makers,
            uses=uses,
            shapes=tuple(shapes),
            code=code,
        )


@dataclass(slots=True)
class _Emit:
    source: _Source
    emit: Emit
    columns: Columns
    values: Values
    teller: Teller
    beside: set[str] = field(default_factory=set)
    """Paths of systems that were put beside a value."""

    def shape(self) -> EmitShape | None:
        emit, table = self.emit, self.source.table
        if not table.is_resource(emit.resource):
            self.teller.unknown("resource", emit.resource, table.resource_types, "resource")
            return None
        loops = self._loops(emit.each, (), self.teller)
        if loops is None:
            return None
        key = self._key(loops)
        tree = Tree(table, self.teller, emit.resource, len(loops))
        plans = []
        for position, line in enumerate(emit.fields):
            plan = self._field(line, position, tree, loops)
            if plan is not None:
                plans.append(plan)
        if len(plans) == len(emit.fields):
            tree.close()
        units = any(plan.line.refers == UNIT for plan in plans)
        return EmitShape(
            resource=emit.resource,
            label=emit.as_,
            hasher=source_hasher(self.source.folder, self.source.keys, emit.as_),
            key=key,
            root=tree.root,
            fields=tuple(plans),
            loops=loops,
            only=self.values.conditions(emit.only, self.columns, loops, self.teller),
            present=self._present(loops),
            outside=outside_validity(self.source.folder) if units else None,
        )

    def _loops(self, each: str | None, outer: tuple[Loop, ...], teller: Teller) -> tuple[Loop, ...] | None:
        if each is None:
            return outer
        try:
            return self.columns.loops(each, outer)
        except Unresolved as wrong:
            teller.unresolved(wrong, "each")
            return None

    def _key(self, loops: tuple[Loop, ...]) -> tuple[Key, ...]:
        found = []
        for name in self.emit.key:
            try:
                found.append(self.values.key(self.columns.resolve(name, loops)))
            except Unresolved as wrong:
                self.teller.unresolved(wrong, "key")
        if loops and found and not any(key.origin.where in {"occurrence", "position"} for key in found):
            self.teller.tell(
                f"every occurrence of '{self.emit.each}' would have the same id; "
                f"name one of its fields in the key, or {self.emit.each}.position",
                "key",
            )
        return tuple(found)

    def _present(self, loops: tuple[Loop, ...]) -> Presence | None:
        wanted = self.emit.present
        if wanted is None:
            return None
        column, codes = (wanted.column, wanted.codes) if isinstance(wanted, Present) else (wanted, None)
        try:
            origin = self.columns.resolve(column, loops)
        except Unresolved as wrong:
            self.teller.unresolved(wrong, "present")
            return None
        if codes is None:
            return Presence(origin, None)
        listed = self.values.code_list(codes, self.teller)
        return None if listed is None else Presence(origin, self.values.look_up(listed, column))

    def _field(self, line: FieldLine, position: int, tree: Tree, outer: tuple[Loop, ...]) -> FieldPlan | None:
        teller = self.teller.field(position)
        root, steps = steps_of(line.to)
        if root != self.emit.resource:
            teller.tell(f"'{line.to}' is not in {self.emit.resource}", "to")
            return None
        if steps[0].name in _COMPUTED:
            teller.tell(f"'{line.to}' is computed from `key` and is never written", "to")
            return None
        try:
            resolved = self.source.table.resolve(plain(line.to))
        except UnknownElement as wrong:
            teller.tell(str(wrong), "to")
            return None
        if resolved.is_choice:
            spelled = ", ".join(name for name, _ in resolved.element.spellings()[:6])
            teller.tell(f"'{line.to}' may have several types; spell the one you mean: {spelled}", "to")
            return None
        loops = self._loops(line.each, outer, teller)
        if loops is None:
            return None
        if len(loops) > len(outer) and outermost(steps) is None:
            teller.tell(f"`each` fills an array, and '{line.to}' has no label", "each")
            return None
        plan = self.values.field(Spot(line, position, resolved, self.columns, loops, teller))
        if plan is None or not labels_fit(line, resolved, steps, teller, many=plan.many):
            return None
        if self._absent_in_array(plan, steps, teller):
            return None
        tree.put(plan, steps, loops)
        self._sibling(plan, steps, tree, loops, teller)
        return plan

    def _absent_in_array(self, plan: FieldPlan, steps: tuple[Step, ...], teller: Teller) -> bool:
        """An absent primitive has its reason beside it, for which an array has no place."""
        primitive = self.source.table.is_primitive(plan.resolved.type)
        if plan.line.missing == "absent-reason" and primitive and (steps[-1].label is not None or plan.many):
            teller.tell(
                f"'{plan.line.to}' is in an array of values, where a reason for absence has no place", "missing"
            )
            return True
        return False

    def _sibling(
        self, plan: FieldPlan, steps: tuple[Step, ...], tree: Tree, loops: tuple[Loop, ...], teller: Teller
    ) -> None:
        """`system` of an Identifier's value goes beside it, unless a line of its own says it."""
        system = self.values.sibling_system(plan.line, plan.resolved, teller)
        if system is None:
            return
        beside = plan.line.to.rpartition(".")[0] + ".system"
        if beside in self.beside or any(line.to == beside for line in self.emit.fields):
            return
        self.beside.add(beside)
        resolved = self.source.table.resolve(plain(beside))
        line = FieldLine.model_validate({"to": beside, "constant": system})
        also = FieldPlan(line, plan.position, resolved, beside, constant=system)
        tree.put(also, (*steps[:-1], Step("system", None)), loops)
