"""The sums, counted again by separate code from what is stored: nothing lost, nothing twice.

For every batch: land received what the record files hold; check received what land passed; map received what
check passed; validate received the resources that map emitted. Non-passed items are the ledger's rows, passed
ones the rest. Files are opened, counted and compared with their hashes; every passed record is in the key index.

What link states has no record behind it, and what link and deliver count is of a cut: `cut_sums` counts them again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from passerelle.errors import BrokenPromise
from passerelle.records import BATCH_STAGES, PARTITION_ROWS, Reason, Stage, State
from passerelle.stores.cut_sums import LINK_SOURCE, recount_cut
from passerelle.stores.discrepancy import Discrepancy
from passerelle.stores.files import path_below
from passerelle.stores.keys import DataKey
from passerelle.stores.lake import Lake
from passerelle.stores.ledger import Ledger, batches, items, key_index, stored, tallies
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.items import Item
from passerelle.stores.ledger.stored import BatchFile, FileKind
from passerelle.stores.ledger.tallies import Tallies
from passerelle.stores.vault import Vault

_DONE = {
    BatchState.LANDING: BATCH_STAGES[:1],
    BatchState.LANDED: BATCH_STAGES[:1],
    BatchState.STOPPED: BATCH_STAGES[:2],
    BatchState.CHECKED: BATCH_STAGES[:2],
    BatchState.MAPPED: BATCH_STAGES[:3],
    BatchState.PUBLISHED: BATCH_STAGES,
}


@dataclass(slots=True)
class _Facts:
    """What the ledger says of one batch."""

    batch: Batch
    tallies: Tallies
    fan_out: int
    files: list[BatchFile]
    items: list[Item]
    indexed: set[int] = field(default_factory=set)
    opened: bool = True

    def told(self, stage: Stage, state: State) -> int:
        return self.tallies.get((stage, state), 0)

    def stopped(self, *stages: Stage) -> set[int]:
        return {item.row for item in self.items if item.stage in stages}


@dataclass(slots=True)
class _Records:
    """What the record files of one batch hold."""

    rows: set[int]
    empty: set[int]


@dataclass(slots=True)
class Recounted:
    """What came of counting batches again: what does not add up, sorted, and the files that are gone or damaged."""

    found: list[Discrepancy]
    broken: set[str]


def recount(ledger: Ledger, vault: Vault, lake: Lake, *, sources: Sequence[str] | None = None) -> list[Discrepancy]:
    """Everything of batches and of cuts that does not add up, sorted; nothing if every sum does.

    The ledger is read in one transaction; files are read after it, and are immutable.

    Args:
        ledger: what is compared.
        vault: where records lie.
        lake: where resources lie.
        sources: those of which a cut is delivered; all without.
    """
    told = recount_batches(ledger, vault, lake)
    return sorted([*told.found, *recount_cut(ledger, lake, sources, broken=told.broken)])


def recount_batches(ledger: Ledger, vault: Vault, lake: Lake) -> Recounted:
    """Every batch is counted again."""
    return _recounted(_facts(ledger), ledger, vault, lake)


def recount_source(
    ledger: Ledger, vault: Vault, lake: Lake, source: str, touched: Collection[int]
) -> list[Discrepancy]:
    """What does not add up of the source's batches: those that were touched, and are done, are counted again.

    Of the others, what costs no reading of files: their sums in the ledger, and that their files are there. What wants
    the whole key index is left to `recount`, since it grows with all that ever came: whether every record is in it, and
    whether a record left something in the lake through another one.
    """
    told = _facts(ledger, source, touched, keyed=False)
    return _recounted(told, ledger, vault, lake, keyed=False).found


def _recounted(facts: dict[int, _Facts], ledger: Ledger, vault: Vault, lake: Lake, *, keyed: bool = True) -> Recounted:
    found: list[Discrepancy] = []
    broken: set[str] = set()
    for told in facts.values():
        for file, sentence in _files(told, vault, lake) if told.opened else _absent(told, lake):
            broken.add(file.name)
            found.append(Discrepancy(told.batch.name, file.stage, sentence))
    opened = [told for told in facts.values() if told.opened]
    without: dict[int, set[int]] = {}
    for told in facts.values():
        done = _DONE[told.batch.state]
        found.extend(_items(told))
        if Stage.CHECK in done:
            found.extend(_chain(told, Stage.LAND, Stage.CHECK))
        if Stage.MAP in done:
            found.extend(_chain(told, Stage.CHECK, Stage.MAP))
        if Stage.VALIDATE in done:
            found.extend(_received(told))
    for told in opened:
        done = _DONE[told.batch.state]
        whole = not any(file.name in broken for file in told.files)
        found.extend(_land(told, _records(told, vault, broken), whole=whole, keyed=keyed))
        if Stage.MAP in done and whole:
            resources = _emitted(told, lake, broken)
            found.extend(_map(told, resources, published=Stage.VALIDATE in done))
            if keyed:
                without[told.batch.id] = _without_resources(told, resources)
    found.extend(_lost(ledger, lake, facts, without, broken))
    return Recounted(sorted(found), broken)


def _facts(
    ledger: Ledger, source: str | None = None, touched: Collection[int] | None = None, *, keyed: bool = True
) -> dict[int, _Facts]:
    """What the ledger says of all batches, or those of the source; all or those that were touched are to be opened.

    Without `keyed`, the key index is not read.
    """
    with ledger.read() as tx:
        counted = tallies.all_of(tx)
        facts = {
            batch.id: _Facts(
                batch,
                counted.get(batch.id, {}),
                tallies.fan_out(tx, batch.id),
                [],
                [],
                opened=touched is None or batch.id in touched,
            )
            for batch in batches.found(tx, source=source)
            if batch.source != LINK_SOURCE
        }
        for file in stored.current(tx):
            if file.batch_id in facts:
                facts[file.batch_id].files.append(file)
        for item in items.found(tx, source=source):
            if item.batch_id in facts:
                facts[item.batch_id].items.append(item)
        for batch_id, row, _ in key_index.rows_by_batch(tx) if keyed else ():
            if batch_id in facts:
                facts[batch_id].indexed.add(row)
    return facts


def _key(told: _Facts, file: BatchFile, vault: Vault) -> DataKey:
    return vault.open_data_key(file.wrapped_key or told.batch.wrapped_key)


def _files(told: _Facts, vault: Vault, lake: Lake) -> Iterator[tuple[BatchFile, str]]:
    """Files that are gone, damaged, or not what the ledger names."""
    for file in told.files:
        if file.kind is FileKind.RESOURCES:
            wrong = lake.verify(file.stored)
        else:
            wrong = vault.verify(file.stored, _key(told, file, vault))
        if wrong is not None:
            yield file, wrong


def _absent(told: _Facts, lake: Lake) -> Iterator[tuple[BatchFile, str]]:
    """Files that are gone, or have another length than the ledger names. None is opened."""
    for file in told.files:
        path = path_below(lake.root, file.name)
        if not path.is_file():
            yield file, f"the {file.name.partition('/')[0]} file {file.name} is gone"
        elif path.stat().st_size != file.stored.bytes:
            yield file, f"{file.name} has not the length that the ledger names"


def _records(told: _Facts, vault: Vault, broken: set[str]) -> _Records:
    held = _Records(set(), set())
    for file in told.files:
        if file.kind is not FileKind.RECORDS or file.name in broken:
            continue
        first = file.part * PARTITION_ROWS
        for place, raw in enumerate(vault.read_records(file, _key(told, file, vault))):
            held.rows.add(first + place)
            if not raw:
                held.empty.add(first + place)
    return held


def _land(told: _Facts, held: _Records, *, whole: bool, keyed: bool) -> Iterator[Discrepancy]:
    batch = told.batch
    parts = Counter(file.part for file in told.files if file.kind is FileKind.RECORDS)
    for part in sorted(part for part, count in parts.items() if count > 1):
        yield Discrepancy(batch.name, Stage.LAND, f"partition {part} has {parts[part]} record files")
    if not whole:
        return
    received = tallies.received(told.tallies, Stage.LAND)
    if received != len(held.rows):
        yield Discrepancy(batch.name, Stage.LAND, f"land received {received} records, the vault holds {len(held.rows)}")
    if batch.state is not BatchState.LANDING and batch.records != len(held.rows):
        yield Discrepancy(
            batch.name, Stage.LAND, f"the batch has {batch.records} records, the vault holds {len(held.rows)}"
        )
    stopped = told.stopped(Stage.LAND)
    passed = held.rows - stopped
    if told.told(Stage.LAND, State.PASSED) != len(passed):
        yield Discrepancy(
            batch.name,
            Stage.LAND,
            f"land passed {told.told(Stage.LAND, State.PASSED)} records, {len(passed)} are stored without a stop",
        )
    for rows, what in (
        (held.empty - stopped, "passed land but have no bytes"),
        (passed - told.indexed if keyed else set(), "passed land but are not in the key index"),
        (told.indexed - held.rows, "are in the key index but not in the vault"),
        ({item.row for item in told.items} - held.rows, "have an item but are not in the vault"),
    ):
        if rows:
            yield Discrepancy(batch.name, Stage.LAND, f"{len(rows)} rows {what}, the first is row {min(rows)}")


def _items(told: _Facts) -> Iterator[Discrepancy]:
    counted: Counter[tuple[Stage, State]] = Counter()
    stages: defaultdict[int, set[Stage]] = defaultdict(set)
    for item in told.items:
        counted[item.stage, item.state] += item.units
        stages[item.row].add(item.stage)
    named = {key for key in told.tallies if key[1] is not State.PASSED}
    for stage, state in sorted(named | set(counted)):
        if told.told(stage, state) != counted[stage, state]:
            yield Discrepancy(
                told.batch.name,
                stage,
                f"{told.told(stage, state)} items are counted as {state}, {counted[stage, state]} are",
            )
    twice = sorted(row for row, at in stages.items() if len(at) > 1)
    if twice:
        yield Discrepancy(
            told.batch.name,
            max(stages[twice[0]], key=BATCH_STAGES.index),
            f"{len(twice)} rows are stopped at two stages and counted twice, the first is row {twice[0]}",
        )


def _chain(told: _Facts, before: Stage, stage: Stage) -> Iterator[Discrepancy]:
    received, passed_on = tallies.received(told.tallies, stage), told.told(before, State.PASSED)
    if received != passed_on:
        yield Discrepancy(told.batch.name, stage, f"{before} passed {passed_on} records, {stage} received {received}")


def _received(told: _Facts) -> Iterator[Discrepancy]:
    received = tallies.received(told.tallies, Stage.VALIDATE)
    if received != told.fan_out:
        sentence = f"map emitted {told.fan_out} resources, validate received {received}"
        yield Discrepancy(told.batch.name, Stage.VALIDATE, sentence)


def _emitted(told: _Facts, lake: Lake, broken: set[str]) -> dict[int, tuple[int, int]]:
    """Per row of the batch: how many resources its newest evaluations emitted, and how many rows are doubled."""
    listed = [file for file in told.files if file.kind is FileKind.RESOURCES and file.name not in broken]
    emitted: dict[int, tuple[int, int]] = {}
    seen: dict[tuple[int, int], tuple[int, int]] = {}  # most rows emit the same few numbers: one tuple for all of them
    for chunk in lake.evaluations(stored.as_view_files(listed)).to_batches(10_000):
        for row, resources, doubled in zip(*(column.to_pylist() for column in chunk.columns[1:]), strict=True):
            counted = resources, doubled
            emitted[row] = seen.setdefault(counted, counted)
    return emitted


def _map(told: _Facts, emitted: dict[int, tuple[int, int]], *, published: bool) -> Iterator[Discrepancy]:
    name = told.batch.name
    doubled = sum(twice for _, twice in emitted.values())
    if doubled:
        yield Discrepancy(name, Stage.MAP, f"{doubled} resources are in the lake twice for the same record")
    early = set(emitted) & told.stopped(Stage.LAND, Stage.CHECK)
    if early:
        yield Discrepancy(
            name, Stage.MAP, f"{len(early)} rows are in the lake but never reached map, as row {min(early)}"
        )
    strange = {row for row in emitted if not 0 <= row < told.batch.records}
    if strange:
        yield Discrepancy(
            name, Stage.MAP, f"{len(strange)} rows of the lake are none of the batch, as row {min(strange)}"
        )
    not_mapped = told.stopped(Stage.LAND, Stage.CHECK, Stage.MAP)
    stopped = {item.row: item for item in told.items if item.stage is Stage.VALIDATE}
    # A record that structure refuses when it is evaluated again has what it emitted before in the lake: that is past.
    past = {row for row, item in stopped.items() if item.reason is Reason.NOT_FHIR}
    left_out = not_mapped | past
    in_lake = sum(resources for row, (resources, _) in emitted.items() if row not in left_out)
    refused = sum(item.units for row, item in stopped.items() if row not in emitted or row in past)
    if told.fan_out != in_lake + refused:
        yield Discrepancy(
            name,
            Stage.MAP,
            f"map emitted {told.fan_out} resources, {in_lake} are in the lake and {refused} were refused by structure",
        )
    wrong = sorted(
        row for row, item in stopped.items() if row in emitted and row not in past and emitted[row][0] != item.units
    )
    if wrong:
        yield Discrepancy(
            name,
            Stage.VALIDATE,
            f"{len(wrong)} items of validate count other resources than the lake holds, as row {wrong[0]}",
        )
    if not published:
        return
    standing = sum(resources for row, (resources, _) in emitted.items() if row not in not_mapped and row not in stopped)
    if told.told(Stage.VALIDATE, State.PASSED) != standing:
        yield Discrepancy(
            name,
            Stage.VALIDATE,
            f"validate passed {told.told(Stage.VALIDATE, State.PASSED)} resources, {standing} stand in the lake",
        )


def _without_resources(told: _Facts, emitted: dict[int, tuple[int, int]]) -> set[int]:
    return set(range(told.batch.records)) - told.stopped(*BATCH_STAGES) - set(emitted)


def _lost(
    ledger: Ledger, lake: Lake, facts: dict[int, _Facts], without: dict[int, set[int]], broken: set[str]
) -> Iterator[Discrepancy]:
    """Records that passed map and left nothing in the lake, neither themselves nor through another record.

    A message of a story leaves what it says with the last one. A record of a table that emits nothing, with the record
    that lists it.
    """
    if not any(without.values()):
        return
    emitting = {
        (told.batch.source, told.batch.table)
        for told in facts.values()
        for file in told.files
        if file.kind is FileKind.RESOURCES and file.rows
    }
    folds: defaultdict[tuple[int, int], set[bytes]] = defaultdict(set)
    with ledger.read() as tx:
        for batch_id, row, role, fold in key_index.keys_by_row(tx):
            if row in without.get(batch_id, ()) and _may_speak_for(facts[batch_id].batch, role, emitting):
                folds[batch_id, row].add(fold)
    files = [
        file
        for told in facts.values()
        for file in told.files
        if file.kind is FileKind.RESOURCES and file.name not in broken
    ]
    known = lake.folds_among(stored.as_view_files(files), {fold for keys in folds.values() for fold in keys})
    for batch_id, rows in without.items():
        lost = {row for row in rows if not folds[batch_id, row] & known}
        if lost:
            yield Discrepancy(
                facts[batch_id].batch.name,
                Stage.MAP,
                f"{len(lost)} records passed map and left nothing in the lake, the first is row {min(lost)}",
            )


def _may_speak_for(batch: Batch, role: str, emitting: set[tuple[str, str]]) -> bool:
    """True if another record with this key may have left what a record of the batch says."""
    if "/" in role:
        return not role.endswith("/key")
    return (batch.source, batch.table) not in emitting


def require(ledger: Ledger, vault: Vault, lake: Lake, *, sources: Sequence[str] | None = None) -> None:
    """Every sum adds up.

    Raises:
        BrokenPromise: one or more do not; the sentences say where.
    """
    refuse(recount(ledger, vault, lake, sources=sources))


def refuse(found: Sequence[Discrepancy]) -> None:
    """Nothing was found.

    Raises:
        BrokenPromise: something was; the sentences say where.
    """
    if found:
        told = [f"{wrong.batch}, {wrong.stage}: {wrong.sentence}" for wrong in found]
        raise BrokenPromise("the sums do not add up:\n  " + "\n  ".join(told))
