"""`simulate`, `territory serve|run`, `demo`: a region that does not exist, and everything that passerelle makes of it."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from passerelle.cli.leaving import print_left_aside
from passerelle.cli.opening import opened, settings_of
from passerelle.cli.output import print_json, print_table, progress_bar, say

territory_app = typer.Typer(name="territory", help="All sources together: link, deliver, report.", no_args_is_help=True)

Persons = Annotated[int, typer.Option("--persons", min=1, help="How many persons live there.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same region.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")]
Dirt = Annotated[float, typer.Option("--dirt", min=0.0, max=1.0, help="Share of records spoiled on purpose.")]


def add_to(app: typer.Typer) -> None:
    """The commands are part of the application."""
    app.command()(simulate)
    app.command()(demo)
    app.add_typer(territory_app, name="territory")


def simulate(
    out: Annotated[Path, typer.Option("--out", help="An empty folder.")],
    persons: Persons = 2000,
    seed: Seed = 7,
    dirt: Dirt = 0.01,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Simulate a region: the sources' records in their dialects, and the truth behind them."""
    from passerelle.simulator import simulate as make

    with progress_bar() as progress:
        told = make(persons, seed, out, dirt=dirt, progress=progress)
    if as_json:
        print_json(asdict(told))
        return
    print_table("Records", ("source and table", "records"), sorted(told.records.items()))


@territory_app.command()
def serve(
    territory: Annotated[Path, typer.Argument(help="Folder of a simulated region.")],
    port: Annotated[int, typer.Option("--port", help="0: any free port.")] = 0,
    misbehave: Annotated[str, typer.Option("--misbehave", help="too-many=0.2,cut=0.1,expired=0.1,failing=0.1")] = "",
) -> None:
    """Serve the region's REST source on 127.0.0.1 until interrupted."""
    from passerelle.simulator import Misbehaviour
    from passerelle.simulator import serve as start

    server = start(territory, port=port, misbehaviour=Misbehaviour.parse(misbehave))
    typer.echo(server.url)
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()


@territory_app.command("run")
def run_(
    out: Annotated[Path, typer.Option("--out", help="Folder for the export.")] = Path("var/export"),
    page: Annotated[Path | None, typer.Option("--page", help="Also write the page for the operator.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The only clock that reaches data.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Link what is published, deliver what may be delivered, and report."""
    from passerelle.pipeline.territory import run_territory

    with opened(as_of) as instance, progress_bar() as progress:
        told = run_territory(instance, out, page=page, progress=progress)
    _show(told, as_json=as_json)


def demo(
    persons: Persons = 2000,
    seed: Seed = 7,
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo; an earlier demo's is emptied.")] = Path(
        "var/demo"
    ),
    dirt: Dirt = 0.01,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Simulate a region, carry it through every stage, show what came of it; then once more, which changes nothing."""
    from passerelle.pipeline.demonstrating import Places, carry, carry_again
    from passerelle.pipeline.instance import Instance
    from passerelle.simulator import Misbehaviour
    from passerelle.simulator import serve as start
    from passerelle.simulator import simulate as make
    from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH

    home = settings_of().home
    places = Places(out.absolute())
    places.clear()
    begun = time.monotonic()
    with progress_bar() as progress:
        make(persons, seed, places.territory, dirt=dirt, progress=progress)
        manners = Misbehaviour(too_many=0.2, cut=0.2, expired=0.2, failing=0.2, retry_after=1, seed=seed)
        with start(places.territory, misbehaviour=manners) as server:
            places.write_keys()
            places.write_connections(server.url, (CLIENT_ID, CLIENT_SECRET), TOKEN_PATH)
            instance = Instance.open(places.settings(home))
            try:
                told = carry(instance, places, progress)
                _show(told, as_json=as_json)
                say("once more, which must change nothing ...")
                carry_again(instance, places, progress)
            finally:
                instance.close()
            counts = server.counts
    say("a second run changed nothing: no batch, no file of lake, vault or export, no ledger row but the run log")
    say(
        f"the housing source answered {counts['requests']} requests and misbehaved "
        f"{sum(counts.get(name, 0) for name in ('too_many', 'cut', 'expired', 'failing'))} times"
    )
    say(f"{time.monotonic() - begun:.0f} s; the page: {places.page}; the export: {places.export}")


def _show(told: Any, *, as_json: bool) -> None:
    summary = told.summary
    if as_json:
        print_json(
            {
                "as_of": summary.as_of,
                "sums": [
                    {"source": one.source, "stage": one.stage, "received": one.received, **one.states}
                    for one in summary.sums
                ],
                "delivered": dict(summary.delivered),
                "withheld": dict(summary.withheld),
                "links": dict(summary.links),
                "left_aside": {one.source: asdict(one.unused) for one in summary.quality},
                "balanced": summary.balanced,
            }
        )
        return
    states = ("passed", "quarantined", "pending", "suppressed", "duplicate", "out-of-scope", "rejected")
    empty = {one.source for one in summary.sums} - {one.source for one in summary.sums if one.received}
    print_table(
        "Records and resources by source and stage",
        ("source", "stage", "counts", "received", *states),
        [
            (one.source, one.stage, one.unit, one.received, *(one.states.get(state, 0) for state in states))
            for one in summary.sums
            if one.source not in empty
        ],
    )
    if empty:
        say(f"nothing was received of {', '.join(sorted(empty))}")
    print_table(
        "Follow-up after leaving",
        ("pathway", "door", "follow-up", "within", "found", "missed", "not observable", "open"),
        [
            (
                one.pathway,
                one.door,
                one.follow_up,
                f"{one.last_day} d",
                _share(one.found, one.events),
                _share(one.missed, one.events),
                _share(one.not_observable, one.events),
                one.open,
            )
            for one in summary.shares
        ],
    )
    print_table(
        f"Overdue, latest first ({len(summary.overdue)} in all)",
        ("person", "follow-up", "left on", "days"),
        [(one.pseudonym, one.follow_up, one.since, one.days) for one in list(summary.overdue)[:12]],
    )
    print_left_aside({one.source: one.unused for one in summary.quality})
    print_table("Delivered", ("type", "resources"), sorted(summary.delivered.items()))
    print_table("Withheld", ("rule", "resources"), sorted(summary.withheld.items()))


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.0f} %)" if whole else "0"
