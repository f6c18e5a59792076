"""Where an element comes from: its line of the mapping, its columns, and what its value met on the way.

Nothing here is fast, and nothing but `shown` holds a value of a person; `shown` is filled only when it is asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from passerelle.contracts.house import SourceFolder
from passerelle.mapping.converting import Noted
from passerelle.mapping.fields import Condition, EmitShape, FieldPlan
from passerelle.mapping.origins import Frame, Loop
from passerelle.mapping.plan import Plan, Refusal, Row
from passerelle.mapping.tree import plain, steps_of
from passerelle.records import Reason

Outcome = Literal["value", "constant", "missing", "absent-reason", "left-out", "stopped"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a mapping says of an element, without any record.

    `to` is the line's path with its labels, `where` its file and line.
    """

    mapping: str
    label: str
    to: str
    where: str
    origin: str
    columns: tuple[str, ...]
    rule: str | None
    codes: str | None
    system: str | None
    missing: str
    each: str | None
    only: tuple[str, ...]
    because: str | None


@dataclass(frozen=True, slots=True)
class Traced:
    """What the line made of one record, or of one occurrence in it.

    `present` says for each column whether it held something. `shown` has the texts of the columns and the value, and
    is empty unless values were asked for.
    """

    told: Told
    occurrence: tuple[int, ...]
    present: tuple[bool, ...]
    outcome: Outcome
    reason: Reason | None
    place: str
    shown: tuple[str | None, ...] = ()
    value: Any = None


def told_of(plan: Plan, folder: SourceFolder, path: str, label: str | None = None) -> list[Told]:
    """The lines that fill an element or what is below or above it: `Encounter.period.start`, `Encounter.type[kind]`."""
    return [_told(plan, shape, field, folder) for shape, field in _lines(plan, path, label)]


def traced(
    plan: Plan,
    folder: SourceFolder,
    path: str,
    row: Row,
    parents: Sequence[Row | None] = (),
    *,
    children: Sequence[Sequence[Row]] = (),
    label: str | None = None,
    values: bool = False,
) -> list[Traced]:
    """What each of these lines made of a record; nothing of it is a person's unless `values` is asked for."""
    found: list[Traced] = []
    for shape, field in _lines(plan, path, label):
        told = _told(plan, shape, field, folder)
        frames = _frames(Frame(row, tuple(parents), tuple(children)), (*shape.loops, *_group_of(shape, field)[0]))
        found.extend(_traced(told, shape, field, frame, values=values) for frame in frames)
    return found


def _lines(plan: Plan, path: str, label: str | None) -> Iterator[tuple[EmitShape, FieldPlan]]:
    wanted = path if "[" in path else plain(path)
    for shape in plan.shapes:
        if label is not None and shape.label != label:
            continue
        for field in shape.fields:
            to = field.line.to if "[" in path else plain(field.line.to)
            if to == wanted or to.startswith(f"{wanted}.") or wanted.startswith(f"{to}."):
                yield shape, field


def _told(plan: Plan, shape: EmitShape, field: FieldPlan, folder: SourceFolder) -> Told:
    line = field.line
    origin = "constant" if line.constant is not None else f"refers to {line.refers}" if line.refers else "column"
    columns = line.columns or ((line.column,) if line.column else line.key)
    return Told(
        mapping=plan.mapping,
        label=shape.label,
        to=line.to,
        where=folder.line_of(plan.mapping, shape.label, field.position),
        origin=origin,
        columns=tuple(columns),
        rule=line.rule,
        codes=line.codes,
        system=line.system,
        missing=line.missing,
        each=line.each,
        only=tuple(f"{name} is {text}" for name, text in line.only.items()),
        because=line.because,
    )


def _group_of(shape: EmitShape, field: FieldPlan) -> tuple[tuple[Loop, ...], tuple[Condition, ...]]:
    """The repetitions and the condition of the field's label, else the condition of its own."""
    item = shape.root
    for step in steps_of(field.line.to)[1]:
        slot = item.members.get(step.name)
        if slot is None:
            break
        if step.label is not None:
            group = slot.groups.get(step.label)
            return ((), ()) if group is None else (group.loops, group.only)
        if slot.single is None:
            break
        item = slot.single
    return (), field.only


def _frames(frame: Frame, loops: Sequence[Loop]) -> Iterator[Frame]:
    if not loops:
        yield frame
        return
    for inner in loops[0].over(frame):
        yield from _frames(inner, loops[1:])


def _traced(told: Told, shape: EmitShape, field: FieldPlan, frame: Frame, *, values: bool) -> Traced:
    texts = tuple(origin.read(frame) for origin in field.origins)
    occurrence = tuple(position for position, _ in frame.occurrences)
    outcome, reason, place, value = _outcome(shape, field, frame, texts)
    shown = texts if values else ()
    present = tuple(text is not None for text in texts)
    return Traced(told, occurrence, present, outcome, reason, place, shown, value if values else None)


def _outcome(
    shape: EmitShape, field: FieldPlan, frame: Frame, texts: tuple[str | None, ...]
) -> tuple[Outcome, Reason | None, str, Any]:
    only = (*shape.only, *_group_of(shape, field)[1])
    if any(one.origin.read(frame) != one.equals for one in only) or not _is_present(shape, frame):
        return "left-out", None, field.place, None
    if field.reference is not None:
        return "constant", None, field.place, field.reference[0]
    if field.convert is None:
        return "constant", None, field.place, field.constant
    if _is_missing(field, texts):
        return _missing(field, Reason.MISSING_VALUE)
    single = len(texts) == 1 and (field.line.column is not None or field.is_reference)
    try:
        value = field.convert(texts[0] if single else texts)
    except Refusal as refusal:
        return "stopped", refusal.reason, refusal.place, None
    reason = None
    if isinstance(value, Noted):
        value, reason = value.value, value.reason
        if value is None:
            return "left-out", reason, field.place, None
    if value is None:
        return _missing(field, Reason.MISSING_VALUE)
    return "value", reason, field.place, value[0] if field.is_reference else value


def _is_present(shape: EmitShape, frame: Frame) -> bool:
    if shape.present is None:
        return True
    text = shape.present.origin.read(frame)
    if text is None or shape.present.convert is None:
        return text is not None
    value = shape.present.convert(text)
    return not isinstance(value, Noted)


def _is_missing(field: FieldPlan, texts: Sequence[str | None]) -> bool:
    if field.is_reference:
        return any(text is None for text in texts)
    return all(text is None for text in texts)


def _missing(field: FieldPlan, reason: Reason) -> tuple[Outcome, Reason | None, str, Any]:
    if field.line.missing == "stop":
        return "stopped", reason, field.place, None
    return ("absent-reason" if field.line.missing == "absent-reason" else "missing"), None, field.place, None
