"""Windows over a SQL table: late commits come with the overlap, nothing twice, and no clock hides a row."""

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime

import orjson
import postgres
import pytest
import sqlalchemy as sa
from landing_builders import Door, Killed, folder_of, killed_at, small_partitions, stores_of

from passerelle.doors.connections import Connection
from passerelle.stores.ledger import Ledger, windows

VISITS = {
    "format": "sql",
    "sql": {"table": "visits", "key": ["id"], "overlap_seconds": 3600},
    "key": ["id"],
    "order": {"column": "changed"},
    "columns": {"id": {"type": "integer"}, "note": {}, "changed": {"type": "datetime"}},
}
CREATE = "CREATE TABLE visits (id INTEGER, note VARCHAR(40), changed {moment})"


class Database:
    """The source's own database, which only its owner writes."""

    def __init__(self, engine, connection, moment):
        self.engine, self.connection = engine, connection
        self.run(CREATE.format(moment=moment))

    def run(self, sql, **values):
        with self.engine.begin() as writing:
            writing.execute(sa.text(sql), values)

    def put(self, number, changed, note="x"):
        self.run("INSERT INTO visits VALUES (:id, :note, :changed)", id=number, note=note, changed=changed)

    def change(self, number, changed, note):
        self.run(
            "UPDATE visits SET changed = :changed, note = :note WHERE id = :id", id=number, note=note, changed=changed
        )


@contextmanager
def _sqlite(tmp_path):
    path = tmp_path / "source.sqlite"
    engine = sa.create_engine(f"sqlite:///{path}")
    yield Database(engine, Connection("sqlite", extra={"path": str(path)}), "VARCHAR(40)")
    engine.dispose()


@contextmanager
def _postgres(server):
    with postgres.database(server) as url:
        told = sa.make_url(url)
        engine = sa.create_engine(told.set(drivername="postgresql+psycopg"))
        host = told.host or told.query.get("host")
        connection = Connection("postgres", host, told.port, told.database, told.username or "", told.password or "")
        yield Database(engine, connection, "TIMESTAMP")
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The source's database, of each kind. The ledger is SQLite: what differs between ledgers is tested with files."""
    if request.param == "sqlite":
        with _sqlite(tmp_path) as made:
            yield made
    else:
        with _postgres(request.getfixturevalue("postgres_server")) as made:
            yield made


@pytest.fixture
def door(sqlite_url, database, data, keys):
    ledger = Ledger.open(sqlite_url)
    yield Door(stores_of(ledger, data, keys), folder_of({"visits": VISITS}), database.connection, table="visits")
    ledger.close()


def numbers(door, batch):
    return [orjson.loads(raw)["id"] if raw else None for raw in door.raw(batch)]


def test_all_rows_come_once_and_a_second_land_is_no_batch(door, database):
    for number in range(1, 6):
        database.put(number, f"2025-03-0{number} 08:00:00")
    (batch,) = door.land()
    assert numbers(door, batch) == [1, 2, 3, 4, 5]
    assert door.raw(batch)[0] == b'{"id":1,"note":"x","changed":"2025-03-01 08:00:00"}'
    before = door.everything()
    assert door.land() == []
    assert door.everything() == before
    assert door.told()["duplicate"] == 1  # the row at the cursor lies in the overlap
    assert door.discrepancies() == []


def test_f027_a_row_that_appears_late_with_an_older_cursor_comes_with_the_overlap(door, database):
    """A replica lags: the row was changed half an hour before the newest one that we saw."""
    database.put(1, "2025-03-01 12:00:00")
    door.land()
    database.put(2, "2025-03-01 11:30:00")
    (batch,) = door.land()
    assert numbers(door, batch) == [2, None]
    assert door.states(batch) == {"duplicate": 1, "passed": 1}
    assert door.told()["late"] == 1


def test_f027_the_mark_is_a_cursor_of_the_source_and_never_a_clock_of_ours(door, database):
    database.put(1, "2025-03-01 12:00:00")
    door.land()
    database.put(2, "2025-03-01 12:00:01")  # months before our own clock, and newer than what was read
    (batch,) = door.land()
    assert numbers(door, batch) == [None, 2]


def test_f028_rows_with_one_cursor_at_a_page_border_are_neither_lost_nor_doubled(door, database, monkeypatch):
    monkeypatch.setattr("passerelle.doors.sql.SqlDoor.rows.__kwdefaults__", {"after": None, "page_rows": 2})
    for number in range(1, 8):
        database.put(number, "2025-03-01 12:00:00")
    (batch,) = door.land()
    assert numbers(door, batch) == [1, 2, 3, 4, 5, 6, 7]
    assert door.states(batch) == {"passed": 7}


def test_f029_a_long_transaction_that_commits_behind_the_mark_is_read_with_the_next_window(door, database):
    database.put(1, "2025-03-01 12:00:00")
    if database.connection.kind == "sqlite":
        database.put(3, "2025-03-01 12:30:00")
        door.land()
        database.put(2, "2025-03-01 12:10:00")  # SQLite has one writer at a time: the late one simply comes later
    else:
        with database.engine.connect() as long:
            long.execute(sa.text("INSERT INTO visits VALUES (2, 'x', '2025-03-01 12:10:00')"))
            database.put(3, "2025-03-01 12:30:00")
            (first,) = door.land()
            assert numbers(door, first) == [1, 3]
            long.commit()
    (batch,) = door.land()
    assert [number for number in numbers(door, batch) if number] == [2]
    assert door.told()["late"] == 1
    assert door.land() == []


def test_rows_that_come_while_a_window_is_read_belong_to_the_next(door, database, monkeypatch):
    small_partitions(monkeypatch)
    for number in range(1, 13):
        database.put(number, f"2025-03-01 12:00:{number:02d}")
    real, done = door.stores.ledger.in_transaction, []

    def in_transaction(act):
        done.append(act)
        if len(done) == 3:
            database.put(99, "2025-03-01 12:00:59")
        return real(act)

    with monkeypatch.context() as patched:
        patched.setattr(door.stores.ledger, "in_transaction", in_transaction)
        (first,) = door.land()
    assert numbers(door, first) == list(range(1, 13))
    (second,) = door.land()
    assert [number for number in numbers(door, second) if number] == [99]


def test_a_changed_row_is_a_new_version(door, database):
    database.put(1, "2025-03-01 12:00:00")
    database.put(2, "2025-03-01 10:00:00")
    door.land()
    database.change(2, "2025-03-02 12:00:00", "changed")
    (batch,) = door.land()
    assert door.raw(batch) == [b"", b'{"id":2,"note":"changed","changed":"2025-03-02 12:00:00"}']
    assert len(door.passed_records()) == 3


def test_a_row_without_cursor_is_stopped_and_not_unseen(door, database):
    database.put(1, "2025-03-01 12:00:00")
    database.put(2, None)
    (batch,) = door.land()
    assert door.items(batch) == [(1, "quarantined", "bad-order", "changed")]
    assert door.land() == []


def test_f132_a_cursor_in_the_future_is_landed_and_the_mark_does_not_follow_it(door, database):
    database.put(1, "2025-03-01 12:00:00")
    database.put(2, "2030-01-01 00:00:00")
    (batch,) = door.land()
    assert door.states(batch) == {"passed": 2}
    assert door.told()["rows_beyond_the_clock"] == 1
    database.put(3, "2025-03-01 13:00:00")
    (second,) = door.land()
    assert [number for number in numbers(door, second) if number] == [3]


def test_a_cursor_that_is_no_moment_does_not_hide_what_comes_after_it(tmp_path, sqlite_url, data, keys):
    """SQLite keeps any text in any column; a timestamp column of PostgreSQL would refuse it."""
    with _sqlite(tmp_path) as database:
        stores = stores_of(Ledger.open(sqlite_url), data, keys)
        door = Door(stores, folder_of({"visits": VISITS}), database.connection, table="visits")
        database.put(1, "2025-03-01 12:00:00")
        database.put(2, "yesterday")
        (batch,) = door.land()
        assert door.items(batch) == [(1, "quarantined", "bad-order", "changed")]
        database.put(3, "2025-03-01 13:00:00")
        (second,) = door.land()
        assert [number for number in numbers(door, second) if number] == [3]
        stores.ledger.close()


def test_a_window_asked_for_by_name_reads_those_days_and_leaves_the_mark(door, database):
    for day in range(1, 6):
        database.put(day, f"2025-03-0{day} 08:00:00")
    (batch,) = door.land(since="2025-03-02", until="2025-03-03")
    assert numbers(door, batch) == [2, 3]
    (rest,) = door.land()
    assert [number for number in numbers(door, rest) if number] == [1, 4, 5]
    assert door.land(since="2025-03-02", until="2025-03-03") == []
    database.put(6, "2025-03-05 09:00:00")
    (last,) = door.land()
    assert [number for number in numbers(door, last) if number] == [6]


@pytest.mark.parametrize("number", range(3, 7))
def test_killed_and_run_again_it_goes_on_behind_the_last_committed_row(door, database, number, monkeypatch):
    small_partitions(monkeypatch)
    for row in range(1, 26):
        database.put(row, f"2025-03-01 12:00:{row:02d}")
    database.put(26, None)
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, number)
        with pytest.raises(Killed):
            door.land()
    # Meanwhile a row that was landed moves behind the window: those after it do not move up into its place.
    database.change(2, "2025-03-02 12:00:00", "moved")
    landed = door.land()
    if number > 3:
        assert door.states(landed[0]) == {"passed": 25, "quarantined": 1}
        assert numbers(door, landed[0]) == list(range(1, 27))
    assert len({raw for raw in door.passed_records()}) == len(door.passed_records()) == (26 if number > 3 else 25)
    assert door.land() == []
    assert door.discrepancies() == []


def test_a_cursor_is_nowhere_in_the_clear(door, database):
    database.put(1, "2025-03-01 12:34:56")
    (batch,) = door.land()
    with door.stores.ledger.read() as tx:
        window = windows.by_id(tx, batch.window_id)
        mark = windows.watermark(tx, "door", "visits")
    assert "12:34:56" not in window.bounds
    assert b"12:34:56" not in mark


def test_the_prison_units_database_is_landed_as_it_stood_and_as_it_stands(territory, sqlite_url, data, keys):
    """Two states of one simulated database: the second land brings what changed and nothing twice.

    Rows that were written with a cursor months old are beyond any overlap: a window asked for by name brings them.
    """
    folder = territory / "sources" / "usmp"
    columns = {"id_suivi": {"type": "integer"}, "id_patient": {"type": "integer"}, "debut": {}, "fin": {}}
    table = {
        **VISITS,
        "sql": {"table": "suivis", "key": ["id_suivi"], "overlap_seconds": 3600},
        "key": ["id_suivi"],
        "order": {"column": "maj"},
        "columns": {**columns, "maj": {"type": "datetime"}},
    }
    ledger = Ledger.open(sqlite_url)
    stores = stores_of(ledger, data, keys)
    earlier = Door(
        stores,
        folder_of({"suivis": table}),
        Connection("sqlite", extra={"path": str(folder / "usmp_avant.sqlite")}),
        table="suivis",
        as_of=datetime(2025, 9, 30, 10, tzinfo=UTC),
    )
    (first,) = earlier.land()
    now = Door(
        stores,
        folder_of({"suivis": table}),
        Connection("sqlite", extra={"path": str(folder / "usmp.sqlite")}),
        table="suivis",
    )
    (second,) = now.land()
    (late,) = now.land(since="2025-01-01")
    with sqlite3.connect(folder / "usmp.sqlite") as source:
        there = {row[0] for row in source.execute("SELECT id_suivi FROM suivis")}
    passed = now.passed_records()
    assert {orjson.loads(raw)["id_suivi"] for raw in passed} == there
    assert len(set(passed)) == len(passed)
    assert now.states(late)["passed"] == 1
    assert first.records > 0
    assert second.records > 0
    assert now.land() == []
    assert now.discrepancies() == []
    ledger.close()
