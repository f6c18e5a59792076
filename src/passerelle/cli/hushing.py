"""What speaks beside the commands: libraries that log or warn, threads and finalizers that fail.

Their text may quote a record, so it is left out; that something spoke, of which kind and where, is told.
"""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from passerelle.cli.output import say


class _KindOnly(logging.Handler):
    """Tells who logged at which level."""

    def emit(self, record: logging.LogRecord) -> None:
        """One sentence, without what was logged."""
        say(f"{record.name} logged a line of level {record.levelname}; its text may hold a value and is left out")


def _warn(
    message: Warning | str,  # noqa: ARG001 - what is left out
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the shape that Python calls
    line: str | None = None,  # noqa: ARG001
) -> None:
    say(f"{category.__name__} at {Path(filename).name}:{lineno}; its text may hold a value and is left out")


def _fail(what: str, kind: type[BaseException] | None) -> None:
    say(f"{kind.__name__ if kind else 'an error'} in {what}; its text may hold a value and is left out")


@contextmanager
def hushed() -> Iterator[None]:
    """Inside, nothing but our own sentences is said in full."""
    root, handler = logging.getLogger(), _KindOnly(logging.WARNING)
    before = (warnings.showwarning, threading.excepthook, sys.unraisablehook, logging.raiseExceptions)
    root.addHandler(handler)
    warnings.showwarning = _warn
    threading.excepthook = lambda told: _fail("a thread", told.exc_type)
    sys.unraisablehook = lambda told: _fail("a finalizer", told.exc_type)
    logging.raiseExceptions = False
    try:
        yield
    finally:
        warnings.showwarning, threading.excepthook, sys.unraisablehook, logging.raiseExceptions = before
        root.removeHandler(handler)
