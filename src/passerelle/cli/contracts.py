"""`lint`, `test`, `preview`, `explain`, `new-source`: what the contracts say, before and after data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerelle.cli.opening import opened, settings_of
from passerelle.cli.output import count_of, print_json, print_table, say
from passerelle.errors import ContractError, DataJudgedBad, UsageError

if TYPE_CHECKING:
    from passerelle.contracts.house import House, SourceFolder


_Told = tuple[str, Sequence[str], Sequence[Sequence[object]]]
"""Title, columns and rows of a table."""


def add_to(app: typer.Typer) -> None:
    """The commands are part of the application."""
    for command in (lint, test, preview, explain):
        app.command()(command)
    app.command("new-source")(new_source)


def lint() -> None:
    """Read and compile every contract, without any data. Says all problems of all files at once."""
    from passerelle.pipeline.linting import lint_house

    settings = settings_of()
    told = lint_house(settings.home, settings.jurisdiction)
    for folder in told.right:
        tables, mappings = len(folder.source.tables), len(folder.mappings)
        say(f"{folder.name}: {count_of(tables, 'table')}, {count_of(mappings, 'mapping')}, right")
    for one in told.noticed:
        say(one)
    if told.problems:
        raise ContractError(told.problems)


def test(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources whose stories are tried; all without.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Say what no story exercises; exit 1 if any.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")] = False,  # noqa: FBT002
) -> None:
    """Try the stories of the sources."""
    from passerelle.contracts.house import load_house
    from passerelle.pipeline.coverage import Coverage
    from passerelle.pipeline.stories import StoryTeller, problems_of

    settings = settings_of()
    house = load_house(settings.home, jurisdiction=settings.jurisdiction)
    wrong: list[tuple[str, str, str]] = []
    rows, missing = [], []
    for name in sources or sorted(house.sources):
        folder = _source(house, name)
        teller = StoryTeller(house, folder)
        covered = Coverage(folder, teller.plans)
        before = len(wrong)
        for story in folder.stories:
            told = teller.tell(story)
            covered.see(told)
            wrong += [(name, story.says, problem) for problem in problems_of(story, told)]
        missing += [(name, gap) for gap in covered.gaps()]
        rows.append((name, len(folder.stories), len(wrong) - before))
    tables: dict[str, _Told] = {"stories": ("Stories", ("source", "stories", "problems"), rows)}
    if wrong or as_json:
        tables["problems"] = ("Stories that end otherwise", ("source", "story", "problem"), wrong)
    if coverage:
        tables["gaps"] = ("What no story exercises", ("source", "gap"), missing)
    _print_tables(tables, as_json=as_json)
    if wrong or (coverage and missing):
        gaps = f"; {count_of(len(missing), 'gap')}" if coverage else ""
        raise DataJudgedBad(f"{count_of(len(wrong), 'problem')} in the stories{gaps}")


def _print_tables(tables: Mapping[str, _Told], *, as_json: bool) -> None:
    """Each table under its title, or all of them in one JSON document by their short names."""
    if as_json:
        print_json(
            {key: [dict(zip(names, row, strict=True)) for row in rows] for key, (_, names, rows) in tables.items()}
        )
        return
    for title, names, rows in tables.values():
        print_table(title, names, rows)


def preview(
    source: Annotated[str, typer.Argument(help="The source.")],
    table: Annotated[str | None, typer.Option("--table", help="Only this table.")] = None,
    story: Annotated[int | None, typer.Option("--story", help="Number of one story, from 1; all without.")] = None,
) -> None:
    """Show what the source's stories become, as FHIR JSON. Nothing is stored."""
    from passerelle.contracts.house import load_house
    from passerelle.pipeline.stories import StoryTeller

    settings = settings_of()
    house = load_house(settings.home, jurisdiction=settings.jurisdiction)
    folder = _source(house, source)
    if table is not None and table not in folder.source.tables:
        raise UsageError(f"{source} has no table '{table}'; tables are {', '.join(folder.source.tables)}")
    if story is not None and not 1 <= story <= len(folder.stories):
        raise UsageError(f"{source} has {count_of(len(folder.stories), 'story', 'stories')}, numbered from 1")
    teller = StoryTeller(house, folder)
    chosen = folder.stories if story is None else folder.stories[story - 1 : story]
    shown = []
    for one in chosen:
        if table is not None and table not in one.given:
            continue
        told = teller.tell(one)
        stops = [f"{at[0]}:{at[1]} {stop.stage} {stop.state} {stop.reason}" for at, stop in sorted(told.stops.items())]
        shown.append({"says": one.says, "resources": [tree for _, tree in told.resources], "stopped": stops})
    print_json(shown)


def explain(
    what: Annotated[str, typer.Argument(help="A source, or the id of a resource.")],
    element: Annotated[str, typer.Argument(help="A FHIR path: Encounter.class.")],
) -> None:
    """Say where an element comes from: mapping, line, column, rule, code list; for an id, how it came to be."""
    from passerelle.contracts.house import load_house
    from passerelle.pipeline.explaining import explain_resource, explain_source

    settings = settings_of()
    house = load_house(settings.home, jurisdiction=settings.jurisdiction)
    if what in house.sources:
        told = explain_source(house, what, element)
    elif what in house.linted:
        raise UsageError(house.of_other_law(what))
    elif _is_name(what):
        raise UsageError(f"there is no source '{what}'; sources are {_listed(house)}")
    else:
        with opened() as instance:
            told = explain_resource(instance, what, element)
    for line in told:
        typer.echo(line)


def _is_name(what: str) -> bool:
    return "-" not in what and "/" not in what


def _source(house: "House", name: str) -> "SourceFolder":
    found = house.sources.get(name)
    if name in house.linted:
        raise UsageError(house.of_other_law(name))
    if found is None:
        raise UsageError(f"there is no source '{name}'; sources are {_listed(house)}")
    return found


def _listed(house: "House") -> str:
    return ", ".join(sorted(house.sources)) or "none yet; `passerelle new-source` begins one"


def new_source(
    name: Annotated[str, typer.Argument(help="Name of the new folder.")],
    file: Annotated[Path, typer.Option("--from", help="A sample delimited file.")],
) -> None:
    """Write a source folder from a sample file: columns with the types their values suggest, to be completed."""
    from passerelle.pipeline.beginning import begin_source

    written = begin_source(settings_of().home, name, file)
    for path in written:
        say(f"wrote {path}")
    say("`passerelle lint` says what is left to fill in; then say what each column means, and write the mapping")
