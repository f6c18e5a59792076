"""Rows of a source's database: every row once, in the contract's text, whatever the database."""

import sqlite3
from contextlib import contextmanager
from datetime import date, datetime

import orjson
import postgres
import pytest
import sqlalchemy as sa

from passerelle.doors.connections import Connection
from passerelle.doors.sql import Place, SqlDoor, SqlTable
from passerelle.errors import RefusedForGood, Unavailable, UsageError

VISITS = SqlTable("visits", ("id", "note", "changed"), "changed", ("id",))


@contextmanager
def _sqlite(tmp_path):
    path = tmp_path / "source.sqlite"
    engine = sa.create_engine(f"sqlite:///{path}")
    yield engine, Connection("sqlite", extra={"path": str(path)})
    engine.dispose()


@contextmanager
def _postgres(server):
    with postgres.database(server) as url:
        told = sa.make_url(url)
        engine = sa.create_engine(told.set(drivername="postgresql+psycopg"))
        host = told.host or told.query.get("host")
        yield engine, Connection("postgres", host, told.port, told.database, told.username or "", told.password or "")
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """A source's database of each kind: an engine that may write, and the connection that passerelle is given."""
    if request.param == "sqlite":
        with _sqlite(tmp_path) as made:
            yield made
    else:
        with _postgres(request.getfixturevalue("postgres_server")) as made:
            yield made


def create(engine, *rows):
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE visits (id INTEGER, note VARCHAR(40), changed VARCHAR(40))"))
        for row in rows:
            connection.execute(sa.text("INSERT INTO visits VALUES (:id, :note, :changed)"), row)


def row(number, changed="2025-03-01 08:00:00", note="x"):
    return {"id": number, "note": note, "changed": changed}


def numbers(rows):
    return [orjson.loads(record)["id"] for record, _ in rows]


def test_rows_of_one_cursor_value_across_a_page_border_come_once_each(database):
    engine, connection = database
    create(engine, *(row(number) for number in range(1, 8)), row(8, "2025-03-02 08:00:00"))
    with SqlDoor(connection) as door:
        found = list(door.rows(VISITS, since=None, until=door.newest(VISITS), page_rows=3))
    assert numbers(found) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_row_that_changes_while_pages_are_read_neither_hides_nor_repeats_another(database):
    engine, connection = database
    create(engine, *(row(number, f"2025-03-0{number} 08:00:00") for number in range(1, 7)))
    with SqlDoor(connection) as door:
        until = door.newest(VISITS)
        rows = door.rows(VISITS, since=None, until=until, page_rows=2)
        found = [next(rows), next(rows)]
        with engine.begin() as other:
            other.execute(sa.text("UPDATE visits SET changed = '2025-04-01 08:00:00' WHERE id IN (1, 4)"))
        found += rows
    assert numbers(found) == [1, 2, 3, 5, 6]


def test_bounds_are_included_and_reading_goes_on_behind_a_place(database):
    engine, connection = database
    create(engine, *(row(number, f"2025-03-0{number} 08:00:00") for number in range(1, 6)))
    with SqlDoor(connection) as door:
        found = list(door.rows(VISITS, since="2025-03-02 08:00:00", until="2025-03-04 08:00:00"))
        assert numbers(found) == [2, 3, 4]
        assert found[0].place == Place("2025-03-02 08:00:00", (2,))
        on = list(door.rows(VISITS, since="2025-03-02 08:00:00", until="2025-03-04 08:00:00", after=found[0].place))
    assert numbers(on) == [3, 4]


def test_rows_without_cursor_or_key_are_found_apart(database):
    engine, connection = database
    create(engine, row(1), row(2, None), {"id": None, "note": "y", "changed": "2025-03-01 08:00:00"})
    with SqlDoor(connection) as door:
        assert numbers(door.rows(VISITS, since=None, until=door.newest(VISITS))) == [1]
        assert sorted(map(str, numbers(door.unplaced(VISITS)))) == ["2", "None"]


def test_a_key_of_several_columns_is_compared_column_by_column(database):
    engine, connection = database
    create(engine, *(row(number % 3, note=f"n{number}") for number in range(9)))
    table = SqlTable("visits", ("id", "note"), "changed", ("id", "note"))
    with SqlDoor(connection) as door:
        found = list(door.rows(table, since=None, until=None, page_rows=2))
    assert [orjson.loads(record)["note"] for record, _ in found] == [
        f"n{number}" for number in (0, 3, 6, 1, 4, 7, 2, 5, 8)
    ]


def test_values_leave_in_one_canonical_text(postgres_server):
    with _postgres(postgres_server) as (engine, connection):
        with engine.begin() as writing:
            writing.execute(
                sa.text(
                    "CREATE TABLE v (a bigint, b numeric(9,3), c date, d timestamp, e timestamptz, f boolean, g text,"
                    " h double precision, i bytea, j jsonb, k double precision, l time, m timestamp)"
                )
            )
            writing.execute(
                sa.text(
                    "INSERT INTO v VALUES (9007199254740993, 12.500, '2025-03-30', '2025-03-30 02:30:00',"
                    " '2025-03-30 02:30:00+02', true, 'Zoé', 0.1, '\\x00ff', '{\"x\": [1]}', 'NaN', '08:15',"
                    " '2025-03-30 02:30:00.25')"
                )
            )
        table = SqlTable("public.v", tuple("abcdefghijklm"), "d", ("a",))
        with SqlDoor(connection) as door:
            ((record, place),) = door.rows(table, since=None, until=door.newest(table))
    assert record.decode() == (
        '{"a":9007199254740993,"b":"12.500","c":"2025-03-30","d":"2025-03-30 02:30:00","e":"2025-03-30 00:30:00+00:00",'
        '"f":true,"g":"Zoé","h":0.1,"i":"00ff","j":{"x":[1]},"k":"nan","l":"08:15:00","m":"2025-03-30 02:30:00.250000"}'
    )
    assert place == Place(datetime(2025, 3, 30, 2, 30), (9007199254740993,))


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date", "bigint", "numeric(20,3)"])
def test_every_kind_of_cursor_pages(postgres_server, kind):
    values = {
        "bigint": ["5000000001", "5000000001", "5000000002", "5000000003"],
        "numeric(20,3)": ["1.5", "1.5", "2.25", "3"],
    }.get(kind, [f"'2025-03-0{day}'" for day in (1, 1, 2, 3)])
    with _postgres(postgres_server) as (engine, connection):
        with engine.begin() as writing:
            writing.execute(sa.text(f"CREATE TABLE v (id bigint, at {kind})"))
            for number, value in enumerate(values):
                writing.execute(sa.text(f"INSERT INTO v VALUES ({number}, {value})"))
        table = SqlTable("v", ("id",), "at", ("id",))
        with SqlDoor(connection) as door:
            until = door.newest(table)
            assert numbers(door.rows(table, since=None, until=until, page_rows=1)) == [0, 1, 2, 3]
            assert numbers(door.rows(table, since=until, until=until)) == [3]


def test_nothing_can_be_written_through_the_door(database):
    engine, connection = database
    create(engine, row(1))
    with SqlDoor(connection) as door, pytest.raises(sa.exc.SQLAlchemyError), door._engine.begin() as writing:
        writing.execute(sa.text("DELETE FROM visits"))


def test_bytes_that_are_no_text_stop_their_row_and_not_its_page(tmp_path):
    path = tmp_path / "source.sqlite"
    with sqlite3.connect(path) as writing:
        writing.execute("CREATE TABLE visits (id INTEGER, note TEXT, changed TEXT)")
        writing.execute("INSERT INTO visits VALUES (1, CAST(x'5a6fe9' AS TEXT), '2025-03-01')")
        writing.execute("INSERT INTO visits VALUES (2, 'x', '2025-03-01')")
    with SqlDoor(Connection("sqlite", extra={"path": str(path)})) as door:
        first, second = door.rows(VISITS, since=None, until="2025-03-01")
    assert first.record == b'{"id":1,"note":"Zo\xe9","changed":"2025-03-01"}'
    assert second.record == b'{"id":2,"note":"x","changed":"2025-03-01"}'


def test_names_are_quoted_and_never_run(database):
    engine, connection = database
    with engine.begin() as writing:
        writing.execute(sa.text('CREATE TABLE "order" ("select" INTEGER, "Date; DROP" VARCHAR(20))'))
        writing.execute(sa.text("INSERT INTO \"order\" VALUES (1, '2025-03-01')"))
    table = SqlTable("order", ("select",), "Date; DROP", ("select",))
    with SqlDoor(connection) as door:
        door.require(table)
        assert [record for record, _ in door.rows(table, since=None, until="2025-03-01")] == [b'{"select":1}']


def test_a_column_that_is_not_there_is_named(database):
    engine, connection = database
    create(engine, row(1))
    table = SqlTable("visits", ("id", "unit", "changed"), "changed", ("number",))
    with SqlDoor(connection) as door, pytest.raises(RefusedForGood, match="visits has no column unit, number"):
        door.require(table)


def test_a_table_that_is_not_there_is_refused_for_good(database):
    engine, connection = database
    with engine.begin() as writing:
        writing.execute(sa.text("CREATE TABLE zzother (id INTEGER)"))
    with SqlDoor(connection) as door, pytest.raises(RefusedForGood) as refused:
        door.require(VISITS)
    assert refused.value.__suppress_context__
    assert "SELECT" not in str(refused.value)


def test_a_database_that_is_away_may_be_tried_again(tmp_path):
    with pytest.raises(Unavailable):
        SqlDoor(Connection("sqlite", extra={"path": str(tmp_path / "none.sqlite")}))
    with SqlDoor(Connection("postgres", "127.0.0.1", 9, "x", "zzlogin", "zzsecret")) as door:
        with pytest.raises(Unavailable) as away:
            door.newest(VISITS)
    assert "zz" not in str(away.value)


def test_another_kind_of_connection_is_refused():
    with pytest.raises(UsageError, match="sqlite or postgres, not file"):
        SqlDoor(Connection("file"))


def test_a_date_cursor_of_the_driver_is_a_date(postgres_server):
    with _postgres(postgres_server) as (engine, connection):
        with engine.begin() as writing:
            writing.execute(sa.text("CREATE TABLE v (id int, at date)"))
            writing.execute(sa.text("INSERT INTO v VALUES (1, '2025-03-01')"))
        with SqlDoor(connection) as door:
            assert door.newest(SqlTable("v", ("id",), "at", ("id",))) == date(2025, 3, 1)


@pytest.mark.parametrize("page_rows", [1, 2, 3, 9])
def test_a_key_that_is_not_unique_stops_before_a_row_is_missed(database, page_rows):
    engine, connection = database
    create(engine, row(1), row(2, note="a"), row(2, note="b"), row(3))
    with SqlDoor(connection) as door, pytest.raises(RefusedForGood) as refused:
        list(door.rows(VISITS, since=None, until=door.newest(VISITS), page_rows=page_rows))
    assert "table visits has two rows of one changed and one key (id): the key is not unique" in str(refused.value)


def test_moments_that_python_cannot_hold_come_as_they_are_written_and_stop_nobody_else(postgres_server):
    with _postgres(postgres_server) as (engine, connection):
        with engine.begin() as writing:
            writing.execute(sa.text("CREATE TABLE odd (id INTEGER, day DATE, at TIMESTAMP, hour TIME, z TIMESTAMPTZ)"))
            writing.execute(
                sa.text(
                    "INSERT INTO odd VALUES (1, 'infinity', '-infinity', '24:00', 'infinity'),"
                    " (2, '2025-03-01', '2025-03-01 08:00', '08:00', '2025-03-01 08:00+01')"
                )
            )
        table = SqlTable("odd", ("id", "day", "at", "hour", "z"), "at", ("id",))
        with SqlDoor(connection) as door:
            found = [orjson.loads(record) for record, _ in door.rows(table, since=None, until=door.newest(table))]
    assert [
        {"id": 1, "day": "infinity", "at": "-infinity", "hour": "24:00:00", "z": "infinity"},
        {
            "id": 2,
            "day": "2025-03-01",
            "at": "2025-03-01 08:00:00",
            "hour": "08:00:00",
            "z": "2025-03-01 07:00:00+00:00",
        },
    ] == found


def test_a_value_of_another_type_is_no_reason_to_try_again(postgres_server):
    with _postgres(postgres_server) as (engine, connection):
        with engine.begin() as writing:
            writing.execute(sa.text("CREATE TABLE visits (id INTEGER, note TEXT, changed TIMESTAMP)"))
        with SqlDoor(connection) as door, pytest.raises(RefusedForGood, match="a value that cannot be read"):
            list(door.rows(VISITS, since="zz", until=None))
