"""Results on stdout, talk and progress on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

Progress = Any


def say(text: str) -> None:
    """A sentence for the person at the keyboard, on stderr."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool = False) -> None:
    """A table on stdout under its title: drawn for a person, or a JSON list of objects."""
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(header_style="bold")
    body = [[_cell(value) for value in row] for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(body) and all(_is_number(row[index]) for row in body)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        table.add_row(*row)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    console.print(title, style="italic", markup=False, highlight=False)
    console.print(table if body else "  none")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    return "" if value is None else str(value)


def _is_number(text: str) -> bool:
    return text == "" or text.replace(" ", "").replace(".", "").replace("%", "").lstrip("-").isdigit()


@contextmanager
def progress_bar() -> Iterator["Steps"]:
    """A progress bar on stderr for long work; quiet when stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield Steps(bar, plain=not console.is_terminal)


class Steps:
    """Tells how far the work is: `steps("csapa map", done, total)`."""

    def __init__(self, bar: Progress, *, plain: bool) -> None:
        self._bar = bar
        self._plain = plain
        self._tasks: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """The work called `what` has done `done` of `total` steps."""
        if self._plain:
            if what not in self._tasks:
                say(f"  {what}")
                self._tasks[what] = True
            return
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)


def count_of(number: int, noun: str, nouns: str | None = None) -> str:
    """`1 problem`, `2 problems`; `1 story`, `2 stories` when the plural is given."""
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"


def counts_line(counts: Mapping[str, int]) -> str:
    """`passed 12, pending 1`: the counts that are not zero."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"
