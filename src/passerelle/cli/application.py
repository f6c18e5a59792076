"""The commands, and the one place where an error becomes an exit code."""

import sys
import traceback
from pathlib import Path

import typer

from passerelle import __version__
from passerelle.cli import contracts, quarantine, running, territory, validating
from passerelle.cli.hushing import hushed
from passerelle.cli.output import say
from passerelle.errors import BrokenPromise, PasserelleError

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
        with hushed():
            app()
    except PasserelleError as told:
        say(str(told))
        sys.exit(told.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except ModuleNotFoundError as missing:
        say(f"the library '{missing.name}' is missing, which {_asked_by(missing)} brings in: install the requirements")
        sys.exit(BrokenPromise.exit_code)
    except Exception as wrong:  # noqa: BLE001 - whatever it is, its text may quote a record and is left out
        say(f"{type(wrong).__name__} was not expected, in {_asked_by(wrong)}; this is a fault of passerelle")
        sys.exit(BrokenPromise.exit_code)


def _asked_by(wrong: Exception) -> str:
    """The modules of ours that an error went through, innermost first: names and lines, no value."""
    frames = [one for one in traceback.extract_tb(wrong.__traceback__) if "passerelle" in one.filename]
    told = [f"{_module_of(one.filename)}:{one.lineno}" for one in reversed(frames)]
    return " < ".join(told[:6]) or "passerelle"


def _module_of(file: str) -> str:
    parts = Path(file).with_suffix("").parts
    return ".".join(parts[len(parts) - parts[::-1].index("passerelle") - 1 :]) if "passerelle" in parts else parts[-1]
