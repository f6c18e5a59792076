"""`quarantine list|show|close|replay`: what was stopped, why, and what a person decides about it."""

import getpass
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import typer

from passerelle.cli.opening import opened, require_source
from passerelle.cli.output import print_json, print_table, say
from passerelle.errors import UsageError
from passerelle.records import PARTITION_ROWS, Reason, State
from passerelle.sentences import LANGUAGES, sentence

app = typer.Typer(name="quarantine", help="Stopped records: list, show, close, replay.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
Language = Annotated[str, typer.Option("--language", help="Language of the sentences: en or fr.")]
BatchName = Annotated[str, typer.Argument(help="Name of the batch.")]
RowNumber = Annotated[int, typer.Argument(help="Row in the batch, counted from 0, as `quarantine list` shows it.")]


@app.command("list")
def list_(
    source: Annotated[str | None, typer.Option("--source", help="Only records of this source.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Only records stopped for this reason.")] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only records in this state; quarantined and pending without.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 200,
    language: Language = "en",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List stopped records: where, in which state, why, and what to do."""
    from passerelle.stores.ledger import batches, items

    _require_language(language)
    states = [_state(name) for name in state or ["quarantined", "pending"]]
    with opened() as instance, instance.stores.ledger.read() as tx:
        require_source(instance, tx, source)
        names = {batch.id: batch.name for batch in batches.found(tx, source=source)}
        wanted = _reason(reason) if reason else None
        listed = items.found(tx, source=source, states=states, reason=wanted, limit=limit)
        in_all = sum(
            count
            for _, _, in_state, why, _, count in items.summary(tx, source)
            if in_state in states and wanted in {None, why}
        )
    rows = [
        (
            names[one.batch_id],
            one.row,
            one.stage.value,
            one.state.value,
            one.reason.value,
            one.place,
            sentence(one.reason.value, language, one.place),
        )
        for one in listed
    ]
    print_table("Quarantine", ("batch", "row", "stage", "state", "reason", "place", "says"), rows, as_json=as_json)
    if in_all > len(listed):
        say(f"{in_all - len(listed)} more are not shown; --limit {in_all} shows all")


def _state(name: str) -> State:
    try:
        return State(name)
    except ValueError:
        raise UsageError(f"state '{name}' is not known; {_known(name, list(State))}") from None


def _reason(name: str) -> Reason:
    try:
        return Reason(name)
    except ValueError:
        raise UsageError(f"reason '{name}' is not known; {_known(name, list(Reason))}") from None


def _known(name: str, among: Sequence[str]) -> str:
    close = get_close_matches(name, among, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(among)}"


def _require_language(language: str) -> None:
    if language not in LANGUAGES:
        raise UsageError(f"there are no sentences in '{language}'; languages are {', '.join(LANGUAGES)}")


@app.command()
def show(batch: BatchName, row: RowNumber, language: Language = "en") -> None:
    """Show one stopped record with its original, opened for this one look (and noted in the audit)."""
    from passerelle.reading.showing import shown
    from passerelle.stores.ledger import audit, batches, items, stored
    from passerelle.stores.ledger.stored import FileKind

    _require_language(language)
    with opened() as instance:
        stores = instance.stores
        with stores.ledger.read() as tx:
            found = batches.by_name(tx, batch)
            listed = [one for one in items.found(tx, batch_id=found.id) if one.row == row]
            files = stored.of_batch(tx, found.id, FileKind.RECORDS, part=row // PARTITION_ROWS)
        if not listed or not files:
            raise UsageError(f"row {row} of {batch} is not stopped; `passerelle quarantine list` names those that are")
        key = stores.vault.open_data_key(files[0].wrapped_key or found.wrapped_key)
        place = row % PARTITION_ROWS
        raw = stores.vault.read_rows(files[0], key, [place])[place]
        folder = instance.house.sources.get(found.source)
        original, charset = shown(raw, folder.source.tables.get(found.table) if folder else None)
        stores.ledger.in_transaction(
            lambda tx: audit.append(tx, getpass.getuser(), "quarantine show", f"{batch}:{row}")
        )
    for one in listed:
        say(f"{one.stage} {one.state}: {sentence(one.reason.value, language, one.place)}")
    print_json({"batch": batch, "row": row, "charset": charset, "original": original})


@app.command()
def close(
    batch: BatchName,
    row: RowNumber,
    by: Annotated[str, typer.Option("--by", help="Who decides.")],
    note: Annotated[str, typer.Option("--note", help="Why; no value of the person.")] = "",
) -> None:
    """Close a stopped record for good. It stays counted, as rejected."""
    from passerelle.stores.ledger import audit, batches, items

    with opened() as instance, instance.stores.ledger.write() as tx:
        found = batches.by_name(tx, batch)
        listed = [one for one in items.found(tx, batch_id=found.id) if one.row == row]
        open_ones = [one for one in listed if one.state in {State.QUARANTINED, State.PENDING}]
        if not open_ones:
            raise UsageError(f"row {row} of {batch} is not open: it passed, or was closed before")
        for one in open_ones:
            items.move(tx, found.id, one.stage, row, State.REJECTED, expected=one.state, by=by, detail=note)
        audit.append(tx, by, "quarantine close", f"{batch}:{row}")
    say(f"row {row} of {batch} is closed")


@app.command()
def replay(
    source: Annotated[str, typer.Argument(help="Source whose stopped records are tried again.")],
    reason: Annotated[str | None, typer.Option("--reason", help="Only records stopped for this reason.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="Only records of this batch.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Try stopped records again under today's contract. What stops again stays as it was."""
    from passerelle.pipeline.replaying import replay as again

    with opened() as instance:
        told = again(instance, source, reason=_reason(reason) if reason else None, batch=batch)
    row = (told.tried, told.passed, told.tried - told.passed)
    print_table("Replayed", ("tried", "passed", "still stopped"), [row], as_json=as_json)
