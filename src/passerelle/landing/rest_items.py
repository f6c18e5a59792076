"""Windows over a REST table: everything that changed since a moment, page after page."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from passerelle.contracts.source import Rest
from passerelle.doors.connections import Connection
from passerelle.doors.http import PageRefused, Patience, RestDoor
from passerelle.errors import ContractError, RefusedForGood
from passerelle.landing.bounds import Asked, Bounds, Json, Raw
from passerelle.landing.cursors import Cursors, is_later

OVERLAP_SECONDS = 3600
"""Asked for again before the last change that was seen: what was committed late comes with the next window."""
MOST_RESTARTS = 3
CURSOR = "cursor"


class RestItems:
    """The items of one table of one source."""

    def __init__(self, asked: Asked, connection: Connection, patience: Patience | None = None) -> None:
        """Nothing is asked yet.

        Raises:
            ContractError: the table says not how it is paged.
            UsageError: the connection is of another kind.
        """
        table = asked.table
        if table.rest is None or table.order.column is None:
            raise ContractError(
                [f"table {asked.table_name} of {asked.source.source} wants `rest` and an order by column to be read"]
            )
        self._asked = asked
        self._rest: Rest = table.rest
        column = table.columns[table.order.column]
        self._changed = (column.path or table.order.column).split(".")
        self._cursors = Cursors(column, ZoneInfo(asked.source.time_zone), asked.as_of)
        self._door = RestDoor(connection, patience)

    def close(self) -> None:
        """The session is over."""
        self._door.close()

    def open(self, mark: Json | None, told: Counter[str]) -> Bounds:
        """From a little before the last change that was seen, or from the beginning."""
        del told
        since = None
        if mark is not None and mark["changed"] is not None:
            since = self._cursors.earlier(mark["changed"], OVERLAP_SECONDS)
        moves = True
        if self._asked.since is not None:
            since = self._asked.since
            last = self._cursors.place_of(mark["changed"]) if mark else None
            moves = last is not None and not is_later(self._cursors.place_of(since), last)
        return Bounds({}, {"since": since, "until": self._asked.until, "moves": moves})

    def read(self, bounds: Bounds, mark: Json | None, parts: int, checkpoint: Json | None) -> "RestReading":
        """The window, from its checkpoint on."""
        del parts
        told = bounds.private
        reading = RestReading(
            self._door, self._rest, self._changed, self._cursors, told["since"], told["until"], mark and mark["changed"]
        )
        reading.moves = told["moves"]
        if checkpoint is not None:
            reading.go_on(checkpoint)
        return reading


@dataclass
class RestReading:
    """The pages of one window being read."""

    _door: RestDoor
    _rest: Rest
    _changed: list[str]
    _cursors: Cursors
    _since: str | None
    _until: str | None
    _before: str | None
    moves: bool = True
    told: Counter[str] = field(default_factory=Counter)
    _cursor: str | None = None
    _taken: int = 0

    def __post_init__(self) -> None:
        self._high = self._before
        self._height = self._start = self._cursors.place_of(self._before)
        self._last = None
        if self._until is not None:
            until = self._until if len(self._until) > len("2026-03-31") else f"{self._until} 23:59:59.999999"
            self._last = self._cursors.place_of(until)

    def go_on(self, checkpoint: Json) -> None:
        """Reading starts behind the checkpoint."""
        self._cursor, self._taken, self._high = checkpoint["cursor"], checkpoint["taken"], checkpoint["high"]
        self._height = self._cursors.place_of(self._high)

    def records(self) -> Iterator[Raw]:
        """The items of every page in their order.

        When the server forgot a page in mid-chain, the chain begins anew: what came before comes again and is
        recognised as a duplicate.
        """
        seen: set[str] = set()
        restarts = 0
        while True:
            try:
                items, following = self._page()
            except PageRefused:
                if self._cursor is None or restarts == MOST_RESTARTS:
                    raise
                restarts += 1
                self.told["chains_begun_again"] += 1
                self._cursor, self._taken = None, 0
                seen.clear()
                continue
            self.told["pages"] += 1
            for place, item in enumerate(items[self._taken :], start=self._taken + 1):
                self._taken = place
                raw = self._raw(item)
                if raw is not None:
                    yield raw
            if following is None:
                return
            if following in seen:
                raise RefusedForGood(f"{self._rest.resource} leads back to a page that it gave before")
            seen.add(following)
            self._cursor, self._taken = following, 0

    def _page(self) -> tuple[list[Any], str | None]:
        query = {"limit": str(self._rest.limit)}
        if self._since is not None:
            query[self._rest.since] = self._since
        if self._cursor is not None:
            query[CURSOR] = self._cursor
        way = self._rest.items.split(".")
        page = self._door.page(self._rest.resource, query, way)
        items = _at(page, way)
        if not isinstance(items, list):
            raise RefusedForGood(f"{self._rest.resource} answers without a list at {self._rest.items}")
        return items, self._following(page, len(items))

    def _following(self, page: Any, count: int) -> str | None:
        """The cursor of the next page: a text or a whole number; null or an empty text is the end.

        A page that is not full may say nothing. On a full one, silence may be another name for the cursor.
        """
        *way, last = self._rest.next.split(".")
        holder = _at(page, way)
        following = _at(holder, [last])
        if following is None or following == "":
            if count >= self._rest.limit and not (isinstance(holder, dict) and last in holder):
                raise RefusedForGood(
                    f"{self._rest.resource} answers a full page without {self._rest.next}: ask whether it was renamed, "
                    "then correct `next`"
                )
            return None
        if isinstance(following, bool) or not isinstance(following, (str, int)):
            raise RefusedForGood(f"{self._rest.resource} has no text or whole number at {self._rest.next}")
        return str(following)

    def _raw(self, item: Any) -> Raw | None:
        changed = _at(item, self._changed)
        height = self._cursors.place_of(changed) if isinstance(changed, str) else None
        late = False
        if height is not None:
            if self._last is not None and is_later(height, self._last):
                self.told["items_outside_window"] += 1
                return None
            if is_later(height, self._height):
                self._height, self._high = height, changed
            late = self._start is not None and is_later(self._start, height)
        return Raw(orjson.dumps(item), late=late)

    def checkpoint(self) -> Json:
        """The page and how many of its items were taken."""
        return {"cursor": self._cursor, "taken": self._taken, "high": self._high}

    def mark(self) -> Json:
        """The last change that was seen; never less than before."""
        return {"changed": self._high if self.moves else self._before}


def _at(tree: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name)
    return tree
