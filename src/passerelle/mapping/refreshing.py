"""What other records must say anew because of a batch: parents of new children, children of new parents, stories.

The view may not depend on the order in which batches came. So when batches are about to be published, every record
that they touch is evaluated again as it stands now; what comes out is a supplement of the record's own batch.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from passerelle.fold.keys import child_role, own_role
from passerelle.fold.versions import Place, Version
from passerelle.mapping.evaluating import Evaluator, Judged, combined, contradiction
from passerelle.mapping.stage import MAPPED_AT, MapTools, refusing
from passerelle.mapping.writing import EvaluationWriter, Kept
from passerelle.records import PARTITION_ROWS, Reason, Stage, State, Stop
from passerelle.stores.files import ViewFile
from passerelle.stores.ledger import batches, findings, stored
from passerelle.stores.ledger.batches import Batch
from passerelle.stores.ledger.items import Item
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.ledger.stored import BatchFile, FileKind
from passerelle.stores.ledger.supplements import Supplement
from passerelle.stores.opened import Stores

_WAITING = (Reason.WAITS_FOR_PARENT, Reason.WAITS_FOR_MOVEMENT)


@dataclass(slots=True)
class _Work:
    """Keys whose neighbours are still to be looked at, by table."""

    changed: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    passed_on: set[tuple[str, bytes]] = field(default_factory=set)
    """Keys below which records were looked at although they stay as they are."""

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
        self._before = dict(evaluator.known.stopped)
        self._judged: dict[Place, Judged] = {}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._listing: dict[str, list[str]] = defaultdict(list)
        for name, keys in self._versions.tables.items():
            listing = evaluator.listed_by.get(name, ())
            self._listing[name] += listing
            waits_for = {parent.table for parent in keys.table.parents.values()}
            for parent in sorted(waits_for.union(() if evaluator.plans[name] else listing)):
                self._children[parent].append(name)
        self._passing_on = {
            keys.table.parents[path.split(".")[0]].table
            for name, keys in self._versions.tables.items()
            for plan in evaluator.plans[name]
            for path in plan.parents
            if "." in path
        }

    def touched_by(self, fresh: Sequence[Batch]) -> list[Supplement]:
        """The supplements of every batch (these too) of which a record has to be said anew.

        The batches are looked at in turn, each as if those before it were published.
        """
        for batch in fresh:
            if self._is_news(batch):
                work = _Work()
                for part in range(batch.partitions):
                    self._seed(batch, part, work)
                self._follow(work)
        return self._supplements()

    def again(self, table: str, places: Collection[Place]) -> list[Supplement]:
        """The supplements that come of evaluating these records of one table again, and what they touch."""
        work = _Work()
        versions = self._found(table, places)
        if self._evaluator.sequence_folds(table):
            self._messages_again(table, versions)
        else:
            self._settle_conflicts(table, versions, work)
            self._judge(table, versions, work)
        self._follow(work)
        return self._supplements()

    def _is_news(self, batch: Batch) -> bool:
        """True if some batch of a table that this one touches was mapped without knowing it."""
        with self._stores.ledger.read() as tx:
            mapped_at = findings.use_of(tx, batch.id, MAPPED_AT)
            knew = set() if mapped_at is None else stored.batches_after(tx, batch.source, json.loads(mapped_at))
        touched, left = {batch.table}, [batch.table]
        while left:
            table = left.pop()
            near = {*self._children[table], *self._listing[table]}
            if table in near:
                return True  # records of one table that touch one another: they were judged in some order
            left += near - touched
            touched |= near
        return any(
            table in touched and self._known.is_standing(other)
            for other, table in self._known.tables.items()
            if other != batch.id and other not in knew
        )

    # What is touched ----------------------------------------------------------------------------------------------

    def _rows_in(self, batch: Batch, part: int) -> list[Place]:
        """Where the records of a partition lie that map has judged."""
        first = part * PARTITION_ROWS
        rows = range(first, min(batch.records, first + PARTITION_ROWS))
        return [place for row in rows if self._known.came_to_map(place := Place(batch.id, row))]

    def _rows_of(self, batch: Batch, part: int) -> list[Version]:
        return self._found(batch.table, self._rows_in(batch, part))

    def _found(self, table: str, places: Iterable[Place]) -> list[Version]:
        return self._versions.located(table, self._versions.rows(table, places))[0]

    def _seed(self, batch: Batch, part: int, work: _Work) -> None:
        if self._evaluator.sequence_folds(batch.table):
            self._stories(batch.table, self._rows_of(batch, part), but=batch.id)
            return
        torn = [place for place in self._rows_in(batch, part) if self._is_contradicted(place)]
        self._settle_conflicts(batch.table, self._found(batch.table, torn), work, but=batch.id)
        if self._children[batch.table] or self._listing[batch.table]:
            self._touch(batch.table, self._rows_of(batch, part), work)

    def _follow(self, work: _Work) -> None:
        """Children of what changed are evaluated again, and theirs, until nothing changes any more.

        That comes to an end: no record decides over itself (`contracts.across_relations`).
        """
        while (taken := work.take()) is not None:
            table, folds = taken
            for child in self._children[table]:
                self._evaluate_children(child, table, folds, work)

    def _evaluate_children(self, child: str, parent: str, folds: set[bytes], work: _Work) -> None:
        reads_parents = any(plan.parents for plan in self._evaluator.plans[child])
        entries = self._versions.entries(child_role(child, parent), folds)
        standing = self._versions.standing(parent, entries.keys(), self._known)
        chosen = {
            place
            for fold, listed in entries.items()
            for place in (Place(entry.batch_id, entry.row) for entry in listed)
            if self._is_due(place, reads_parents=reads_parents, has_parent=fold in standing)
        }
        if chosen:
            self._judge(child, self._found(child, chosen), work)
        if child in self._passing_on:
            self._pass_on(child, entries, work)

    def _pass_on(self, table: str, entries: Mapping[bytes, Sequence[Entry]], work: _Work) -> None:
        """Others read a parent's columns through these records, which need not change for that."""
        places = [Place(entry.batch_id, entry.row) for listed in entries.values() for entry in listed]
        folds = self._keys_of(table, self._found(table, [one for one in places if self._known.is_mapped(one)]))
        fresh = {fold for fold in folds if (table, fold) not in work.passed_on}
        work.passed_on.update((table, fold) for fold in fresh)
        work.add(table, fresh)

    def _is_due(self, place: Place, *, reads_parents: bool, has_parent: bool) -> bool:
        """True if what became of the parent may change what becomes of the record."""
        if not self._known.came_to_map(place):
            return False
        item = self._known.stopped.get(place)
        if item is not None and item.state is State.PENDING and item.reason in _WAITING:
            return has_parent
        return reads_parents or (self._known.is_mapped(place) and not has_parent)

    def _judge(self, table: str, versions: Sequence[Version], work: _Work) -> None:
        """These are judged again, and count from now on; one that passes now, or no longer does, touches others."""
        judged = self._evaluator.judge(table, versions)
        self._note(table, judged, versions, work)

    def _note(self, table: str, judged: dict[Place, Judged], versions: Sequence[Version], work: _Work) -> None:
        turned = []
        for version in versions:
            before = self._standing(version.place)
            self._take(judged[version.place])
            if before != self._standing(version.place):
                turned.append(version)
        self._touch(table, turned, work)

    def _take(self, one: Judged) -> None:
        """From now on this is what became of the record."""
        self._judged[one.place] = one
        if one.stop is None:
            self._known.stopped.pop(one.place, None)
        else:
            self._known.stopped[one.place] = _item(one.place, one.stop)

    def _standing(self, place: Place) -> tuple[bool, bytes | None]:
        """What others see of a record: whether it stands, or which parent it waits for."""
        return self._known.is_mapped(place), self._known.waits_for(place)

    def _touch(self, table: str, versions: Sequence[Version], work: _Work) -> None:
        """Children of these are to be looked at; what lists them is said anew."""
        work.add(table, self._keys_of(table, versions))
        self._parents_of(table, versions, work)

    def _keys_of(self, table: str, versions: Sequence[Version]) -> set[bytes]:
        own = self._versions.tables[table].registrations[self._versions.tables[table].first_role]
        return {fold for one in versions if (fold := own.fold_of(one.row)) is not None}

    def _parents_of(self, table: str, versions: Sequence[Version], work: _Work) -> None:
        """Records that list these, or listed them in an earlier version, are evaluated again.

        Each in every version: any of them may stand again.
        """
        if not self._listing[table] or not versions:
            return
        everything = self._of_keys(table, self._keys_of(table, versions))
        for parent in self._listing[table]:
            register = self._versions.tables[table].registrations[child_role(table, parent)]
            folds = {fold for one in everything if (fold := register.fold_of(one.row)) is not None}
            owners = [one for one in self._of_keys(parent, folds) if self._known.came_to_map(one.place)]
            if owners:
                self._judge(parent, owners, work)

    def _of_keys(self, table: str, folds: Collection[bytes]) -> list[Version]:
        """Every version of these keys that map has judged."""
        entries = self._versions.entries(own_role(table, "key"), folds)
        places = (Place(entry.batch_id, entry.row) for listed in entries.values() for entry in listed)
        return self._found(table, [place for place in places if self._known.came_to_map(place)])

    # Stories and conflicts ----------------------------------------------------------------------------------------

    def _stories(self, table: str, versions: Sequence[Version], *, but: int) -> None:
        """Stories of these messages, told with all that is known; messages of batch `but` were judged already."""
        for place, one in self._told(table, versions, {}, but).items():
            if place.batch_id != but and self._differs(place, one):
                self._take(one)

    def _messages_again(self, table: str, versions: Sequence[Version]) -> None:
        """Messages judged again, by themselves and in their stories."""
        own = self._evaluator.judge_records(table, versions)
        told = self._told(table, versions, dict(own), None)
        self._judged.update({place: told.get(place, one) for place, one in own.items()})
        self._judged.update({place: one for place, one in told.items() if self._differs(place, one)})

    def _told(
        self, table: str, versions: Sequence[Version], own: dict[Place, Judged], but: int | None
    ) -> dict[Place, Judged]:
        """Every message of the stories of these, judged; stories that batch `but` has whole are left out."""
        refused = refusing(self._evaluator, own)
        parts: list[dict[Place, Judged]] = []
        for role in self._evaluator.sequence_folds(table):
            register = self._versions.tables[table].registrations[role]
            folds = {fold for one in versions if (fold := register.fold_of(one.row)) is not None}
            parts.append(self._evaluator.judge_stories(table, role, self._touching_others(role, folds, but), refused))
        met = {place for part in parts for place in part}
        return combined([{place: own[place] for place in met}, *parts])

    def _touching_others(self, role: str, folds: set[bytes], but: int | None) -> set[bytes]:
        entries = self._versions.entries(role, folds)
        return {fold for fold, listed in entries.items() if any(entry.batch_id != but for entry in listed)}

    def _differs(self, place: Place, one: Judged) -> bool:
        """True if the message carries its story, or stands otherwise than before."""
        item = self._known.stopped.get(place)
        if one.stop is None:
            return bool(one.evaluations) or not (item is None or _waits_for_target(item))
        return item is None or _verdict(item) != _verdict(one.stop)

    def _settle_conflicts(
        self, table: str, versions: Sequence[Version], work: _Work, *, but: int | None = None
    ) -> None:
        """Versions that these contradict at equal order stop too; those of batch `but` did already."""
        places = {
            place
            for place in self._evaluator.contradicted(table, versions)
            if place.batch_id != but and not self._is_contradicted(place)
        }
        if places:
            self._note(table, {place: contradiction(place) for place in places}, self._found(table, places), work)

    def _is_contradicted(self, place: Place) -> bool:
        item = self._known.stopped.get(place)
        return item is not None and item.reason is Reason.CONFLICTING_VERSION

    # Supplements --------------------------------------------------------------------------------------------------

    def _supplements(self) -> list[Supplement]:
        by_batch: defaultdict[int, list[Judged]] = defaultdict(list)
        for place, one in sorted(self._judged.items()):
            by_batch[place.batch_id].append(one)
        made = [self._supplement(batch_id, listed) for batch_id, listed in by_batch.items()]
        return [one for one in made if one.verdicts]

    def _supplement(self, batch_id: int, judged: Sequence[Judged]) -> Supplement:
        """What is other than before: verdicts that changed, and evaluations that the lake does not hold yet."""
        made = Supplement(batch_id)
        with self._stores.ledger.read() as tx:
            batch = batches.by_id(tx, batch_id)
            held = stored.of_batch(tx, batch_id, FileKind.RESOURCES)
            part = max((file.part for file in held), default=0)
        kept = self._kept(held, {one.place.row for one in judged if one.passed and one.evaluations})
        key = self._stores.vault.open_data_key(batch.wrapped_key)
        with EvaluationWriter(self._stores, batch_id, part, key, self._tools.split) as writer:
            for one in judged:
                row = one.place.row
                is_new = one.passed and any(
                    kept.get((row, evaluation.fold)) != writer.rows_of(evaluation) for evaluation in one.evaluations
                )
                if is_new:
                    writer.add(row, one.evaluations)
                if is_new or not self._is_as_before(one):
                    made.verdicts[row] = one.stop
            if writer.rows:
                made.files = writer.close()
        files = [ViewFile(file.name, file.batch_id, file.position) for file in held]
        made.before = self._counted(files, made.verdicts)
        latest = max((file.position for file in files), default=0) + 1
        added = [ViewFile(file.stored.name, batch_id, latest) for file in made.files if _is_lake(file.kind)]
        made.after = self._counted([*files, *added], made.verdicts) if added else dict(made.before)
        made.after |= {one.place.row: one.units for one in judged if one.units and one.place.row in made.verdicts}
        return made

    def _is_as_before(self, one: Judged) -> bool:
        """True if the ledger says the same of the record already."""
        item = self._before.get(one.place)
        if one.stop is None:
            return item is None or _waits_for_target(item)
        return item is not None and _verdict(item) == _verdict(one.stop) and one.units in {0, item.units}

    def _kept(self, held: Sequence[BatchFile], rows: Collection[int]) -> dict[tuple[int, bytes], set[Kept]]:
        """By row and key: what the newest evaluation of it in these files holds."""
        kept: dict[tuple[int, bytes], set[Kept]] = {}
        for file in held if rows else ():
            found: defaultdict[tuple[int, bytes], set[Kept]] = defaultdict(set)
            table = self._stores.lake.read(file, ["row", "fold", "id", "ord", "digest"])
            for row, fold, *resource in zip(*(column.to_pylist() for column in table.columns), strict=True):
                if row in rows:
                    found[row, fold].add((resource[0], resource[1], resource[2]))
            kept |= found
        return kept

    def _counted(self, files: Sequence[ViewFile], rows: Collection[int]) -> dict[int, int]:
        table = self._stores.lake.evaluations(files)
        pairs = zip(table.column("row").to_pylist(), table.column("resources").to_pylist(), strict=True)
        return {row: count for row, count in pairs if row in rows}


def _verdict(stop: Stop | Item) -> tuple[Stage, State, Reason, str, bytes | None]:
    return stop.stage, stop.state, stop.reason, stop.place, stop.pending_key


def _waits_for_target(item: Item) -> bool:
    return item.stage is Stage.VALIDATE and item.state is State.PENDING


def _is_lake(kind: FileKind) -> bool:
    return kind is FileKind.RESOURCES


def _item(place: Place, stop: Stop) -> Item:
    return Item(
        place.batch_id, stop.stage, place.row, stop.state, stop.reason, stop.place, 1, stop.pending_key, 0, None, None
    )
