"""Stories, tried: the rows of a story go through land, check and map as a run would send them, without any store."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import orjson

from passerelle.checking.asking import Asked, compile_expectations
from passerelle.checking.partitions import check_partition
from passerelle.contracts.house import House, SourceFolder
from passerelle.contracts.source import Table
from passerelle.contracts.story import ExpectedResource, GivenRow, Story
from passerelle.fold.versions import Known, Place, Row, Version, Versions
from passerelle.landing.classifying import Classifier
from passerelle.mapping.compiling import SourcePlans, compile_source
from passerelle.mapping.evaluating import Evaluator, Judged, combined
from passerelle.mapping.stage import refusing
from passerelle.pipeline.ordering import tables_in_order
from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores.keys import KeyRing
from passerelle.stores.ledger.batches import BatchState
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.opened import Stores
from passerelle.structure import structure

TODAY = date(2026, 1, 1)
"""The day a story is told on when it does not say."""


@dataclass(slots=True)
class Told:
    """What came of one story: the resources by label, where rows stopped, what was noticed."""

    resources: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stops: dict[tuple[str, int], Stop] = field(default_factory=dict)
    findings: set[tuple[Reason, str]] = field(default_factory=set)


class _InMemory(Versions):
    """The versions of one story: nothing is stored."""

    def __init__(self, folder: SourceFolder, keys: KeyRing) -> None:
        super().__init__(cast("Stores", SimpleNamespace(keys=keys)), folder)
        self._entries: defaultdict[tuple[str, bytes], list[Entry]] = defaultdict(list)

    def put(
        self, place: Place, raw: bytes, row: Row, order: str, digest: bytes, folds: Iterable[tuple[str, bytes]]
    ) -> None:
        """The record is known under all its keys."""
        self.remember(place, raw, row)
        for role, fold in folds:
            self._entries[role, fold].append(Entry(fold, order, place.batch_id, place.row, digest))

    def entries(self, role: str, folds: Collection[bytes]) -> dict[bytes, list[Entry]]:
        """Every version of these keys."""
        return {fold: sorted(self._entries[role, fold]) for fold in folds if self._entries.get((role, fold))}


class StoryTeller:
    """Tries the stories of one source."""

    def __init__(self, house: House, folder: SourceFolder) -> None:
        self._folder = folder
        self._keys = KeyRing.demo()
        self.plans: SourcePlans = compile_source(folder, house, self._keys)
        self._order = tables_in_order(folder)
        self._asked: dict[str, tuple[Asked, ...]] = {
            name: compile_expectations(table, house.suites) for name, table in folder.source.tables.items()
        }
        fold_key = self._keys.fold_key(folder.source.source)
        self._classifiers = {
            name: Classifier(folder.source, name, fold_key, frozenset(folder.units)) for name in folder.source.tables
        }

    def tell(self, story: Story) -> Told:
        """What becomes of the rows of the story."""
        told = Told()
        versions = _InMemory(self._folder, self._keys)
        known = Known(dict.fromkeys(range(len(self._order)), BatchState.MAPPED), dict(enumerate(self._order)))
        received: dict[str, list[Version]] = {}
        for number, table in enumerate(self._order):
            received[table] = self._landed(number, table, story, versions, told)
        for number, table in enumerate(self._order):
            received[table] = self._checked(number, table, received[table], story, known, told)
        evaluator = Evaluator(self._folder, versions, self.plans.by_table, structure().check, known)
        for number, table in enumerate(self._order):
            self._mapped(number, table, received[table], evaluator, told)
        return told

    def _landed(self, number: int, table: str, story: Story, versions: _InMemory, told: Told) -> list[Version]:
        passed = []
        seen: set[tuple[bytes, bytes]] = set()
        for index, given in enumerate(story.given.get(table, ())):
            raw = _raw_of(self._folder.source.tables[table], given)
            found = self._classifiers[table].classify(raw)
            place = Place(number, index)
            if found.state is not State.PASSED:
                assert found.reason is not None
                told.stops[table, index] = Stop(index, Stage.LAND, found.state, found.reason, found.place)
                continue
            own = (found.folds[0][1], found.digest)
            if own in seen:
                told.stops[table, index] = Stop(index, Stage.LAND, State.DUPLICATE, Reason.SAME_BYTES)
                continue
            seen.add(own)
            row = self._classifiers[table].reader.parse(raw)
            versions.put(place, raw, row, found.order, found.digest, found.folds)
            passed.append(Version(place, found.order, found.digest, row))
        return passed

    def _checked(
        self, number: int, table: str, rows: list[Version], story: Story, known: Known, told: Told
    ) -> list[Version]:
        contract = self._folder.source.tables[table]
        width = len(self._classifiers[table].reader.slots)
        today = date.fromisoformat(story.as_of) if story.as_of else TODAY
        verdict = check_partition(
            [(one.place.row, one.row[:width]) for one in rows],
            contract.columns,
            self._asked[table],
            today,
            decimal=contract.dialect.decimal if contract.dialect else ".",
            time_zone=self._folder.source.time_zone,
            null=contract.dialect.null if contract.dialect else ("",),
        )
        for stop in verdict.stops:
            told.stops[table, stop.row] = stop
            known.stopped[Place(number, stop.row)] = _known(number, stop)
        told.findings |= {(one.reason, one.place) for one in verdict.findings}
        stopped = {stop.row for stop in verdict.stops}
        return [one for one in rows if one.place.row not in stopped]

    def _mapped(self, number: int, table: str, rows: list[Version], evaluator: Evaluator, told: Told) -> None:
        keys = evaluator.versions.tables[table]
        judged = evaluator.judge(table, rows)
        parts: list[Mapping[Place, Judged]] = [judged]
        for role in evaluator.sequence_folds(table):
            register = keys.registrations[role]
            folds = {fold for one in rows if (fold := register.fold_of(one.row)) is not None}
            parts.append(evaluator.judge_stories(table, role, folds, refusing(evaluator, dict(judged))))
        newest: dict[bytes, tuple[str, list[Any]]] = {}
        for place, one in sorted(combined(parts).items()):
            told.findings |= set(one.notes)
            if one.stop is not None:
                told.stops[table, place.row] = one.stop
                evaluator.known.stopped[place] = _known(number, one.stop)
            for evaluation in one.evaluations:
                if evaluation.fold not in newest or newest[evaluation.fold][0] <= evaluation.order:
                    newest[evaluation.fold] = (evaluation.order, list(evaluation.emitted))
        told.resources += [(made.label, made.tree) for _, listed in newest.values() for made in listed]


def _known(number: int, stop: Stop) -> Any:
    return SimpleNamespace(
        batch_id=number,
        stage=stop.stage,
        row=stop.row,
        state=stop.state,
        reason=stop.reason,
        pending_key=stop.pending_key,
    )


def _raw_of(table: Table, given: GivenRow) -> bytes:
    """The row as the source would write it."""
    if table.format == "hl7v2":
        text = str(given).strip().replace("\r\n", "\r").replace("\n", "\r")
        return text.encode("utf-8")
    if not isinstance(given, dict):
        return given.encode(table.dialect.charset if table.dialect else "utf-8")
    if table.format != "delimited":
        return orjson.dumps(_as_json(table, given))
    dialect = table.dialect
    assert dialect is not None
    cells = []
    for name in table.columns:
        value = given.get(name)
        text = "" if value is None else str(value)
        if any(sign in text for sign in (dialect.delimiter, dialect.quote, "\n", "\r")):
            text = dialect.quote + text.replace(dialect.quote, dialect.quote * 2) + dialect.quote
        cells.append(text)
    return dialect.delimiter.join(cells).encode(dialect.charset)


def _as_json(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    """A row by column names, as the source's JSON: each value at its path, columns not given empty."""
    tree: dict[str, Any] = {}
    for name, column in table.columns.items():
        *above, last = (column.path or name).split(".")
        at = tree
        for part in above:
            at = at.setdefault(part, {})
        at[last] = given.get(name)
    tree |= {name: value for name, value in given.items() if name not in table.columns}
    return tree


def problems_of(story: Story, told: Told) -> Iterator[str]:
    """What the story expects and did not come, one sentence each."""
    for wanted in story.expect.resources:
        yield from _resource_problems(wanted, told)
    emitted = {label for label, _ in told.resources}
    for label in story.expect.none:
        if label in emitted:
            yield f"'{label}' was emitted and should not be"
    listed = {(one.table, one.row): one for one in story.expect.stopped}
    for at, stop in sorted(told.stops.items()):
        if at not in listed:
            yield f"row {at[1]} of {at[0]} stopped: {_said(stop)}"
    for at, one in listed.items():
        found = told.stops.get(at)
        if found is None:
            yield f"row {at[1]} of {at[0]} did not stop; {one.stage}/{one.state}/{one.reason} was expected"
        elif (found.stage, found.state, found.reason) != (one.stage, one.state, one.reason) or (
            one.place is not None and one.place not in found.place
        ):
            place = f" at '{one.place}'" if one.place is not None else ""
            named = f"{one.stage}/{one.state}/{one.reason}{place}"
            yield f"row {at[1]} of {at[0]} stopped otherwise: {_said(found)}; {named} was expected"
    for noticed in story.expect.findings:
        if not any(
            reason is noticed.reason and (noticed.place is None or noticed.place in place)
            for reason, place in told.findings
        ):
            yield f"{noticed.reason} was not noticed{f' at {noticed.place}' if noticed.place else ''}"


def _said(stop: Stop) -> str:
    return f"{stop.stage}/{stop.state}/{stop.reason} at '{stop.place}'"


def _resource_problems(wanted: ExpectedResource, told: Told) -> Iterator[str]:
    of_label = [tree for label, tree in told.resources if label == wanted.as_]
    if not of_label:
        if wanted.count != 0:
            yield f"no '{wanted.as_}' was emitted"
        return
    if of_label[0]["resourceType"] != wanted.resource:
        yield f"'{wanted.as_}' is a {of_label[0]['resourceType']}, not a {wanted.resource}"
        return
    fitting = [tree for tree in of_label if difference(wanted.is_, tree) is None]
    if wanted.count is not None and len(fitting) != wanted.count:
        yield f"{len(fitting)} '{wanted.as_}' are as described; {wanted.count} were expected"
    elif wanted.count is None and not fitting:
        yield f"'{wanted.as_}' differs at {difference(wanted.is_, of_label[0])}"


def difference(wanted: Any, found: Any, at: str = "") -> str | None:
    """Where the found tree does not hold what is wanted; None if it does. Lists hold each wanted item somewhere."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return at or "the resource"
        for name, value in wanted.items():
            inner = f"{at}.{name}" if at else str(name)
            if name not in found:
                return f"{inner} (missing)"
            wrong = difference(value, found[name], inner)
            if wrong is not None:
                return wrong
        return None
    if isinstance(wanted, list):
        if not isinstance(found, list):
            return at
        for number, value in enumerate(wanted):
            if not any(difference(value, one) is None for one in found):
                return f"{at}[{number}]"
        return None
    return None if _scalar(wanted) == _scalar(found) else at


def _scalar(value: Any) -> Any:
    """YAML reads unquoted dates as dates; FHIR writes them as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
