"""A source, run through its stages: land, check, map, validate. Each step finds for itself what is left to do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from passerelle.checking import check_batch
from passerelle.contracts.house import SourceFolder
from passerelle.contracts.problems import nearest
from passerelle.doors.connections import Connection
from passerelle.errors import BrokenPromise, UsageError
from passerelle.fold.view import day_of
from passerelle.landing import land
from passerelle.linkage.projection import AGREEMENTS, project_consents
from passerelle.mapping.refreshing import Refresher
from passerelle.mapping.stage import map_batch
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.ordering import published_together, tables_in_order
from passerelle.records import BATCH_STAGES, Stage, State
from passerelle.stores import sums
from passerelle.stores.discrepancy import Discrepancy
from passerelle.stores.lake import CurrentView
from passerelle.stores.ledger import Lease, batches, stored, tallies
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.holders import this_holder
from passerelle.validation import publish
from passerelle.validation.publishing import Agreed, Projection

Progress = Callable[[str, int, int], None]
_WANTS = {
    Stage.CHECK: BatchState.LANDED,
    Stage.MAP: BatchState.CHECKED,
    Stage.VALIDATE: BatchState.MAPPED,
}


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody wants to know how far the work is."""


@dataclass(slots=True)
class SourceRun:
    """What a run of one source did: batches that came in, were stopped, became visible; all it had in hand."""

    source: str
    landed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Those that became visible without a record, since nothing of what came in could be read."""
    handled: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a source is to be run."""

    stages: Sequence[Stage] = BATCH_STAGES
    batch: str | None = None
    since: str | None = None
    until: str | None = None
    note: str = ""


def run_source(
    instance: Instance,
    source: str,
    connections: Mapping[str, Connection],
    asked: Asked | None = None,
    progress: Progress = silent,
) -> SourceRun:
    """The source is run through the stages asked for.

    Raises:
        UsageError: the source, its connection or the batch is not known.
        Unavailable: the source, the ledger or the disk cannot be reached now.
        ContractError: a contract is wrong.
        BrokenPromise: what is stored is not what the ledger names, or the sums of the source do not add up.
    """
    return _Run(instance, instance.folder(source), connections, asked or Asked(), progress).run()


class _Run:
    """One run of one source."""

    def __init__(
        self,
        instance: Instance,
        folder: SourceFolder,
        connections: Mapping[str, Connection],
        asked: Asked,
        progress: Progress,
    ) -> None:
        self._instance = instance
        self._folder = folder
        self._name = folder.source.source
        self._connections = connections
        self._asked = asked
        self._progress = progress
        self._order = tables_in_order(folder)
        self._told = SourceRun(self._name)
        self._project = when_changed(projection(instance, self._name))
        with instance.stores.ledger.read() as tx:
            self._before = stored.last_position(tx, self._name)

    def run(self) -> SourceRun:
        try:
            wrong = self._through()
        except BrokenPromise:
            sums.refuse(self._wrong(()))
            raise
        sums.refuse(wrong)
        return self._told

    def _through(self) -> list[Discrepancy]:
        """Every stage asked for, and what does not add up afterwards; counted while nobody else works on the source."""
        if Stage.LAND in self._asked.stages:
            self._land()
        left = [stage for stage in BATCH_STAGES[1:] if stage in self._asked.stages]
        if left:
            with self._instance.lease(f"run:{self._name}") as lease:
                for stage in left:
                    self._carry(stage, lease)
                if self._is_to_the_end():
                    return self._wrong(self._done())
        return []

    def _is_to_the_end(self) -> bool:
        return Stage.VALIDATE in self._asked.stages or bool(self._told.stopped)

    def _done(self) -> set[int]:
        """The batches that this run touched and that nothing is left to do for."""
        with self._instance.stores.ledger.read() as tx:
            done = batches.found(tx, source=self._name, states=[BatchState.STOPPED, BatchState.PUBLISHED])
            touched = stored.batches_with_files_after(tx, self._name, self._before)
        named = {*self._told.stopped, *self._told.published}
        return {batch.id for batch in done if batch.id in touched or batch.name in named}

    def _wrong(self, touched: Collection[int]) -> list[Discrepancy]:
        stores = self._instance.stores
        return sums.recount_source(stores.ledger, stores.vault, stores.lake, self._name, touched)

    def _land(self) -> None:
        wanted = self._folder.source.connection
        connection = self._connections.get(wanted)
        if connection is None:
            raise UsageError(
                f"source {self._name} wants the connection '{wanted}', and none of that name is in "
                f"PASSERELLE_CONNECTIONS, which has {', '.join(sorted(self._connections)) or 'none'}"
                f"{nearest(wanted, self._connections)}"
            )
        for number, table in enumerate(self._order):
            self._progress(f"{self._name} land", number, len(self._order))
            landed = land(
                self._instance.stores,
                self._folder,
                table,
                connection,
                as_of=self._instance.settings.as_of,
                holder=this_holder(),
                note=self._asked.note,
                since=self._asked.since,
                until=self._asked.until,
            )
            self._told.landed += [batch.name for batch in landed]
        self._progress(f"{self._name} land", len(self._order), len(self._order))

    def _carry(self, stage: Stage, lease: Lease) -> None:
        waiting = self._waiting(_WANTS[stage])
        steps = published_together(waiting) if stage is Stage.VALIDATE else ([batch] for batch in waiting)
        done = 0
        for step in steps:
            self._progress(f"{self._name} {stage}", done, len(waiting))
            self._step(stage, step, lease)
            done += len(step)
        if waiting:
            self._progress(f"{self._name} {stage}", done, len(waiting))

    def _waiting(self, state: BatchState) -> list[Batch]:
        with self._instance.stores.ledger.read() as tx:
            found = batches.found(tx, source=self._name, states=[state])
        place = {name: number for number, name in enumerate(self._order)}
        listed = sorted(found, key=lambda batch: (place.get(batch.table, len(place)), batch.id))
        return [batch for batch in listed if self._asked.batch in {None, batch.name}]

    def _step(self, stage: Stage, together: Sequence[Batch], lease: Lease) -> None:
        self._told.handled |= {batch.name for batch in together}
        if stage is Stage.VALIDATE:
            self._publish(together, lease)
            self._told.published += [batch.name for batch in together]
            self._told.unread += self._unread(together)
            return
        (batch,) = together
        if stage is Stage.CHECK:
            today = day_of(self._instance.settings.as_of, self._folder.source.time_zone)
            stores, house = self._instance.stores, self._instance.house
            if check_batch(stores, house, self._folder, batch, lease, today).state is BatchState.STOPPED:
                self._told.stopped.append(batch.name)
        else:
            map_batch(self._instance.stores, self._instance.tools(self._name), batch, lease)

    def _unread(self, together: Sequence[Batch]) -> list[str]:
        """Batches of which land passed nothing, and quarantined what there was."""
        with self._instance.stores.ledger.read() as tx:
            counted = {batch.name: tallies.of(tx, batch.id) for batch in together}
        return [
            name
            for name, told in counted.items()
            if not told.get((Stage.LAND, State.PASSED)) and told.get((Stage.LAND, State.QUARANTINED))
        ]

    def _publish(self, together: Sequence[Batch], lease: Lease) -> None:
        stores, tools = self._instance.stores, self._instance.tools(self._name)
        refresher = Refresher(stores, tools, tools.evaluator())
        publish(
            stores,
            self._name,
            together,
            lease,
            refresher.touched_by(together),
            known_ids=self._instance.known_ids,
            project=self._project,
            rules=self._instance.across_rules,
        )


def when_changed(project: Callable[[CurrentView], Agreed]) -> Projection:
    """The same, but for a view whose consents and care teams are those of the view before: then nothing is read."""
    seen: pa.Table | None = None

    def told(view: CurrentView) -> Agreed | None:
        nonlocal seen
        now = view.versions(AGREEMENTS)
        if seen is not None and now.equals(seen):
            return None
        seen = now
        return project(view)

    return told


def projection(instance: Instance, source: str) -> Callable[[CurrentView], Agreed]:
    """Reads the consents and care teams of the source out of a view of it."""
    return lambda view: project_consents(view, instance.folder(source), instance.house, instance.stores.keys)
