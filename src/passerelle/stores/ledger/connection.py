"""Opening the ledger, its transactions, and the errors of its databases.

SQLite: WAL, synchronous FULL, foreign keys, `BEGIN IMMEDIATE` for writers, a busy timeout. PostgreSQL: writers at
read committed with row locks where two could meet (leases, the audit head), readers at one repeatable snapshot.
Exceptions of drivers may quote parameters or rows; none leaves this module.
"""

import os
import random
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

from passerelle.errors import BrokenPromise, PasserelleError, RefusedForGood, Unavailable, UsageError
from passerelle.stores.files import writing_to_ledger
from passerelle.stores.ledger import migrating

BUSY_SECONDS = 30.0
ATTEMPTS = 8
_WRITE = "passerelle_write"
_RETRIED = {"40001", "40P01"}  # serialization failure, deadlock
_DISK = {"53100", "53200", "58030"}
_NOT_OURS = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
_AWAY = (
    sa.exc.OperationalError,
    sa.exc.TimeoutError,
    sa.exc.InterfaceError,
    sqlite3.OperationalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
T = TypeVar("T")


class _TryAgain(Unavailable):
    """The database asked for the whole transaction again; nothing of it is there."""


class Transaction:
    """A transaction of the ledger. The modules of this package take one as their first argument."""

    __slots__ = ("connection", "is_sqlite", "writes")

    def __init__(self, connection: sa.Connection, *, writes: bool) -> None:
        self.connection = connection
        self.is_sqlite = connection.dialect.name == "sqlite"
        self.writes = writes

    def run(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """The statement is executed."""
        return self.connection.execute(statement, parameters)

    def rows(self, statement: sa.Executable) -> Sequence[sa.Row[Any]]:
        """All rows of the statement."""
        return self.connection.execute(statement).all()

    def one(self, statement: sa.Executable) -> sa.Row[Any] | None:
        """The first row of the statement, or None."""
        return self.connection.execute(statement).first()

    def number(self, statement: sa.Executable) -> int:
        """The number that the statement gives; 0 for none."""
        return int(self.connection.execute(statement).scalar() or 0)

    def insert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """The rows are added, many at a time."""
        if rows:
            self.connection.execute(table.insert(), rows)

    def driver(self) -> Any:
        """The driver's own connection, for bulk work."""
        return self.connection.connection.driver_connection


class Ledger:
    """The ledger at a SQLAlchemy URL. Open it once per process."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._is_current = False
        engine_of = weakref.ref(engine)

        def forget() -> None:
            # Connections opened before a fork belong to the parent.
            if (mine := engine_of()) is not None:
                mine.dispose(close=False)

        os.register_at_fork(after_in_child=forget)

    def __repr__(self) -> str:
        return f"<Ledger {self._engine.url.render_as_string(hide_password=True)}>"

    @classmethod
    def open(cls, url: str) -> Self:
        """The ledger at the URL, migrated or not.

        Raises:
            RefusedForGood: the ledger has a revision that this version does not know.
            UsageError: the URL names a database that passerelle does not use.
            Unavailable: the database does not answer.
        """
        ledger = cls(_engine(url))
        with ledger._plain() as connection:
            revision = migrating.revision_of(connection)
        if revision is not None and revision not in migrating.known_revisions():
            raise RefusedForGood(
                f"the ledger has revision {revision}, which this version does not know: use a newer passerelle"
            )
        ledger._is_current = revision == migrating.newest_revision()
        return ledger

    def migrate(self) -> None:
        """The ledger has the newest revision. All steps happen in one transaction."""
        with self._connected(writes=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7241095)"))
            migrating.upgrade(connection)
        self._is_current = True

    @property
    def is_current(self) -> bool:
        """True if the ledger has the newest revision."""
        return self._is_current

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that writes: all of it is committed at the end of the block, or nothing.

        Files are written before it, never inside. To have deadlocks retried, use `in_transaction`.

        Raises:
            Unavailable: the database is busy, away, full, or asked for the transaction again.
            BrokenPromise: a constraint refused a row.
        """
        self._require_current()
        with self._connected(writes=True) as connection:
            token = writing_to_ledger.set(True)
            try:
                yield Transaction(connection, writes=True)
            finally:
                writing_to_ledger.reset(token)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that reads one consistent state.

        Raises:
            Unavailable: the database is busy or away.
        """
        self._require_current()
        with self._connected(writes=False) as connection:
            yield Transaction(connection, writes=False)

    def in_transaction(self, act: Callable[[Transaction], T]) -> T:
        """What `act` returned in a write transaction that was committed; retried when the database asks for it.

        `act` may run several times, each time on a clean state, so it must do nothing but use its transaction.

        Raises:
            Unavailable: the database still asked for it again after several attempts.
        """
        for attempt in range(ATTEMPTS):
            try:
                with self.write() as tx:
                    return act(tx)
            except _TryAgain:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 jitter, no secret
        raise AssertionError

    def close(self) -> None:
        """All connections are closed."""
        self._engine.dispose()

    def _require_current(self) -> None:
        if self._is_current:
            return
        with self._plain() as connection:
            revision = migrating.revision_of(connection)
        if revision != migrating.newest_revision():
            state = "is empty" if revision is None else f"has the older revision {revision}"
            raise RefusedForGood(f"the ledger {state}: run `passerelle ledger migrate` first")
        self._is_current = True

    @contextmanager
    def _plain(self) -> Iterator[sa.Connection]:
        with self._connected(writes=False) as connection:
            yield connection

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                options: dict[str, Any] = {_WRITE: writes}
                if connection.dialect.name == "postgresql":
                    options["isolation_level"] = "READ COMMITTED" if writes else "REPEATABLE READ"
                    options["postgresql_readonly"] = not writes
                told = connection.execution_options(**options)
                with told.begin():
                    yield told
        except (sa.exc.SQLAlchemyError, sqlite3.Error, psycopg.Error) as wrong:
            raise _told(wrong, self._engine.url) from None


def _told(wrong: Exception, url: sa.URL) -> PasserelleError:
    original = getattr(wrong, "orig", wrong)
    state = getattr(original, "sqlstate", None) or ""
    code = getattr(original, "sqlite_errorname", None) or ""
    mark = state or code or type(wrong).__name__
    if state in _RETRIED or code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _TryAgain(f"the ledger is busy ({mark}): try again")
    if state in _DISK or code == "SQLITE_FULL":
        return Unavailable(f"no space left for the ledger ({mark}): free space, then run again")
    if isinstance(wrong, (sa.exc.IntegrityError, sqlite3.IntegrityError, psycopg.IntegrityError)):
        return BrokenPromise(f"the ledger refused a row that breaks a rule of its tables ({mark}{_rule(original)})")
    if code.startswith(_NOT_OURS):
        return RefusedForGood(
            f"the ledger {os.path.abspath(url.database or '')} cannot be opened or written ({mark}): "  # noqa: PTH100
            "give this user the right to write the file and its folder, or name another one in PASSERELLE_LEDGER; "
            "nothing was committed"
        )
    if isinstance(wrong, _AWAY):
        return Unavailable(f"the ledger does not answer ({mark}); a commit under way may or may not have happened")
    return BrokenPromise(f"the ledger was asked for something it cannot do ({mark})")


def _rule(original: Any) -> str:
    name = getattr(getattr(original, "diag", None), "constraint_name", None)
    if name:
        return f", {name}"
    # SQLite says "UNIQUE constraint failed: table.column": names of ours, never a value.
    text = str(original)
    return f", {text}" if " constraint failed" in text else ""


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise UsageError("PASSERELLE_LEDGER is not a SQLAlchemy URL") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _sqlite_engine(parsed)
    if kind == "postgresql":
        # hide_parameters: no statement's parameters in any text of an exception.
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=BUSY_SECONDS,
        )
    raise UsageError(f"the ledger lies in SQLite or PostgreSQL, not in {kind}")


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise UsageError("the ledger wants a file: sqlite:////path/to/ledger.sqlite")
    folder = os.path.dirname(os.path.abspath(url.database))  # noqa: PTH100, PTH120 a URL holds text
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    except OSError as wrong:
        raise UsageError(
            f"the folder of the ledger, {folder}, cannot be made ({wrong.strerror}); PASSERELLE_LEDGER names the ledger, "
            "and without it PASSERELLE_DATA"
        ) from None
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
        pool_timeout=BUSY_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16384",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
