"""The command line: arguments in, exit code out. Heavy modules are imported by the command that needs them."""

from passerelle.cli.application import main

__all__ = ["main"]
