"""The only place that reads a source's SQL database. It reads, page by page, and never asks what it could be told.

Pages follow one another by (cursor, key), never by offset: a row that changes while we read moves behind us and comes
with the next window. Each page is a short read-only transaction. Rows leave as one compact JSON object each, in the
text that the contract's types expect, the same on every database. Exceptions of drivers may quote a row; none leaves
this module.
"""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote
from uuid import UUID

import orjson
import sqlalchemy as sa
from psycopg import DataError, pq
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Loader

from passerelle.doors.connections import Connection
from passerelle.errors import PasserelleError, RefusedForGood, Unavailable, UsageError

PAGE_ROWS = 2_000
_BUSY_SECONDS = 30.0
_PLAIN = frozenset({str, int, bool, type(None)})
_SAFE_INTEGER = 1 << 63
_NEVER = ("42", "28", "3D", "3F", "0A")  # classes of SQLSTATE: wrong statement or right, wrong login, no such database
_NO_VALUE = "22"  # class of SQLSTATE: a value is none of its type
_MOMENTS = ("date", "time", "timetz", "timestamp", "timestamptz")
_NOT_THERE = ("no such table", "no such column", "file is not a database", "authentication failed", "does not exist")

Value = str | int | float | Decimal | datetime | date | UUID | bytes | bool
"""A cursor or key value as the driver gives it: what it is compared with again."""


@dataclass(frozen=True, slots=True)
class SqlTable:
    """What is read: a table (or view), its columns in the contract's order, and what orders its rows."""

    name: str
    columns: tuple[str, ...]
    cursor: str
    key: tuple[str, ...]


class Place(NamedTuple):
    """Where a row stands: its cursor and key."""

    cursor: Value
    key: tuple[Value, ...]


class Placed(NamedTuple):
    """A row as JSON, and where it stands; None for a row whose cursor or key is missing."""

    record: bytes
    place: Place | None


class SqlDoor:
    """A database of one source, opened for reading. Use it in a `with` block."""

    def __init__(self, connection: Connection) -> None:
        """The address and the login come from the connection alone.

        Raises:
            UsageError: the connection is of another kind, or names no database.
            Unavailable: the database file is not there.
        """
        self._engine = _engine(connection)

    def close(self) -> None:
        """All connections are closed."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def require(self, table: SqlTable) -> None:
        """The table has every column that will be asked for.

        Raises:
            RefusedForGood: it has not; the sentence names the columns.
            Unavailable: the database does not answer.
        """
        with self._reading() as connection:
            asked = sa.select(sa.text("*")).select_from(_from(table.name)).where(sa.false())
            there = set(connection.execute(asked).keys())
        missing = [name for name in dict.fromkeys((*table.columns, table.cursor, *table.key)) if name not in there]
        if missing:
            raise RefusedForGood(
                f"the source's table {table.name} has no column {', '.join(missing)}: ask whether it was renamed or "
                "dropped, then correct the contract"
            )

    def newest(self, table: SqlTable) -> Value | None:
        """The greatest cursor that is in the table now, by the database's own comparison; None if there is none."""
        with self._reading() as connection:
            asked = sa.select(sa.func.max(_column(table.cursor))).select_from(_from(table.name))
            found: Value | None = connection.execute(asked).scalar()
            return found

    def rows(
        self,
        table: SqlTable,
        *,
        since: Value | None,
        until: Value | None,
        after: Place | None = None,
        page_rows: int = PAGE_ROWS,
    ) -> Iterator[Placed]:
        """The rows whose cursor lies from `since` to `until`, both included, in order of cursor and key.

        With `after`, those that stand behind that place: reading goes on where it stopped.

        Raises:
            RefusedForGood: two of them have one cursor and key, so that a page may end between them.
            Unavailable: the database does not answer.
        """
        while True:
            # One row more than the page: where it stands is known before the next page asks for what lies behind.
            page = self._page(table, since, until, after, page_rows + 1)
            for number, (record, place) in enumerate(page):
                if place == after:
                    raise RefusedForGood(
                        f"the source's table {table.name} has two rows of one {table.cursor} and one key "
                        f"({', '.join(table.key)}): the key is not unique and rows would be missed; add the columns "
                        "that make it so to `sql.key`"
                    )
                if number == page_rows:
                    break
                yield Placed(record, place)
                after = place
            else:
                return

    def unplaced(self, table: SqlTable) -> Iterator[Placed]:
        """The rows whose cursor or key is missing, which no page would ever hold."""
        marks = [_column(name).is_(None) for name in (table.cursor, *table.key)]
        asked = _selected(table).where(sa.or_(*marks)).order_by(*_order(table)).execution_options(yield_per=PAGE_ROWS)
        with self._reading() as connection:
            for row in connection.execute(asked):
                yield Placed(_record(table.columns, row), None)

    def _page(
        self, table: SqlTable, since: Value | None, until: Value | None, after: Place | None, page_rows: int
    ) -> list[tuple[bytes, Place]]:
        cursor = _column(table.cursor)
        asked = _selected(table).where(*(_column(name).is_not(None) for name in (table.cursor, *table.key)))
        if since is not None:
            asked = asked.where(cursor >= _bound(since))
        if until is not None:
            asked = asked.where(cursor <= _bound(until))
        if after is not None:
            # Beside the exact condition, one that an index on the cursor can use.
            asked = asked.where(cursor >= _bound(after.cursor), _behind(table, after))
        asked = asked.order_by(*_order(table)).limit(page_rows)
        width = len(table.columns)
        with self._reading() as connection:
            return [
                (_record(table.columns, row), Place(row[width], tuple(row[width + 1 :])))
                for row in connection.execute(asked)
            ]

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as wrong:
            raise _told(wrong) from None


def _column(name: str) -> sa.ColumnClause[Any]:
    return sa.column(sa.sql.quoted_name(name, quote=True))


def _from(name: str) -> sa.TableClause:
    schema, _, table = name.rpartition(".")
    named = sa.sql.quoted_name(table, quote=True)
    return sa.table(named, schema=sa.sql.quoted_name(schema, quote=True) if schema else None)


def _selected(table: SqlTable) -> sa.Select[Any]:
    """The columns of the record, then cursor and key under names of our own."""
    places = [_column(name).label(f"place_{number}") for number, name in enumerate((table.cursor, *table.key))]
    record = [_column(name).label(f"value_{number}") for number, name in enumerate(table.columns)]
    return sa.select(*record, *places).select_from(_from(table.name))


def _order(table: SqlTable) -> list[sa.ColumnClause[Any]]:
    return [_column(name) for name in (table.cursor, *table.key)]


def _bound(value: Value) -> sa.BindParameter[Any]:
    """The value with the type that the driver gives it: no cast that would be narrower than the column."""
    return sa.bindparam(None, value, type_=sa.types.NULLTYPE)


def _behind(table: SqlTable, place: Place) -> sa.ColumnElement[bool]:
    """(cursor, key) > place, written so that every database reads it alike."""
    columns, values = _order(table), (place.cursor, *place.key)
    behind: sa.ColumnElement[bool] = columns[-1] > _bound(values[-1])
    for column, value in zip(reversed(columns[:-1]), reversed(values[:-1]), strict=True):
        behind = sa.or_(column > _bound(value), sa.and_(column == _bound(value), behind))
    return behind


def _record(columns: Sequence[str], row: Sequence[Any]) -> bytes:
    tree = {
        name: value if type(value) in _PLAIN else canonical(value) for name, value in zip(columns, row, strict=False)
    }
    try:
        return orjson.dumps(tree)
    except TypeError:
        # Whole numbers beyond 64 bits, and bytes that are no UTF-8: the latter stay as they are, for land to stop.
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), default=canonical)
        return text.encode("utf-8", "surrogateescape")


def canonical(value: Any) -> Any:
    """The value as a record holds it: numbers as numbers, decimals exactly, dates and moments in ISO order."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (str, int, dict, list)) or value is None:
        return value
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    return str(value)


def _engine(connection: Connection) -> sa.Engine:
    if connection.kind == "sqlite":
        return _sqlite(connection)
    if connection.kind == "postgres":
        return _postgres(connection)
    raise UsageError(f"a SQL table wants a connection of kind sqlite or postgres, not {connection.kind}")


def _sqlite(connection: Connection) -> sa.Engine:
    path = str(connection.extra.get("path") or connection.schema or connection.host)
    if not path:
        raise UsageError("a connection of kind sqlite wants extra.path, the file of the database")
    if not Path(path).is_file():
        raise Unavailable("the database file of the connection is not there")

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(
            f"file:{quote(str(Path(path).absolute()))}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        opened.text_factory = _text
        return opened

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.StaticPool, hide_parameters=True)


def _text(raw: bytes) -> str:
    """Bytes that are no UTF-8 stay what they were; one such row stops itself and not its page."""
    return raw.decode("utf-8", "surrogateescape")


def _postgres(connection: Connection) -> sa.Engine:
    query = {str(name): str(connection.extra[name]) for name in ("sslmode", "sslrootcert") if name in connection.extra}
    url = sa.URL.create(
        "postgresql+psycopg",
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host or None,
        port=connection.port,
        database=connection.schema or None,
        query=query,
    )
    # Moments with an offset come in UTC whatever the server's setting: the same row is always the same bytes.
    options = "-c timezone=UTC -c default_transaction_read_only=on -c bytea_output=hex -c datestyle=ISO"
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=1,
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": int(_BUSY_SECONDS)},
    )
    sa.event.listen(engine, "connect", _read_leniently)
    return engine


def _read_leniently(connection: Any, _: object) -> None:
    """Moments that Python cannot hold (infinity, 24:00, years before Christ) come as the server writes them.

    They stop their row, and not its table.
    """
    for name in _MOMENTS:
        connection.adapters.register_loader(name, _lenient(connection.adapters, name))


def _lenient(adapters: AdaptersMap, name: str) -> type[Loader]:
    found = adapters.get_loader(adapters.types[name].oid, pq.Format.TEXT)
    assert found is not None
    strict = found

    class Lenient(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._strict = strict(oid, context)

        def load(self, data: Buffer) -> Any:
            try:
                return self._strict.load(data)
            except DataError:
                return bytes(data).decode()

    return Lenient


def _told(wrong: Exception) -> PasserelleError:
    original = getattr(wrong, "orig", wrong)
    state = getattr(original, "sqlstate", None) or ""
    text = str(original)
    mark = state or getattr(original, "sqlite_errorname", None) or type(original).__name__
    if state.startswith(_NO_VALUE) or isinstance(wrong, sa.exc.DataError):
        return RefusedForGood(
            f"the source's database holds or compares a value that cannot be read ({mark}): look at the types of "
            "cursor and key"
        )
    if state.startswith(_NEVER) or any(sign in text for sign in _NOT_THERE):
        return RefusedForGood(
            f"the source's database refuses what we ask ({mark}): table, column or login is not what contract and "
            "connection say"
        )
    return Unavailable(f"the source's database does not answer ({mark}): try again later")
