"""What several commands do first: read the settings, open the instance, read the connections."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from passerelle.settings import Settings, parse_as_of

if TYPE_CHECKING:
    from passerelle.doors.connections import Connection
    from passerelle.pipeline.instance import Instance
    from passerelle.stores.ledger import Transaction


def settings_of(as_of: str | None = None) -> Settings:
    """The settings of the environment; `--as-of` beats PASSERELLE_AS_OF."""
    read = Settings.from_environment()
    return replace(read, as_of=parse_as_of(as_of)) if as_of is not None else read


@contextmanager
def opened(as_of: str | None = None) -> Iterator["Instance"]:
    """The instance that the environment names, closed at the end."""
    from passerelle.pipeline.instance import Instance

    instance = Instance.open(settings_of(as_of))
    try:
        yield instance
    finally:
        instance.close()


def connections_of(settings: Settings) -> Mapping[str, "Connection"]:
    """The connections that the settings name; none without a file."""
    from passerelle.doors.connections import read_connections

    return read_connections(settings.connections) if settings.connections else {}


def require_source(instance: "Instance", tx: "Transaction", source: str | None) -> None:
    """The source is one of this instance, or one whose batches the ledger still holds.

    Raises:
        UsageError: it is neither.
    """
    from passerelle.stores.ledger import batches

    if source is not None and source not in instance.house.sources and not batches.found(tx, source=source):
        instance.folder(source)
