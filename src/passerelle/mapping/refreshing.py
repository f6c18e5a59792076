"""What other records must say anew because of one batch: parents of new children, children of new parents, stories.

The view may not depend on the order in which batches came. So when a batch is about to be published, every record
that it touches is evaluated again as it stands now; what comes out is a supplement of the record's own batch.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from passerelle.fold.keys import child_role
from passerelle.fold.versions import Place, Version
from passerelle.mapping.evaluating import Evaluator, Judged, combined
from passerelle.mapping.stage import MapTools, conflict_stop, conflicts, refusing
from passerelle.mapping.writing import EvaluationWriter
from passerelle.records import PARTITION_ROWS, Reason, Stage, State, Stop
from passerelle.stores.files import ViewFile
from passerelle.stores.ledger import batches, items, stored
from passerelle.stores.ledger.batches import Batch
from passerelle.stores.ledger.items import Item
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.ledger.supplements import Supplement
from passerelle.stores.opened import Stores

_WAITING = (Reason.WAITS_FOR_PARENT, Reason.WAITS_FOR_MOVEMENT)


@dataclass(slots=True)
class _Work:
    """Keys whose neighbours are still to be looked at, by table."""

    changed: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    def add(self, table: str, folds: Iterable[bytes]) -> None:
        self.changed[table].update(folds)

    def take(self) -> tuple[str, set[bytes]] | None:
        for table in sorted(self.changed):
            if self.changed[table]:
                return table, self.changed.pop(table)
        return None


class Refresher:
    """Evaluates again what a batch touches; nothing is in the ledger before the caller puts it there."""

    def __init__(self, stores: Stores, tools: MapTools, evaluator: Evaluator) -> None:
        self._stores = stores
        self._tools = tools
        self._evaluator = evaluator
        self._versions = evaluator.versions
        self._known = evaluator.known
        self._judged: dict[Place, Judged] = {}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._listing: dict[str, list[str]] = defaultdict(list)
        for name, keys in self._versions.tables.items():
            for parent in {parent.table for parent in keys.table.parents.values()}:
                self._children[parent].append(name)
            used = {child for plan in evaluator.plans[name] for child in plan.children}
            for child in sorted({str(keys.table.repeats[one].table) for one in used}):
                self._listing[child].append(name)

    def touched_by(self, batch: Batch) -> list[Supplement]:
        """The supplements of every batch (this one too) of which a record has to be said anew."""
        work = _Work()
        self._settle_conflicts(batch)
        for part in range(batch.partitions):
            self._seed(batch, part, work)
        self._follow(work)
        return self._supplements()

    def again(self, table: str, places: Collection[Place]) -> list[Supplement]:
        """The supplements that come of evaluating these records of one table again, and what they touch."""
        work = _Work()
        versions = self._found(table, places)
        if self._evaluator.sequence_folds(table):
            self._stories(table, versions)
        else:
            self._note(table, self._evaluator.judge_records(table, versions), work)
        self._follow(work)
        return self._supplements()

    # What is touched ----------------------------------------------------------------------------------------------

    def _rows_of(self, batch: Batch, part: int) -> list[Version]:
        """The records of a partition that reached map."""
        first = part * PARTITION_ROWS
        rows = [
            Place(batch.id, row)
            for row in range(first, min(batch.records, first + PARTITION_ROWS))
            if (item := self._known.stopped.get(Place(batch.id, row))) is None
            or item.stage in {Stage.MAP, Stage.VALIDATE}
        ]
        return self._found(batch.table, rows)

    def _found(self, table: str, places: Iterable[Place]) -> list[Version]:
        return self._versions.located(table, self._versions.rows(table, places))[0]

    def _seed(self, batch: Batch, part: int, work: _Work) -> None:
        keys = self._versions.tables[batch.table]
        stories = self._evaluator.sequence_folds(batch.table)
        if not (stories or self._children[batch.table] or self._listing[batch.table]):
            return
        versions = self._rows_of(batch, part)
        if stories:
            self._stories(batch.table, versions, but=batch.id)
            return
        own = keys.registrations[keys.first_role]
        work.add(batch.table, (fold for one in versions if (fold := own.fold_of(one.row)) is not None))
        self._parents_of(batch.table, versions, work)

    def _follow(self, work: _Work) -> None:
        """Children of what changed are evaluated again, and theirs, until nothing changes any more."""
        while (taken := work.take()) is not None:
            table, folds = taken
            for child in self._children[table]:
                self._evaluate_children(child, table, folds, work)

    def _evaluate_children(self, child: str, parent: str, folds: set[bytes], work: _Work) -> None:
        reads_parents = any(plan.parents for plan in self._evaluator.plans[child])
        entries = self._versions.entries(child_role(child, parent), folds)
        chosen = {
            Place(entry.batch_id, entry.row)
            for listed in entries.values()
            for entry in listed
            if self._is_due(Place(entry.batch_id, entry.row), reads_parents=reads_parents)
        }
        fresh = chosen - self._judged.keys()
        if fresh:
            versions = self._found(child, fresh)
            self._note(child, self._evaluator.judge_records(child, versions), work, versions)

    def _is_due(self, place: Place, *, reads_parents: bool) -> bool:
        if self._known.states.get(place.batch_id) not in {"mapped", "published"}:
            return False
        item = self._known.stopped.get(place)
        waits = item is not None and item.state is State.PENDING and item.reason in _WAITING
        return waits or (reads_parents and self._known.is_mapped(place))

    def _note(self, table: str, judged: dict[Place, Judged], work: _Work, versions: Sequence[Version] = ()) -> None:
        """The verdicts count from now on; a record that passes now may let others pass."""
        self._judged.update(judged)
        keys = self._versions.tables[table]
        own = keys.registrations[keys.first_role]
        rows = {one.place: one.row for one in versions}
        freed = []
        for place, one in judged.items():
            was_standing = self._known.is_mapped(place)
            if one.stop is None:
                self._known.stopped.pop(place, None)
            else:
                self._known.stopped[place] = _item(place, one.stop)
            if was_standing is not (one.stop is None) and place in rows:
                freed.append(Version(place, "", b"", rows[place]))
        work.add(table, (fold for one in freed if (fold := own.fold_of(one.row)) is not None))
        self._parents_of(table, freed, work)

    def _parents_of(self, table: str, versions: Sequence[Version], work: _Work) -> None:
        """Records that list these as their children are evaluated again, in their newest standing version."""
        for parent in self._listing[table]:
            register = self._versions.tables[table].registrations[child_role(table, parent)]
            folds = {fold for one in versions if (fold := register.fold_of(one.row)) is not None}
            newest = self._versions.newest_mapped(parent, folds, self._known)
            fresh = list(newest.values())
            if fresh:
                judged = self._evaluator.judge_records(parent, fresh)
                self._note(parent, judged, work, fresh)

    # Stories and conflicts ----------------------------------------------------------------------------------------

    def _stories(self, table: str, versions: Sequence[Version], *, but: int | None = None) -> None:
        """Stories of these messages, evaluated with all that is known; messages of batch `but` were judged already."""
        own: dict[Place, Judged] = {}
        refused = refusing(self._evaluator, own)
        for role in self._evaluator.sequence_folds(table):
            register = self._versions.tables[table].registrations[role]
            folds = {fold for one in versions if (fold := register.fold_of(one.row)) is not None}
            elsewhere = self._touching_others(role, folds, but)
            told = self._evaluator.judge_stories(table, role, elsewhere, refused)
            for place, one in told.items():
                if place.batch_id != but and self._differs(place, one):
                    self._judged[place] = combined([{place: own[place]}, {place: one}])[place]

    def _touching_others(self, role: str, folds: set[bytes], but: int | None) -> set[bytes]:
        entries = self._versions.entries(role, folds)
        return {fold for fold, listed in entries.items() if any(entry.batch_id != but for entry in listed)}

    def _differs(self, place: Place, one: Judged) -> bool:
        """True if the message carries its story, or stands otherwise than before."""
        item = self._known.stopped.get(place)
        return bool(one.evaluations) or (one.stop is None) is not (item is None or item.stage is Stage.VALIDATE)

    def _settle_conflicts(self, batch: Batch) -> None:
        """Versions of other batches that this one contradicts at equal order stop too."""
        keys = self._versions.tables[batch.table]
        if keys.table.ties is not None or keys.table.folds:
            return
        with self._stores.ledger.read() as tx:
            mine = items.found(tx, batch_id=batch.id, stage=Stage.MAP, reason=Reason.CONFLICTING_VERSION)
        versions = self._found(batch.table, [Place(batch.id, item.row) for item in mine])
        register = keys.registrations[keys.first_role]
        folds = {fold for one in versions if (fold := register.fold_of(one.row)) is not None}
        for place in conflicts(self._versions.entries(keys.first_role, folds)):
            if place.batch_id != batch.id and self._known.is_mapped(place):
                stop = conflict_stop(place)
                self._judged[place] = Judged(place, stop)
                self._known.stopped[place] = _item(place, stop)

    # Supplements --------------------------------------------------------------------------------------------------

    def _supplements(self) -> list[Supplement]:
        by_batch: defaultdict[int, list[Judged]] = defaultdict(list)
        for place, one in sorted(self._judged.items()):
            by_batch[place.batch_id].append(one)
        return [self._supplement(batch_id, listed) for batch_id, listed in by_batch.items()]

    def _supplement(self, batch_id: int, judged: Sequence[Judged]) -> Supplement:
        made = Supplement(batch_id, verdicts={one.place.row: one.stop for one in judged})
        with self._stores.ledger.read() as tx:
            batch = batches.by_id(tx, batch_id)
            held = stored.of_batch(tx, batch_id, FileKind.RESOURCES)
            part = max((file.part for file in held), default=0)
        files = [ViewFile(file.name, file.batch_id, file.position) for file in held]
        made.before = self._counted(files, made.verdicts)
        passed = [one for one in judged if one.passed and one.evaluations]
        if passed:
            key = self._stores.vault.open_data_key(batch.wrapped_key)
            with EvaluationWriter(self._stores, batch_id, part, key, self._tools.split) as writer:
                for one in passed:
                    writer.add(one.place.row, one.evaluations)
                made.files = writer.close()
            latest = max((file.position for file in files), default=0) + 1
            added = [ViewFile(file.stored.name, batch_id, latest) for file in made.files if _is_lake(file.kind)]
            made.after = self._counted([*files, *added], made.verdicts)
        else:
            made.after = dict(made.before)
        made.after |= {one.place.row: one.units for one in judged if one.units}
        return made

    def _counted(self, files: Sequence[ViewFile], rows: Collection[int]) -> dict[int, int]:
        table = self._stores.lake.evaluations(files)
        pairs = zip(table.column("row").to_pylist(), table.column("resources").to_pylist(), strict=True)
        return {row: count for row, count in pairs if row in rows}


def _is_lake(kind: FileKind) -> bool:
    return kind is FileKind.RESOURCES


def _item(place: Place, stop: Stop) -> Item:
    return Item(
        place.batch_id, stop.stage, place.row, stop.state, stop.reason, stop.place, 1, stop.pending_key, 0, None, None
    )
