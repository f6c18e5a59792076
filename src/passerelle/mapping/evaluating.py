"""One record, evaluated: its plans applied to it and to what it touches, and each resource held against R4.

Two ways to evaluate: a record by itself, for keys of which each version is a record; and the story of a key (the
messages of a stay), of which the last message that stands carries what the whole story emits.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from passerelle.contracts.house import SourceFolder
from passerelle.contracts.source import Fold, Table
from passerelle.fold.keys import Registration, child_role, own_role
from passerelle.fold.messages import tie_break
from passerelle.fold.pam import fold_messages, unread
from passerelle.fold.ties import declared_order
from passerelle.fold.versions import Known, Place, Row, TableKeys, Version, Versions
from passerelle.mapping.plan import Emitted, Plan, Refusal, Rendered, Write
from passerelle.mapping.validity import UnitDates
from passerelle.records import Finding, Reason, Stage, State, Stop
from passerelle.stores.ledger.key_index import Entry

SEQUENCE = "pam_stay"
MOST_SEEN, MOST_STANDING = 5_000, 50_000
"""So many parents of a table are remembered, with what they say or only that they stand, before it starts anew."""
Notes = list[tuple[Reason, str]]
_Waits = dict[Place, tuple[str, bytes]]
"""By place of a record: the columns that tell of the first parent that does not stand, and its key."""
Check = Callable[[dict[str, object]], str | None]
_Applied = Callable[[Row, bytes, Notes], Sequence[Emitted | Rendered]]
"""What a plan makes of a row, its fold key and the notes, with parents and children at hand."""


class Evaluation(NamedTuple):
    """What one version of one key emits; nothing is a withdrawal."""

    fold: bytes
    order: str
    emitted: tuple[Emitted | Rendered, ...]


@dataclass(slots=True)
class Judged:
    """What became of one record: where it stopped, or what its keys emit; and what was noticed."""

    place: Place
    stop: Stop | None = None
    evaluations: list[Evaluation] = field(default_factory=list)
    notes: Notes = field(default_factory=list)
    units: int = 0
    unlisted: tuple[str, str] | None = None
    """If a code stopped it that is not listed: the list, and how the code may be told."""

    @property
    def passed(self) -> bool:
        """True if the record goes on."""
        return self.stop is None

    @property
    def emits(self) -> int:
        """How many resources the record gives."""
        return self.units or sum(len(one.emitted) for one in self.evaluations)

    def findings(self) -> list[Finding]:
        """The notes as findings of map."""
        return [Finding(Stage.MAP, reason, place, self.place.row) for reason, place in self.notes]


@dataclass(frozen=True, slots=True)
class _Touched:
    """Parents, children and owners of some records, ready to be looked up."""

    children: Mapping[str, Mapping[bytes, list[Version]]]
    owners: Mapping[str, Mapping[bytes, Version]]
    waits: _Waits
    waits_for_listers: _Waits
    """The same of parents that list the record: asked last, since they read what the record says without waiting for them."""
    walks: Mapping[str, Sequence[tuple[Registration, Mapping[bytes, Version]]]]
    """By dotted path of the parents that are read: key and those that stand, step by step."""


class Evaluator:
    """Evaluates records of one source. What the ledger knows is given once, and brought up to date by the caller."""

    def __init__(
        self,
        folder: SourceFolder,
        versions: Versions,
        plans: Mapping[str, Sequence[Plan]],
        check: Check,
        known: Known,
        *,
        writes: Mapping[str, Write] | None = None,
        known_is_settled: bool = False,
    ) -> None:
        """An evaluator of the records of a source.

        Args:
            folder: the source's contract.
            versions: finds and reads its records.
            plans: by table.
            check: the place where a tree is not R4, or nothing.
            known: what the ledger says.
            writes: by mapping, what gives resources as they are kept; of other mappings they are trees.
            known_is_settled: the caller promises to leave `known` as it is: parents are then looked up once.
        """
        self.versions = versions
        self.known = known
        self._known_is_settled = known_is_settled
        self._seen: defaultdict[str, dict[bytes, Version | None]] = defaultdict(dict)
        self._stand: defaultdict[str, dict[bytes, bool]] = defaultdict(dict)
        self._check = check
        self._zone = folder.source.time_zone
        self._is_production = folder.source.environment == "production"
        self._units = UnitDates(folder.units)
        self.plans = {name: tuple(plans.get(name, ())) for name in versions.tables}
        told = dict(writes or {})
        self._made_by: dict[str, Write] = {
            plan.mapping: told.get(plan.mapping, plan.evaluate) for listed in self.plans.values() for plan in listed
        }
        self.listed_by = self._listed_by()

    def _listed_by(self) -> dict[str, tuple[str, ...]]:
        """By table: the tables whose resources list its records."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, keys in self.versions.tables.items():
            for child in {child for plan in self.plans[name] for child in plan.children}:
                found[str(keys.table.repeats[child].table)].add(name)
        return {name: tuple(sorted(listing)) for name, listing in found.items()}

    # Which plans --------------------------------------------------------------------------------------------------

    def record_plans(self, table: str) -> dict[str, list[Plan]]:
        """By own role: the plans that read each record by itself."""
        folds = self.versions.tables[table].table.folds
        by_role: dict[str, list[Plan]] = {}
        for role in self.versions.tables[table].own_roles:
            name = role.split("/", 1)[1]
            if name in folds and folds[name].by == SEQUENCE:
                continue
            by_role[role] = [plan for plan in self.plans[table] if (plan.fold or "key") == name]
        return by_role

    def sequence_folds(self, table: str) -> dict[str, Fold]:
        """By own role: the folds that tell a story of several records."""
        folds = self.versions.tables[table].table.folds
        return {own_role(table, name): fold for name, fold in folds.items() if fold.by == SEQUENCE}

    # Records by themselves ----------------------------------------------------------------------------------------

    def judge(
        self, table: str, records: Sequence[Version], entries: Mapping[bytes, Sequence[Entry]] | None = None
    ) -> dict[Place, Judged]:
        """Each record evaluated by itself; those that another version of equal order contradicts stop.

        Args:
            table: of the records.
            records: what is judged.
            entries: every known version of their keys, if the caller has looked.
        """
        return {one.place: one for one in self.judged_in_turn(table, records, entries)}

    def judged_in_turn(
        self, table: str, records: Sequence[Version], entries: Mapping[bytes, Sequence[Entry]] | None = None
    ) -> Iterator[Judged]:
        """The same, one after the other in the order given, so that no more than one has to be held."""
        torn, tied = self._of_equal_order(table, records, entries)
        told = self.judge_each(table, [one for one in records if one.place not in torn])
        judged = (contradiction(one.place) if one.place in torn else next(told) for one in records)
        return judged if not tied else (self._noting_ties(table, one, tied) for one in judged)

    def contradicted(
        self, table: str, records: Sequence[Version], entries: Mapping[bytes, Sequence[Entry]] | None = None
    ) -> set[Place]:
        """Every version of these records' keys that has the order of another one and other bytes.

        Counted are versions that came as far as map, whatever map said of them, and that no person has closed. Nothing
        is contradicted in a table that declares `ties`, or whose messages are folded.
        """
        return self._of_equal_order(table, records, entries)[0]

    def _of_equal_order(
        self, table: str, records: Sequence[Version], entries: Mapping[bytes, Sequence[Entry]] | None
    ) -> tuple[set[Place], set[Place]]:
        """Versions that contradict one another, and those among which the table's `ties` chose."""
        keys = self.versions.tables[table]
        if keys.table.folds:
            return set(), set()
        if entries is None:
            own = keys.registrations[keys.first_role]
            folds = {fold for one in records if (fold := own.fold_of(one.row)) is not None}
            entries = self.versions.entries(keys.first_role, folds)
        places: set[Place] = set()
        for listed in entries.values():
            if len(listed) < 2:
                continue
            by_order: defaultdict[str, dict[Place, bytes]] = defaultdict(dict)
            for entry in listed:
                place = Place(entry.batch_id, entry.row)
                if self.known.came_to_map(place):
                    by_order[declared_order(entry.ord)][place] = entry.digest
            for same in by_order.values():
                if len(set(same.values())) > 1:
                    places.update(same)
        return (places, set()) if keys.table.ties is None else (set(), places)

    def _noting_ties(self, table: str, judged: Judged, tied: set[Place]) -> Judged:
        if judged.place in tied and judged.stop is None:
            order = self.versions.tables[table].table.order
            judged.notes.append((Reason.AMBIGUOUS_ORDER, order.column or ""))
        return judged

    def judge_records(self, table: str, records: Sequence[Version]) -> dict[Place, Judged]:
        """Each record evaluated by itself, with its parents and children as they stand."""
        return {one.place: one for one in self.judge_each(table, records)}

    def judge_each(self, table: str, records: Sequence[Version]) -> Iterator[Judged]:
        """Each record evaluated by itself, one after the other in the order given."""
        keys = self.versions.tables[table]
        plans = self.record_plans(table)
        touched = self._touched(keys, plans, records)
        applied = {role: [self._applied(plan, touched) for plan in listed] for role, listed in plans.items() if listed}
        return (self._judge_record(keys, applied, record, touched) for record in records)

    def read_by(self, plan: Plan, record: Version) -> tuple[Row | None, list[Row | None], list[list[Row]]]:
        """What the plan reads of a record as things stand: the row as its fold leaves it, parents, children."""
        keys = self.versions.tables[plan.table]
        role = own_role(plan.table, plan.fold or "key")
        register = keys.registrations[role]
        fold = register.fold_of(record.row)
        if fold is None:
            return None, [], []
        if role in self.sequence_folds(plan.table):
            told = [one for one in self.versions.entries(role, {fold})[fold] if one.ord <= record.order]
            rows = [one.row for one in self.versions.versions(plan.table, told) if self.known.may_fold(one.place)]
            kept = fold_messages(self.sequence_folds(plan.table)[role], keys.table, rows, zone=self._zone)
            return kept.row, [], []
        touched = self._touched(keys, {role: [plan]}, [record])
        row = self._as_folded(keys, role, record, Judged(record.place))
        parents = [_parent_row(record.row, path, touched) for path in plan.parents]
        children = [[one.row for one in touched.children[name].get(fold, ())] for name in plan.children]
        return row, parents, children

    def _judge_record(
        self, keys: TableKeys, applied: Mapping[str, Sequence[_Applied]], record: Version, touched: _Touched
    ) -> Judged:
        judged = Judged(record.place, None, [], [])
        row = record.row
        if keys.table.messages is not None and unread(keys.table, row):
            judged.stop = _stop(record.place, State.QUARANTINED, Reason.UNREAD_EVENT, "")
            return judged
        deleted = keys.is_deleted(row)
        missing = None if deleted else touched.waits.get(record.place)
        if missing is None and touched.owners:
            missing = self._missing_owner(keys, row, touched)
        if missing is not None:
            return _waiting(judged, *missing)
        try:
            for role, plans in applied.items():
                fold = keys.registrations[role].fold_of(row)
                if fold is None:
                    continue
                folded = self._as_folded(keys, role, record, judged) if keys.table.folds else row
                if folded is None:
                    return judged
                emitted: list[Emitted | Rendered] = []
                if not deleted:
                    for apply in plans:
                        emitted += apply(folded, fold, judged.notes)
                judged.evaluations.append(Evaluation(fold, _order(keys, record), tuple(emitted)))
        except Refusal as refused:
            judged.stop = _stop(record.place, State.QUARANTINED, refused.reason, refused.place)
            judged.unlisted = refused.unlisted
            judged.evaluations = []
            return judged
        self._hold_against_r4(judged)
        missing = None if deleted or judged.stop else touched.waits_for_listers.get(record.place)
        return judged if missing is None else _waiting(judged, *missing)

    def _applied(self, plan: Plan, touched: _Touched) -> _Applied:
        """What the plan makes of a row."""
        make = self._made_by[plan.mapping]
        if not plan.parents and not plan.children:
            return lambda row, _, notes: make(row, (), (), notes)
        listed = [touched.children[name] for name in plan.children]

        def apply(row: Row, fold: bytes, notes: Notes) -> Sequence[Emitted | Rendered]:
            parents = [_parent_row(row, path, touched) for path in plan.parents]
            return make(row, parents, [[one.row for one in told.get(fold, ())] for told in listed], notes)

        return apply

    def _as_folded(self, keys: TableKeys, role: str, record: Version, judged: Judged) -> Row | None:
        """The record as its fold leaves it; None if the fold stopped it, which is then said."""
        fold = keys.table.folds.get(role.split("/", 1)[1]) if keys.table.folds else None
        if fold is None:
            return record.row
        folded = fold_messages(fold, keys.table, [record.row], zone=self._zone, production=self._production(keys.table))
        judged.notes += [(reason, place) for _, reason, place in folded.findings]
        for _, state, reason, place in folded.stops:
            judged.stop = _stop(record.place, state, reason, place)
        return folded.row

    def _hold_against_r4(self, judged: Judged) -> None:
        for evaluation in judged.evaluations:
            for one in evaluation.emitted:
                wrong = None if isinstance(one, Rendered) else self._check(one.tree)
                if wrong is not None:
                    judged.units = judged.emits
                    judged.stop = Stop(judged.place.row, Stage.VALIDATE, State.QUARANTINED, Reason.NOT_FHIR, wrong)
                    judged.evaluations = []
                    return

    # What a record touches ----------------------------------------------------------------------------------------

    def _touched(self, keys: TableKeys, plans: Mapping[str, Sequence[Plan]], records: Sequence[Version]) -> _Touched:
        read = {path for listed in plans.values() for plan in listed for path in plan.parents}
        parents, waits, waits_for_listers = self._parents(keys, records, read)
        children: dict[str, dict[bytes, list[Version]]] = {}
        for name in {name for listed in plans.values() for plan in listed for name in plan.children}:
            repeat = keys.table.repeats[name]
            own = keys.registrations[own_role(keys.name, "key")]
            folds = {fold for record in records if (fold := own.fold_of(record.row)) is not None}
            found = self.versions.children_of(str(repeat.table), keys.name, folds, self.known)
            children[name] = {
                fold: _in_order(self.versions.tables[str(repeat.table)], repeat.order, listed)
                for fold, listed in found.items()
            }
        walks = {path: self._walk(keys, path, parents) for path in read}
        return _Touched(children, self._owners(keys, records), waits, waits_for_listers, walks)

    @staticmethod
    def _link(keys: TableKeys, name: str) -> Registration:
        return keys.registrations[child_role(keys.name, keys.table.parents[name].table)]

    def _walk(
        self, keys: TableKeys, path: str, parents: Mapping[str, Mapping[bytes, Version]]
    ) -> list[tuple[Registration, Mapping[bytes, Version]]]:
        steps, at, walked = [], keys, ""
        for name in path.split("."):
            walked = f"{walked}.{name}" if walked else name
            steps.append((self._link(at, name), parents[walked]))
            at = self.versions.tables[at.table.parents[name].table]
        return steps

    def _owners(self, keys: TableKeys, records: Sequence[Version]) -> dict[str, dict[bytes, Version]]:
        """By table: the records that list these, for a table that emits nothing of its own."""
        found = {}
        for owner in () if self.plans[keys.name] else self.listed_by.get(keys.name, ()):
            register = keys.registrations[child_role(keys.name, owner)]
            folds = {fold for record in records if (fold := register.fold_of(record.row)) is not None}
            found[owner] = self.versions.standing(owner, folds, self.known)
        return found

    def _standing(self, table: str, folds: set[bytes]) -> dict[bytes, Version]:
        """Parents that stand, from memory where what is known does not change while records are judged."""
        if not self._known_is_settled:
            return self.versions.standing(table, folds, self.known)
        seen = self._seen[table]
        if len(seen) > MOST_SEEN:
            seen.clear()
        fresh = folds - seen.keys()
        seen.update(dict.fromkeys(fresh))
        seen.update(self.versions.standing(table, fresh, self.known))
        return {fold: one for fold in folds if (one := seen[fold]) is not None}

    def _known_to_stand(self, table: str, folds: set[bytes]) -> Container[bytes]:
        """Keys of parents that stand, where nobody asks for more."""
        if not self._known_is_settled:
            return self.versions.keys_standing(table, folds, self.known)
        stand = self._stand[table]
        if len(stand) > MOST_STANDING:
            stand.clear()
        fresh = folds - stand.keys()
        standing = self.versions.keys_standing(table, fresh, self.known)
        stand.update((fold, fold in standing) for fold in fresh)
        return {fold for fold in folds if stand[fold]}

    def _parents(
        self, keys: TableKeys, records: Sequence[Version], read: Collection[str]
    ) -> tuple[dict[str, dict[bytes, Version]], _Waits, _Waits]:
        """By path, the parents whose columns are read; and which records wait for a parent, those that list them apart."""
        parents: dict[str, dict[bytes, Version]] = {}
        waits: _Waits = {}
        waits_for_listers: _Waits = {}
        listing = {register.role for register in self.versions.listers_of(keys.name)}
        for name, parent in keys.table.parents.items():
            register = self._link(keys, name)
            named = [register.fold_of(record.row) for record in records]
            folds = {fold for fold in named if fold is not None}
            paths = [path for path in read if path.partition(".")[0] == name]
            standing: Container[bytes]
            if paths:
                standing = parents[name] = self._standing(parent.table, folds)
                self._higher(parents, self.versions.tables[parent.table], name, paths)
            else:
                standing = self._known_to_stand(parent.table, folds)
            missing = {fold for fold in folds if fold not in standing}
            told = waits_for_listers if register.role in listing else waits
            for record, fold in zip(records, named, strict=True) if missing else ():
                if fold in missing:
                    told.setdefault(record.place, ("+".join(parent.on), fold))
        return parents, waits, waits_for_listers

    def _higher(
        self, parents: dict[str, dict[bytes, Version]], above: TableKeys, name: str, paths: Iterable[str]
    ) -> None:
        """Parents of the parents of this name, where they are read too."""
        standing = parents[name]
        for path in paths:
            _, _, further = path.partition(".")
            if further:
                higher = _keys_in(self._link(above, further), (one.row for one in standing.values()))
                parents[path] = self._standing(above.table.parents[further].table, higher)

    @staticmethod
    def _missing_owner(keys: TableKeys, row: Row, touched: _Touched) -> tuple[str, bytes] | None:
        """What a record waits for that only others make something of, and none of them is there."""
        missing = None
        for owner, standing in touched.owners.items():
            register = keys.registrations[child_role(keys.name, owner)]
            fold = register.fold_of(row)
            if fold in standing:
                return None
            missing = missing or (None if fold is None else (register.role, fold))
        return missing

    # Stories ------------------------------------------------------------------------------------------------------

    def judge_stories(
        self, table: str, role: str, folds: Iterable[bytes], refused: Callable[[str, Sequence[Version]], set[Place]]
    ) -> dict[Place, Judged]:
        """Every message of these stories: whether it stands; its last one that does carries what the story emits.

        Args:
            table: of the messages.
            role: the own role of the fold.
            folds: the keys of the stories.
            refused: of these messages, those that stop for a reason of their own.
        """
        fold = self.sequence_folds(table)[role]
        plans = [plan for plan in self.plans[table] if own_role(table, plan.fold or "key") == role]
        entries = self.versions.entries(role, sorted(set(folds)))
        judged: dict[Place, Judged] = {}
        for key, listed in sorted(entries.items()):
            told = [entry for entry in listed if self.known.came_to_map(Place(entry.batch_id, entry.row))]
            messages = self.versions.versions(table, told)
            out = refused(table, messages)
            messages = sorted(
                (one for one in messages if one.place not in out), key=lambda one: (one.order, one.digest)
            )
            self._judge_story(self.versions.tables[table].table, fold, plans, key, messages, judged)
        return judged

    def _production(self, table: Table) -> bool:
        """True if messages marked as test or training are stopped."""
        declared = table.messages.production if table.messages else None
        return self._is_production if declared is None else declared

    def _judge_story(
        self,
        table: Table,
        fold: Fold,
        plans: Sequence[Plan],
        key: bytes,
        messages: Sequence[Version],
        judged: dict[Place, Judged],
    ) -> None:
        left = list(messages)
        for message in left:
            judged[message.place] = Judged(message.place)
        while left:
            rows = [one.row for one in left]
            folded = fold_messages(fold, table, rows, zone=self._zone, production=self._production(table))
            for index, state, reason, place in folded.stops:
                at = left[index].place
                pending = key if state is State.PENDING else None
                judged[at].stop = Stop(at.row, Stage.MAP, state, reason, place, pending_key=pending)
            for index, reason, place in folded.findings:
                judged[left[index].place].notes.append((reason, place))
            if folded.row is None or folded.latest is None:
                return
            carrier = left[folded.latest]
            one = judged[carrier.place]
            try:
                notes: Notes = []
                emitted = [made for plan in plans for made in self._made_by[plan.mapping](folded.row, (), (), notes)]
            except Refusal as refusal:
                one.stop = _stop(carrier.place, State.QUARANTINED, refusal.reason, refusal.place)
                one.unlisted = refusal.unlisted
            else:
                one.notes += notes
                one.notes += self._units.noticed(table, folded.row)
                one.evaluations.append(Evaluation(key, carrier.order, tuple(emitted)))
                self._hold_against_r4(one)
                if one.stop is None:
                    return
            left.pop(folded.latest)
            for message in left:
                judged[message.place] = Judged(message.place)


def _keys_in(register: Registration, rows: Iterable[Row]) -> set[bytes]:
    return {fold for row in rows if (fold := register.fold_of(row)) is not None}


def _waiting(judged: Judged, place: str, key: bytes) -> Judged:
    """The record waits for this parent, and says nothing until it is there."""
    row = judged.place.row
    judged.stop = Stop(row, Stage.MAP, State.PENDING, Reason.WAITS_FOR_PARENT, place, pending_key=key)
    judged.evaluations, judged.notes = [], []
    return judged


def _parent_row(row: Row, path: str, touched: _Touched) -> Row | None:
    current = row
    for register, standing in touched.walks[path]:
        fold = register.fold_of(current)
        found = None if fold is None else standing.get(fold)
        if found is None:
            return None
        current = found.row
    return current


def contradiction(place: Place) -> Judged:
    """What becomes of a version that another one of equal order contradicts."""
    return Judged(place, _stop(place, State.QUARANTINED, Reason.CONFLICTING_VERSION, ""))


def _stop(place: Place, state: State, reason: Reason, where: str) -> Stop:
    return Stop(place.row, Stage.MAP, state, reason, where)


def _order(keys: TableKeys, record: Version) -> str:
    """The order of what a record emits. Two messages of the same moment differ in it, or the later arrival would win."""
    return f"{record.order}!{tie_break(record.row)}{record.digest.hex()}" if keys.table.folds else record.order


def _in_order(keys: TableKeys, columns: Sequence[str], listed: Sequence[Version]) -> list[Version]:
    """Children by the declared columns, numbers as numbers; else by their bytes."""
    places = [(keys.reader.slots.index(name), keys.table.columns[name].type) for name in columns]

    def key(version: Version) -> tuple[object, ...]:
        told = []
        for place, kind in places:
            value = version.row[place]
            number = int(value) if kind == "integer" and value and value.lstrip("+-").isdigit() else 0
            told.append((value is not None, number, value or ""))
        return (*told, version.digest)

    return sorted(listed, key=key)


def combined(parts: Iterable[Mapping[Place, Judged]]) -> dict[Place, Judged]:
    """Records judged in several ways, each as one: a stop of one stops all, the rest adds up."""
    by_place: defaultdict[Place, list[Judged]] = defaultdict(list)
    for part in parts:
        for place, one in part.items():
            by_place[place].append(one)
    whole = {}
    for place, listed in by_place.items():
        stopped = next((one for one in listed if one.stop is not None), None)
        if stopped is not None:
            whole[place] = Judged(place, stopped.stop, [], [], stopped.units, stopped.unlisted)
        else:
            whole[place] = Judged(
                place,
                None,
                [evaluation for one in listed for evaluation in one.evaluations],
                [note for one in listed for note in one.notes],
            )
    return whole
