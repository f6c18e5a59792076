"""What a scheduler's task calls: names in, nothing out. The scheduler is not imported: it gives what it knows."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from passerelle.doors.connections import Connection, connection_of, read_connections
from passerelle.errors import DataJudgedBad
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.replaying import replay
from passerelle.pipeline.running import Asked, run_source
from passerelle.pipeline.territory import run_territory
from passerelle.records import Stage
from passerelle.settings import Settings, parse_as_of

LookUp = Callable[[str], Any]
"""Gives the scheduler's connection of a name."""


def run_source_stage(source: str, stage: str, context: Mapping[str, Any], look_up: LookUp) -> None:
    """One stage of one source, as the parameters of the run ask.

    Raises:
        DataJudgedBad: a batch was stopped as a whole.
        PasserelleError: as `run_source`.
    """
    params = context.get("params") or {}
    with _opened(params) as instance:
        if params.get("mode") == "replay":
            if stage == Stage.MAP.value:
                replay(instance, source)
            return
        window = params.get("mode") == "window"
        asked = Asked(
            stages=(Stage(stage),),
            since=params.get("since") if window else None,
            until=params.get("until") if window else None,
            note=str(context.get("run_id", "")),
        )
        folder = instance.folder(source)
        told = run_source(instance, source, _connections(instance.settings, folder.source.connection, look_up), asked)
        if told.stopped:
            raise DataJudgedBad(f"stopped as a whole: {', '.join(told.stopped)}")


def run_territory_once(context: Mapping[str, Any]) -> None:
    """Link, deliver and report everything that is published."""
    with _opened(context.get("params") or {}) as instance:
        beside = instance.settings.data.parent
        run_territory(instance, beside / "export", page=beside / "page.html")


@contextmanager
def _opened(params: Mapping[str, Any]) -> Iterator[Instance]:
    settings = Settings.from_environment()
    if params.get("as_of"):
        settings = replace(settings, as_of=parse_as_of(str(params["as_of"])))
    instance = Instance.open(settings)
    try:
        yield instance
    finally:
        instance.close()


def _connections(settings: Settings, name: str, look_up: LookUp) -> dict[str, Connection]:
    """The source's connection: from the file if there is one, else from the scheduler."""
    if settings.connections is not None:
        return dict(read_connections(settings.connections))
    found = look_up(name)
    told = {key: getattr(found, key) for key in ("conn_type", "host", "login", "password", "schema", "port")}
    return {name: connection_of(name, {**told, "extra": found.extra_dejson})}
