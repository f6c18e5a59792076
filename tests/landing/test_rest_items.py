"""Windows over a REST table: page after page from a server that behaves badly, and every item once."""

import json
import time
from collections import Counter
from datetime import datetime

import orjson
import pytest
from landing_builders import Door, Killed, folder_of, killed_at, small_partitions, stores_of

from passerelle.doors.connections import Connection
from passerelle.errors import RefusedForGood, Unavailable
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH, Misbehaviour, serve
from passerelle.stores.ledger import Ledger, windows

DEMANDS = {
    "format": "rest",
    "rest": {"resource": "v1/demandes", "limit": 5},
    "key": ["id"],
    "order": {"column": "changed"},
    "columns": {
        "id": {"type": "integer"},
        "changed": {"type": "datetime", "path": "modifie_le"},
        "birth": {"path": "personne.date_naissance", "identity": True},
    },
}
AWFUL = Misbehaviour(
    too_many=0.4, cut=0.4, expired=0.4, failing=0.4, slow=0.2, slow_seconds=0.01, retry_after=0, seed=4
)


@pytest.fixture
def door(sqlite_url, data, keys, monkeypatch):
    ledger = Ledger.open(sqlite_url)
    # As patient as ever, but nobody waits for it.
    monkeypatch.setattr(
        "passerelle.doors.http.Patience.__init__.__defaults__", (6, 0.001, 5.0, 5.0, 5.0, 60.0, time.sleep)
    )

    def make(server, **changed):
        connection = Connection(
            "http", server.url, login=CLIENT_ID, password=CLIENT_SECRET, extra={"token_path": TOKEN_PATH}
        )
        return Door(
            stores_of(ledger, data, keys), folder_of({"demands": {**DEMANDS, **changed}}), connection, "demands"
        )

    yield make
    ledger.close()


def written(territory, table="demandes"):
    return [json.loads(raw) for raw in (territory / f"sources/siao/{table}.ndjson").read_bytes().splitlines()]


def test_every_item_comes_once_from_a_server_that_behaves_in_every_bad_way(door, territory):
    with serve(territory, misbehaviour=AWFUL) as server:
        door = door(server)
        (batch,) = door.land()
        counts = server.counts
    assert {way for way in ("too_many", "cut", "expired", "failing", "slow") if counts.get(way)} == {
        "too_many",
        "cut",
        "expired",
        "failing",
        "slow",
    }
    assert [json.loads(raw) for raw in door.raw(batch)] == written(territory)
    assert door.states(batch) == {"passed": len(written(territory))}
    assert door.discrepancies() == []


def test_a_second_land_asks_from_the_last_change_on_and_is_no_batch(door, territory):
    with serve(territory) as server:
        door = door(server)
        door.land()
        before, asked = door.everything(), server.counts["requests"]
        assert door.land() == []
        assert door.everything() == before
        assert server.counts["requests"] - asked == 1
    assert door.told()["duplicate"] >= 1


def test_only_what_changed_since_then_is_new(door, territory, tmp_path):
    everything = written(territory)
    folder = tmp_path / "region/sources/siao"
    folder.mkdir(parents=True)
    body = [json.dumps(tree, separators=(",", ":")) for tree in everything]
    (folder / "demandes.ndjson").write_text("\n".join(body[:-3]) + "\n")
    with serve(tmp_path / "region") as server:
        (first,) = door(server).land()
    (folder / "demandes.ndjson").write_text("\n".join(body) + "\n")
    with serve(tmp_path / "region") as server:
        later = door(server)
        (second,) = later.land()
    assert (first.records, later.states(second)["passed"]) == (len(everything) - 3, 3)
    assert second.records < len(everything)


@pytest.mark.parametrize("number", [3, 4, 5])
def test_killed_and_run_again_it_goes_on_in_the_middle_of_a_page(door, territory, number, monkeypatch):
    small_partitions(monkeypatch)
    with serve(territory) as server:
        door = door(server, rest={"resource": "v1/demandes", "limit": 7})
        with monkeypatch.context() as patched:
            killed_at(door.stores, patched, number)
            with pytest.raises(Killed):
                door.land()
        (batch,) = door.land()
    assert [json.loads(raw) for raw in door.raw(batch)] == written(territory)
    assert door.states(batch) == {"passed": len(written(territory))}
    assert door.discrepancies() == []


def test_f030_a_page_that_the_server_forgot_begins_the_chain_anew(door, territory, monkeypatch):
    """What came before the forgotten page comes again, and is a duplicate."""
    small_partitions(monkeypatch)
    with serve(territory) as server:
        door = door(server)
        with monkeypatch.context() as patched:
            killed_at(door.stores, patched, 4)  # the first ten items are committed
            with pytest.raises(Killed):
                door.land()
        with monkeypatch.context() as patched:
            patched.setattr("passerelle.simulator.serving._position", _only_new(server))
            (batch,) = door.land()
        assert door.told(back=1)["chains_begun_again"] == 1
    assert Counter(door.states(batch)) == {"passed": len(written(territory)), "duplicate": 10}
    assert sorted(json.loads(raw)["id"] for raw in door.passed_records()) == sorted(
        tree["id"] for tree in written(territory)
    )
    assert door.discrepancies() == []


def _only_new(server):
    """The first cursor that is shown is unknown; those given afterwards are known."""
    from http import HTTPStatus

    from passerelle.simulator import serving

    real, asked = serving._position, []

    def position(cursor, most):
        asked.append(cursor)
        if len(asked) == 1:
            raise serving._Answer(HTTPStatus.BAD_REQUEST, "unknown_cursor")
        return real(cursor, most)

    return position


def test_a_window_asked_for_by_name_takes_those_days(door, territory):
    days = sorted(tree["modifie_le"][:10] for tree in written(territory))
    since, until = days[len(days) // 3], days[2 * len(days) // 3]
    with serve(territory) as server:
        door = door(server)
        (batch,) = door.land(since=since, until=until)
        found = [json.loads(raw)["modifie_le"] for raw in door.raw(batch)]
        (rest,) = door.land()
    assert all(since <= day[:10] <= until for day in found)
    assert batch.records == sum(since <= day <= until for day in days)
    assert batch.records + door.states(rest)["passed"] == len(days)


def test_the_moment_of_the_last_change_is_nowhere_in_the_clear(door, territory):
    with serve(territory) as server:
        door = door(server)
        door.land()
        door.land()
    with door.stores.ledger.read() as tx:
        bounds = [windows.by_id(tx, number).bounds for number in (1, 2)]
    assert bounds == ["{}", "{}"]
    last = max(datetime.fromisoformat(tree["modifie_le"]) for tree in written(territory))
    assert last.year == 2025


def test_a_server_that_stays_away_leaves_the_window_open(door, territory):
    with serve(territory) as server:
        door = door(server)
    with pytest.raises(Unavailable):
        door.land()
    with door.stores.ledger.read() as tx:
        assert windows.left_open(tx, "door", "demands") is not None
    assert door.everything() == ([], [])


def test_an_answer_without_a_list_is_refused_for_good(door, territory):
    with serve(territory) as server:
        door = door(server, rest={"resource": "v1/demandes", "items": "data"})
        with pytest.raises(RefusedForGood, match="without a list at data"):
            door.land()


def test_a_full_page_that_says_nothing_of_the_next_is_refused_for_good(door, territory):
    with serve(territory) as server:
        door = door(server, rest={"resource": "v1/demandes", "limit": 5, "next": "following"})
        with pytest.raises(RefusedForGood, match="a full page without following: ask whether it was renamed"):
            door.land()


@pytest.mark.parametrize("following", [True, 1.5, ["a"], {"a": 1}])
def test_a_cursor_is_a_text_or_a_whole_number(door, territory, monkeypatch, following):
    monkeypatch.setattr("passerelle.doors.http.RestDoor.page", lambda *_: {"items": [], "next_cursor": following})
    with serve(territory) as server:
        door = door(server)
        with pytest.raises(RefusedForGood, match="no text or whole number at next_cursor"):
            door.land()


def test_an_item_that_is_none_stops_and_its_neighbours_pass(door, territory, monkeypatch):
    items = [{"id": 1, "modifie_le": "2025-01-01T10:00:00"}, orjson.Fragment(b'{"id":2,"id":3}')]
    monkeypatch.setattr("passerelle.doors.http.RestDoor.page", lambda *_: {"items": items, "next_cursor": None})
    with serve(territory) as server:
        door = door(server)
        (batch,) = door.land()
    assert [orjson.dumps(items[0]), b'{"id":2,"id":3}'] == door.raw(batch)
    assert {"passed": 1, "quarantined": 1} == door.states(batch)


def test_a_table_that_the_server_does_not_have_is_refused_for_good(door, territory):
    with serve(territory) as server:
        door = door(server, rest={"resource": "v1/nothing"})
        with pytest.raises(RefusedForGood, match="v1/nothing answered 404"):
            door.land()
