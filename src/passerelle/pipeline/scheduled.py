"""What a scheduler's task calls: names in, nothing out. The scheduler is not imported: it gives what it knows.

What goes wrong has one of two classes: `Unavailable` may be tried again, `Final` may not. Neither has a cause or
a context, whose text could quote a record in the scheduler's log.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from passerelle.contracts.house import load_house
from passerelle.doors.connections import Connection, connection_of, read_connections
from passerelle.errors import (
    BrokenPromise,
    ContractError,
    DataJudgedBad,
    PasserelleError,
    RefusedForGood,
    Unavailable,
    UsageError,
)
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.replaying import replay
from passerelle.pipeline.running import Asked, run_source
from passerelle.pipeline.territory import run_territory
from passerelle.records import Stage
from passerelle.settings import Settings, parse_as_of
from passerelle.stores.opened import open_stores

LookUp = Callable[[str], Any]
"""Gives the scheduler's connection of a name; what it raises for a name unknown has the `status_code` 404."""


class Final(Exception):
    """Trying again will not help. The text has the exit code of the command line, and no value of a person."""


def run_source_stage(
    source: str, stage: str, context: Mapping[str, Any], look_up: LookUp, doubt: str | None = None
) -> None:
    """One stage of one source, as the parameters of the run ask. `doubt`: what the scheduler could not read.

    What is wrong in the folders of other sources is not seen.

    Raises:
        Unavailable: the same call may go through later.
        Final: it will not.
    """
    params = context.get("params") or {}
    with _classified(), _opened(params, source) as instance:
        if doubt:
            raise ContractError([doubt])
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
        name = instance.folder(source).source.connection
        connections = _connections(instance.settings, name, look_up) if stage == Stage.LAND.value else {}
        told = run_source(instance, source, connections, asked)
        if told.stopped:
            raise DataJudgedBad(f"stopped as a whole: {', '.join(told.stopped)}")
        if told.published and told.unread == told.published:  # else what could be read is news for the territory
            raise DataJudgedBad(f"nothing could be read of: {', '.join(told.unread)}")


def run_territory_once(context: Mapping[str, Any]) -> None:
    """Everything that is published, linked, delivered and reported beside the data folder.

    Raises:
        Unavailable: the same call may go through later.
        Final: it will not.
    """
    with _classified(), _opened(context.get("params") or {}) as instance:
        beside = instance.settings.data.parent
        run_territory(instance, beside / "export", page=beside / "page.html")


@contextmanager
def _classified() -> Iterator[None]:
    """What is raised inside leaves as `Unavailable` or `Final`."""
    try:
        yield
    except Unavailable as told:
        raise Unavailable(str(told)) from None
    except PasserelleError as told:
        raise Final(f"exit code {told.exit_code}: {told}") from None
    except Exception as wrong:  # noqa: BLE001 - whatever it is, its text must not reach a log
        raise Final(f"exit code {BrokenPromise.exit_code}: {_place_of(wrong)}") from None


def _place_of(wrong: Exception) -> str:
    """Kind and place of an error that nobody raised on purpose. Its text may quote a record, and is left out."""
    frames = [f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(wrong.__traceback__)]
    return f"{type(wrong).__name__} was not expected, at {' > '.join(frames[-6:])}"


@contextmanager
def _opened(params: Mapping[str, Any], source: str | None = None) -> Iterator[Instance]:
    settings = Settings.from_environment()
    if params.get("as_of"):
        settings = replace(settings, as_of=parse_as_of(str(params["as_of"])))
    instance = _of_one_source(settings, source) if source else Instance.open(settings)
    try:
        yield instance
    finally:
        instance.close()


def _of_one_source(settings: Settings, source: str) -> Instance:
    """The instance with this source alone, as if no other folder were there."""
    house = load_house(settings.home, jurisdiction=settings.jurisdiction, only=(source,))
    stores = open_stores(settings)
    if stores.keys.is_demo and any(one.source.environment == "production" for one in house.sources.values()):
        stores.ledger.close()
        raise RefusedForGood(f"{source} is a production source, and the key file holds the published demo key")
    return Instance(settings, house, stores)


def _connections(settings: Settings, name: str, look_up: LookUp) -> dict[str, Connection]:
    """The source's connection: from the file if there is one, else from the scheduler."""
    if settings.connections is not None:
        return dict(read_connections(settings.connections))
    try:
        found = look_up(name)
    except Exception as wrong:  # noqa: BLE001 - the scheduler's own, which is not imported
        if getattr(wrong, "status_code", None) == HTTPStatus.NOT_FOUND:
            raise UsageError(f"the scheduler has no connection of the name '{name}'") from None
        raise Unavailable(f"the scheduler did not give the connection '{name}' ({type(wrong).__name__})") from None
    told = {key: getattr(found, key) for key in ("conn_type", "host", "login", "password", "schema", "port")}
    return {name: connection_of(name, {**told, "extra": found.extra_dejson})}
