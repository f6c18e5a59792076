"""Land, for one table of one source: what was left open first, then what is new."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial

from passerelle.contracts.house import SourceFolder
from passerelle.doors.connections import Connection
from passerelle.errors import RefusedForGood, Unavailable, UsageError
from passerelle.landing.bounds import Asked, Reader
from passerelle.landing.classifying import Classifier
from passerelle.landing.dropped_files import DroppedFiles
from passerelle.landing.filling import EVENT, WINDOW, Filling, Mark, Work, told
from passerelle.landing.holding import held
from passerelle.landing.rest_items import RestItems
from passerelle.landing.sql_rows import SqlRows
from passerelle.stores.ledger import run_log, windows
from passerelle.stores.ledger.batches import Batch
from passerelle.stores.opened import Stores


def land(
    stores: Stores,
    folder: SourceFolder,
    table: str,
    connection: Connection,
    *,
    as_of: datetime,
    holder: str,
    note: str = "",
    since: str | None = None,
    until: str | None = None,
) -> list[Batch]:
    """The batches that were newly landed, in state landed: at most one per window, none for a window without news.

    A window that an earlier land left open is read again and finished first, then a new one is opened.

    Args:
        stores: where everything is kept.
        folder: the source.
        table: which of its tables.
        connection: where the source is.
        as_of: the clock that counts: no mark moves behind it.
        holder: who works, in the lease.
        note: what is noted beside new batches (the run of a scheduler).
        since: a first day or moment, for a window that is asked for by name.
        until: its last.

    Raises:
        UsageError: the source has no such table, or the connection does not fit it.
        RefusedForGood: the source will not give what the contract says, or is protected by published keys.
        Unavailable: the source is away, or another land of it is at work. What was committed stays; a later call goes on.
    """
    source = folder.source
    if table not in source.tables:
        raise UsageError(f"{source.source} has no table {table}; it has {', '.join(sorted(source.tables))}")
    if source.environment == "production" and stores.keys.is_demo:
        raise RefusedForGood(f"{source.source} is a production source and the keys are the published ones of the demo")
    asked = Asked(source, table, as_of, since, until)
    units = frozenset(folder.units)
    classifier = Classifier(source, table, stores.keys.fold_key(source.source), units)
    with held(stores.ledger, f"land:{source.source}", holder) as ours:
        work = Work(stores, folder, asked, classifier, ours, note)
        with _named(asked), closing(_reader(asked, connection)) as reader:
            return [batch for batch in (_left_open(work, reader), _new(work, reader)) if batch is not None]


@contextmanager
def _named(asked: Asked) -> Iterator[None]:
    """What is said of the outside begins with the source and its connection: a door knows neither."""
    try:
        yield
    except (Unavailable, RefusedForGood) as wrong:
        wrong.args = (f"{asked.source.source}, connection {asked.source.connection}: {wrong}",)
        raise


def _reader(asked: Asked, connection: Connection) -> Reader:
    if asked.table.format == "sql":
        return SqlRows(asked, connection)
    if asked.table.format == "rest":
        return RestItems(asked, connection)
    return DroppedFiles(asked, connection)


def _left_open(work: Work, reader: Reader) -> Batch | None:
    with work.stores.ledger.read() as tx:
        window = windows.left_open(tx, work.source, work.table)
        mark = Mark.of(work, tx)
    return None if window is None else _filled(Filling(work, window, mark), mark, reader)


def _new(work: Work, reader: Reader) -> Batch | None:
    ledger, lease = work.stores.ledger, work.held.lease
    with ledger.read() as tx:
        mark = Mark.of(work, tx)
    looked: Counter[str] = Counter()
    bounds = reader.open(mark.done, looked)
    if bounds is None:
        detail = told(work.table, looked)
        ledger.in_transaction(partial(run_log.note, event=EVENT, source=work.source, detail=detail))
        return None
    sealed = work.seal(WINDOW, bounds.private)
    window = ledger.in_transaction(
        partial(
            windows.open_one,
            lease=lease,
            source=work.source,
            table_name=work.table,
            bounds=json.dumps(bounds.clear),
            sealed=sealed,
        )
    )
    return _filled(Filling(work, window, mark, looked), mark, reader)


def _filled(filling: Filling, mark: Mark, reader: Reader) -> Batch | None:
    return filling.fill(reader.read(filling.bounds, mark.done, filling.parts, filling.checkpoint))
