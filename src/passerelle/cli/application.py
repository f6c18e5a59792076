"""The commands, and the one place where an error becomes an exit code."""

import sys

import typer

from passerelle import __version__
from passerelle.cli import contracts, quarantine, running, territory, validating
from passerelle.cli.output import say
from passerelle.errors import PasserelleError

app = typer.Typer(
    name="passerelle",
    help="Carries what one door of the care system knows to the next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for _commands in (contracts, running, territory, validating):
    _commands.add_to(app)
app.add_typer(quarantine.app, name="quarantine")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 the shape that typer calls
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),  # noqa: FBT001, FBT003
) -> None:
    """Carries what one door of the care system knows to the next."""


def main() -> None:
    """Run a command; what passerelle raises on purpose becomes one sentence on stderr and an exit code."""
    try:
        app()
    except PasserelleError as told:
        say(str(told))
        sys.exit(told.exit_code)
    except BrokenPipeError:
        sys.exit(0)
