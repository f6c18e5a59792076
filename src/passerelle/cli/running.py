"""`run`, `ledger`, `export`: a source through its stages, what the ledger says, what leaves."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerelle.cli.leaving import print_left_aside
from passerelle.cli.opening import connections_of, opened, require_source
from passerelle.cli.output import count_of, counts_line, print_json, print_table, progress_bar, say
from passerelle.errors import DataJudgedBad, UsageError
from passerelle.records import BATCH_STAGES, Stage

if TYPE_CHECKING:
    from passerelle.pipeline.instance import Instance
    from passerelle.pipeline.running import SourceRun

AsOf = Annotated[str | None, typer.Option("--as-of", help="The only clock that reaches data: ISO day or instant.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]

_RUN_COLUMNS = ("source", "landed", "stopped", "published")

_LEFT = {
    "files_incomplete": "{files} left for later, not whole yet by `complete` of the table",
    "files_unreadable": "{files} left for later: this user may not read them",
    "files_that_are_none": "{files} by name, but folders, links that lead nowhere or out of the folder: left alone",
    "files_without_records": "{files} without a single record",
    "files_not_split": "{files} that cannot be split into records, quarantined whole; `passerelle quarantine list` says"
    " why; once the contract is right, the next run reads them again",
    "files_too_large_to_keep": "{files} that cannot be split into records, and too large to keep",
    "markers_without_file": "{files} said to be whole and not there: a marker stands alone",
}
ledger_app = typer.Typer(name="ledger", help="What the ledger says: batches and sums.", invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """The commands are part of the application."""
    app.command()(run)
    app.command()(export)
    app.add_typer(ledger_app, name="ledger")


def run(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources to run; all without.")] = None,
    stage: Annotated[list[str] | None, typer.Option("--stage", help="Only these stages, in their order.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="Only this batch.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Start of a window (ISO), instead of what is new.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="End of the window (ISO).")] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Run sources through land, check, map and validate. A step that was done is not done again."""
    from passerelle.pipeline.leaving import unused_of
    from passerelle.pipeline.running import Asked, run_source

    stages = _stages(stage)
    _require_window(since, until)
    with opened(as_of) as instance, progress_bar() as progress:
        connections = connections_of(instance.settings)
        asked = Asked(stages, batch, since, until)
        named = sources or sorted(instance.house.sources)
        if not named:
            say(f"this instance has no source of jurisdiction {instance.settings.jurisdiction}")
        if batch is not None:
            named = [_source_of(instance, batch, named)]
        runs = [run_source(instance, name, connections, asked, progress) for name in named]
        unused = {one.source: unused_of(instance, one.source, one.handled) for one in runs}
        if Stage.LAND in stages:
            _say_what_waits(instance, named)
    rows = [(one.source, len(one.landed), len(one.stopped), len(one.published)) for one in runs]
    if as_json:
        told = [dict(zip(_RUN_COLUMNS, row, strict=True)) for row in rows]
        print_json({"batches": told, "left_aside": {name: asdict(one) for name, one in unused.items()}})
    else:
        print_table("Batches of this run", _RUN_COLUMNS, rows)
        print_left_aside(unused)
    _judge(runs)


def _judge(runs: "Sequence[SourceRun]") -> None:
    stopped = [name for one in runs for name in one.stopped]
    if stopped:
        raise DataJudgedBad(f"stopped as a whole: {', '.join(stopped)}; `passerelle quarantine list` says why")
    unread = [name for one in runs for name in one.unread]
    if unread:
        raise DataJudgedBad(f"nothing could be read of: {', '.join(unread)}; `passerelle quarantine list` says why")


def _require_window(since: str | None, until: str | None) -> None:
    told = []
    for name, text in (("--since", since), ("--until", until)):
        try:
            told += [datetime.fromisoformat(text).replace(tzinfo=None)] if text else []
        except ValueError:
            raise UsageError(f"{name} wants an ISO day or moment: 2026-03-31 or 2026-03-31T12:00:00") from None
    if told != sorted(told):
        raise UsageError("--until is before --since")


def _source_of(instance: "Instance", batch: str, among: Sequence[str]) -> str:
    from passerelle.stores.ledger import batches

    with instance.stores.ledger.read() as tx:
        found = batches.by_name(tx, batch)
    if found.source not in among:
        raise UsageError(f"batch {batch} is of source {found.source}, not of {', '.join(among)}")
    return found.source


def _say_what_waits(instance: "Instance", sources: Sequence[str]) -> None:
    """What land saw and left where it is, or could make nothing of."""
    from passerelle.stores.ledger import run_log

    with instance.stores.ledger.read() as tx:
        for name in sources:
            tables = instance.folder(name).source.tables
            said: set[str] = set()
            for line in run_log.last(tx, 2 * len(tables), event="land", source=name):
                told = json.loads(line.detail)
                if told.get("table") in said:
                    continue
                said.add(told.get("table"))
                for kind, sentence in _LEFT.items():
                    if told.get(kind):
                        say(f"{name} {told['table']}: {sentence.format(files=count_of(told[kind], 'file'))}")


def _stages(named: list[str] | None) -> tuple[Stage, ...]:
    if not named:
        return BATCH_STAGES
    known = {stage.value: stage for stage in BATCH_STAGES}
    for name in named:
        if name not in known:
            raise UsageError(f"stage '{name}' is not known; stages are {', '.join(known)}")
    return tuple(stage for stage in BATCH_STAGES if stage.value in named)


@ledger_app.callback()
def ledger(
    context: typer.Context,
    source: Annotated[str | None, typer.Option("--source", help="Only batches of this source.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the batches with what each stage received and what became of it."""
    if context.invoked_subcommand is not None:
        return
    from passerelle.stores.ledger import batches, tallies

    with opened() as instance, instance.stores.ledger.read() as tx:
        require_source(instance, tx, source)
        rows = []
        for batch in batches.found(tx, source=source):
            told = tallies.of(tx, batch.id)
            for stage in BATCH_STAGES:
                counts = {state.value: count for (at, state), count in told.items() if at is stage and count}
                if counts:
                    rows.append((batch.name, batch.state.value, stage.value, sum(counts.values()), counts_line(counts)))
    print_table("Ledger", ("batch", "state", "stage", "received", "states"), rows, as_json=as_json)


@ledger_app.command()
def migrate() -> None:
    """Bring the tables of the ledger to the newest revision. Nothing else does it once the ledger holds something."""
    from passerelle.cli.opening import settings_of
    from passerelle.stores.ledger import Ledger

    opened_ledger = Ledger.open(settings_of().ledger)
    opened_ledger.migrate()
    opened_ledger.close()
    say("the ledger has the newest revision")


@ledger_app.command()
def verify() -> None:
    """Count again what is stored and compare it with the sums. Exit code 5 if they do not add up."""
    from passerelle.stores import sums

    with opened() as instance:
        stores = instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake, sources=sorted(instance.house.sources))
    say("the sums add up at every batch and stage, and of what was linked and delivered last")


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path("var/export"),
    target: Annotated[str, typer.Option("--target", help="A file of fhir/targets.")] = "export",
    as_of: AsOf = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Link what is published and write what the target's recipient may have."""
    from passerelle.pipeline.territory import run_territory

    with opened(as_of) as instance:
        told = run_territory(instance, out, target=target)
    if as_json:
        print_json({"delivered": told.delivered, "withheld": told.withheld, "folder": str(out)})
        return
    rows = [(name, count) for name, count in sorted(told.delivered.items())]
    print_table("Delivered", ("type", "resources"), rows)
    print_table("Withheld", ("rule", "resources"), sorted(told.withheld.items()))
