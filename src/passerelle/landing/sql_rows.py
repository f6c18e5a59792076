"""Windows over a SQL table: from a little before the last cursor to the greatest that was there when it opened."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from passerelle.contracts.source import Sql
from passerelle.doors.connections import Connection
from passerelle.doors.sql import Place, SqlDoor, SqlTable
from passerelle.errors import ContractError
from passerelle.landing import cursors
from passerelle.landing.bounds import Asked, Bounds, Json, Raw
from passerelle.landing.cursors import Cursors, is_later


class SqlRows:
    """The rows of one table of one source."""

    def __init__(self, asked: Asked, connection: Connection) -> None:
        """The database was asked whether it has the columns of the contract.

        Raises:
            ContractError: the table says not how it is read.
            RefusedForGood: the database has not what the contract says.
            Unavailable: the database does not answer.
        """
        table = asked.table
        if table.sql is None or table.order.column is None:
            raise ContractError(
                [f"table {asked.table_name} of {asked.source.source} wants `sql` and an order by column to be read"]
            )
        self._asked = asked
        self._sql: Sql = table.sql
        named = {name: column.path or name for name, column in table.columns.items()}
        read = tuple(dict.fromkeys(path for path in named.values() if not path.startswith("@")))
        cursor = named[table.order.column]
        self._table = SqlTable(table.sql.table, read, cursor, tuple(named.get(key, key) for key in table.sql.key))
        zone = ZoneInfo(asked.source.time_zone)
        self._cursors = Cursors(table.columns[table.order.column], zone, asked.as_of)
        self._door = SqlDoor(connection)
        self._door.require(self._table)

    def close(self) -> None:
        """The database is left."""
        self._door.close()

    def open(self, mark: Json | None, told: Counter[str]) -> Bounds:
        """The bounds, fixed now: what is committed later with an earlier cursor comes with the next window's overlap."""
        del told
        until = self._door.newest(self._table)
        since = None
        if mark is not None and mark["cursor"] is not None:
            since = self._cursors.earlier(cursors.read(mark["cursor"]), self._sql.overlap_seconds)
        moves = True
        if self._asked.since is not None and until is not None:
            since = self._cursors.like(self._asked.since, until)
            moves = _is_before(self._cursors, since, mark)
        if self._asked.until is not None and until is not None:
            until = self._cursors.like(_end(self._asked.until), until)
        return Bounds({}, {"from": cursors.written(since), "to": cursors.written(until), "moves": moves})

    def read(self, bounds: Bounds, mark: Json | None, parts: int, checkpoint: Json | None) -> "SqlReading":
        """The window, from its checkpoint on."""
        del parts
        told = bounds.private
        before = cursors.read(mark["cursor"]) if mark else None
        reading = SqlReading(
            self._door, self._table, self._cursors, cursors.read(told["from"]), cursors.read(told["to"]), before
        )
        reading.moves = told["moves"]
        if checkpoint is not None:
            reading.go_on(checkpoint)
        return reading


def _is_before(known: Cursors, since: object, mark: Json | None) -> bool:
    """A window asked for by name moves the mark only if it leaves no gap behind it."""
    if mark is None or mark["cursor"] is None:
        return False
    return not is_later(known.place_of(since), known.place_of(cursors.read(mark["cursor"])))


def _end(text: str) -> str:
    """The end of a day that is given without a time."""
    return f"{text} 23:59:59.999999" if len(text) == len("2026-03-31") else text


@dataclass
class SqlReading:
    """The rows of one window being read."""

    _door: SqlDoor
    _table: SqlTable
    _cursors: Cursors
    _since: object
    _until: object
    _before: object
    moves: bool = True
    told: Counter[str] = field(default_factory=Counter)
    _place: Place | None = None
    _unplaced: bool = False

    def __post_init__(self) -> None:
        self._high = self._before
        self._height = self._start = self._cursors.place_of(self._before)

    def go_on(self, checkpoint: Json) -> None:
        """Reading starts behind the checkpoint."""
        if checkpoint["place"] is not None:
            cursor, *key = map(cursors.read, checkpoint["place"])
            self._place = Place(cursor, tuple(key))
        self._unplaced = checkpoint["unplaced"]
        self._high = cursors.read(checkpoint["high"])
        self._height = self._cursors.place_of(self._high)

    def records(self) -> Iterator[Raw]:
        """The rows in order of cursor and key, then those that have no place in it: they stop, and are not lost."""
        if not self._unplaced and self._until is not None:
            yield from self._placed()
        self._unplaced = True
        for record, _ in self._door.unplaced(self._table):
            self.told["rows_without_cursor_or_key"] += 1
            yield Raw(record)

    def _placed(self) -> Iterator[Raw]:
        rows = self._door.rows(self._table, since=self._since, until=self._until, after=self._place)  # type: ignore[arg-type]
        for record, place in rows:
            assert place is not None
            height = self._cursors.place_of(place.cursor)
            late = False
            if height is None:
                self.told["rows_beyond_the_clock"] += 1
            else:
                if is_later(height, self._height):
                    self._height, self._high = height, place.cursor
                late = self._start is not None and is_later(self._start, height)
            self._place = place
            yield Raw(record, late=late)

    def checkpoint(self) -> Json:
        """The place of the last row."""
        place = self._place
        return {
            "place": None if place is None else [cursors.written(value) for value in (place.cursor, *place.key)],
            "unplaced": self._unplaced,
            "high": cursors.written(self._high),
        }

    def mark(self) -> Json:
        """The greatest cursor that is a moment not after the clock that counts; never less than before."""
        return {"cursor": cursors.written(self._high if self.moves else self._before)}
