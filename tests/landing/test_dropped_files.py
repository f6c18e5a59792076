"""Files that are dropped into a folder: each content is landed once, whole, whatever it is called."""

import hashlib
import os
import time

import pytest
from landing_builders import Door, contacts, drop, file_connection, folder_of, line, lines, source_of, stores_of

from passerelle.errors import RefusedForGood, Unavailable, UsageError
from passerelle.landing import dropped_files
from passerelle.landing.dropped_files import snapshot_of
from passerelle.stores.keys import KeyRing
from passerelle.stores.ledger import leases, windows


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    (folder / "contacts").mkdir(parents=True)
    return folder


@pytest.fixture
def door(ledger, data, keys, inbox):
    def make(table=None, **kwargs):
        folder = folder_of({"contacts": table or contacts()}, **kwargs)
        return Door(stores_of(ledger, data, keys), folder, file_connection(inbox))

    return make


def test_new_files_become_one_batch_with_their_records_in_order_of_names(door, inbox):
    door = door()
    drop(inbox, "contacts/b.csv", [line(3), line(4)])
    drop(inbox, "contacts/a.csv", [line(1), line(2)])
    (batch,) = door.land(note="scheduled__2025")
    assert (batch.name, batch.state, batch.records, batch.partitions) == ("door-contacts-000001", "landed", 4, 1)
    assert batch.note == "scheduled__2025"
    assert door.states(batch) == {"passed": 4}
    assert door.raw(batch) == [line(n).encode() for n in (1, 2, 3, 4)]
    assert door.discrepancies() == []


def test_the_same_files_again_are_no_batch_and_change_nothing_but_the_run_log(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", lines(1, 3))
    door.land()
    before = door.everything()
    with door.stores.ledger.read() as tx:
        mark = windows.watermark(tx, "door", "contacts")
    assert door.land() == []
    assert door.everything() == before
    with door.stores.ledger.read() as tx:
        assert windows.watermark(tx, "door", "contacts") == mark
        assert windows.left_open(tx, "door", "contacts") is None
    assert door.told() == {"table": "contacts", "files": 1, "files_known": 1}


def test_a_corrected_file_under_the_same_name_is_a_new_batch_with_duplicates(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", [line(1), line(2), line(3)])
    door.land()
    drop(inbox, "contacts/a.csv", [line(1), line(2, hour=9), line(3), line(4)])
    (batch,) = door.land()
    assert door.states(batch) == {"duplicate": 2, "passed": 2}
    assert door.items(batch) == [(0, "duplicate", "same-bytes", ""), (2, "duplicate", "same-bytes", "")]
    assert door.raw(batch) == [b"", line(2, hour=9).encode(), b"", line(4).encode()]
    assert door.discrepancies() == []


def test_the_same_content_under_two_names_is_landed_once_and_counted(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", lines(1, 3))
    drop(inbox, "contacts/b.csv", lines(1, 3))
    (batch,) = door.land()
    assert batch.records == 3
    assert door.told()["files_same_content"] == 1
    drop(inbox, "contacts/c.csv", lines(1, 3))
    assert door.land() == []


def test_a_new_file_of_known_records_is_no_batch_and_is_not_looked_at_again(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", lines(1, 3))
    door.land()
    drop(inbox, "contacts/b.csv", lines(2, 3))
    assert door.land() == []
    assert door.told() == {"table": "contacts", "duplicate": 2, "files": 2, "files_known": 1, "files_read": 1}
    assert door.land() == []
    assert door.told() == {"table": "contacts", "files": 2, "files_known": 2}


def test_a_record_twice_in_one_batch_is_a_duplicate_the_second_time(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", [line(1), line(1), line(2)])
    drop(inbox, "contacts/b.csv", [line(2), line(3)])
    (batch,) = door.land()
    assert [row for row, *_ in door.items(batch)] == [1, 3]
    assert door.states(batch) == {"duplicate": 2, "passed": 3}


def test_a_file_without_its_marker_is_not_read(door, inbox):
    door = door()
    path = drop(inbox, "contacts/a.csv", lines(1, 2), marker=None)
    assert door.land() == []
    assert door.told() == {"table": "contacts", "files_incomplete": 1}
    path.with_name("a.csv.ok").touch()
    assert len(door.land()) == 1


def test_a_file_is_whole_when_the_manifest_has_its_hash(door, inbox):
    door = door(contacts(complete={"manifest": "contacts/SHA256SUMS"}))
    path = drop(inbox, "contacts/a.csv", lines(1, 2), marker=None)
    other = drop(inbox, "contacts/b.csv", lines(3, 4), marker=None)
    digests = [hashlib.sha256(one.read_bytes()).hexdigest() for one in (path, other)]
    other.write_bytes(other.read_bytes()[:-4])
    (inbox / "contacts/SHA256SUMS").write_text(f"{digests[0]}  a.csv\n{digests[1]}  b.csv\n{'0' * 64}  c.csv\n")
    (batch,) = door.land()
    assert batch.records == 2
    told = door.told()
    assert (told["files_incomplete"], told["files_listed_but_missing"]) == (1, 1)


def test_a_file_is_whole_when_nothing_touched_it_for_long_enough(door, inbox, monkeypatch):
    door = door(contacts(complete={"stable_for": 600}))
    path = drop(inbox, "contacts/a.csv", lines(1, 2), marker=None)
    os.utime(path, (1, 1))  # a time that was set by hand is no proof
    assert door.land() == []
    now = time.time()
    monkeypatch.setattr("passerelle.landing.dropped_files.time.time", lambda: now + 601)
    assert len(door.land()) == 1


@pytest.mark.parametrize(
    ("body", "reason", "place"),
    [
        (b"number;changed\n1;2025-03-01T08:00:00\n", "missing-column", "unit"),
        (b"\xff\xfen\x00u\x00m\x00", "undecodable-bytes", None),
    ],
)
def test_a_file_that_cannot_be_split_is_one_record_whose_bytes_are_kept(door, inbox, body, reason, place):
    door = door()
    path = drop(inbox, "contacts/a.csv", [])
    path.write_bytes(body)
    drop(inbox, "contacts/b.csv", [line(1)])
    (batch,) = door.land()
    assert batch.records == 2
    ((row, state, why, where),) = door.items(batch)
    assert (row, state, why) == (0, "quarantined", reason)
    assert place is None or where == place
    assert door.raw(batch)[0] == body
    assert door.discrepancies() == []


def test_a_file_that_could_not_be_split_is_read_again_once_its_contract_is_right_and_not_before(door, inbox):
    wrong = door(contacts(dialect={"charset": "utf-8", "delimiter": ";"}))
    path = drop(inbox, "contacts/a.csv", [])
    path.write_bytes("number;unit;changed;\xe9t\xe9\n1;U1;2025-03-01T08:00:00;x\n".encode("latin-1"))
    (stopped,) = wrong.land()
    assert wrong.told()["files_not_split"] == 1
    assert wrong.land() == []

    right = door(contacts(dialect={"charset": "latin-1", "delimiter": ";"}))
    (batch,) = right.land()

    assert (wrong.states(stopped), right.states(batch)) == ({"quarantined": 1}, {"passed": 1})
    assert right.land() == []


def test_what_is_there_and_cannot_be_landed_is_counted_by_its_kind(door, inbox, monkeypatch):
    door = door()
    drop(inbox, "contacts/a.csv", [])
    drop(inbox, "contacts/b.csv", [line(1)])
    (inbox / "contacts" / "folder.csv").mkdir()
    (inbox / "contacts" / "away.csv.ok").touch()
    hashed = dropped_files._sha256

    def forbidden(path):
        if path.name == "b.csv":
            raise PermissionError
        return hashed(path)

    monkeypatch.setattr(dropped_files, "_sha256", forbidden)

    assert door.land() == []
    told = door.told()
    assert {name: told[name] for name in told if name not in {"table", "files", "files_read"}} == {
        "files_that_are_none": 1,
        "files_unreadable": 1,
        "files_without_records": 1,
        "markers_without_file": 1,
    }


def test_a_record_that_cannot_be_read_keeps_its_bytes_and_is_known_the_next_time(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", [line(1), "2;U1", ";U1;2025-03-01T08:00:00", "3;U1;yesterday"])
    (batch,) = door.land()
    assert [(row, reason, place) for row, _, reason, place in door.items(batch)] == [
        (1, "wrong-column-count", ""),
        (2, "missing-key", "number"),
        (3, "bad-order", "changed"),
    ]
    assert door.raw(batch)[1:] == [b"2;U1", b";U1;2025-03-01T08:00:00", b"3;U1;yesterday"]
    drop(inbox, "contacts/b.csv", ["2;U1"])
    assert door.land() == []


def test_what_is_out_of_scope_is_counted_and_its_bytes_are_kept_nowhere(door, inbox, data):
    door = door(contacts(scope={"column": "unit", "units": True, "missing": "out"}), units=("U1",))
    drop(inbox, "contacts/a.csv", [line(1), line(2, unit="ELSEWHERE"), line(3, unit="")])
    (batch,) = door.land()
    assert door.items(batch) == [
        (1, "out-of-scope", "not-our-scope", "unit"),
        (2, "out-of-scope", "not-our-scope", "unit"),
    ]
    assert door.raw(batch) == [line(1).encode(), b"", b""]
    assert door.told()["bytes_dropped"] == len(line(2, unit="ELSEWHERE")) + len(line(3, unit=""))
    assert door.discrepancies() == []
    drop(inbox, "contacts/b.csv", [line(2, unit="ELSEWHERE")])
    assert door.land() == []


def test_the_versions_that_are_known_do_not_depend_on_which_file_came_first(ledger, keys, tmp_path):
    first = [line(1), line(2), line(3)]
    second = [line(2, hour=9), line(3), line(4)]
    found = []
    for order in ([first, second], [second, first]):
        inbox = tmp_path / f"inbox{len(found)}"
        stores = stores_of(ledger, tmp_path / f"data{len(found)}", keys)
        door = Door(stores, folder_of({"contacts": contacts()}, name=f"door{len(found)}"), file_connection(inbox))
        (inbox / "contacts").mkdir(parents=True)
        for number, body in enumerate(order):
            drop(inbox, f"contacts/{number}.csv", body)
            door.land()
        found.append(door.passed_records())
    assert found[0] == found[1] == sorted(record.encode() for record in {*first, *second})


def test_an_unchanged_row_of_a_later_full_export_is_a_version_of_its_own(door, inbox):
    """Otherwise a row that changed and changed back would stay changed."""
    door = door(contacts(order={"snapshot": True}))
    drop(inbox, "contacts/export_20250301.csv", [line(1), line(2)])
    door.land()
    drop(inbox, "contacts/export_20250302.csv", [line(1), line(2)])
    (batch,) = door.land()
    assert door.states(batch) == {"passed": 2}
    assert door.land() == []


@pytest.mark.parametrize(
    ("name", "snapshot"),
    [
        ("export_20250301.csv", "20250301"),
        ("export-2025-03-01-v2.csv", "20250301"),
        ("x/202503.csv", "202503"),
        ("export_12.csv", "00000000000000000012"),
        ("export.csv", ""),
    ],
)
def test_the_snapshot_is_the_date_or_number_in_the_name(name, snapshot):
    assert snapshot_of(name) == snapshot


def test_a_window_that_is_asked_for_by_name_takes_the_files_of_those_days(door, inbox):
    door = door()
    for day in (1, 2, 3):
        drop(inbox, f"contacts/c_2025030{day}.csv", [line(day)])
    (batch,) = door.land(since="2025-03-02", until="2025-03-02")
    assert door.raw(batch) == [line(2).encode()]
    (rest,) = door.land()
    assert door.raw(rest) == [line(1).encode(), line(3).encode()]


def test_nothing_outside_the_folder_is_read(door, inbox, tmp_path):
    door = door()
    outside = drop(tmp_path, "outside.csv", [line(9)], marker=None)
    (inbox / "contacts/a.csv").symlink_to(outside)
    (inbox / "contacts/a.csv.ok").touch()
    assert door.land() == []


def test_the_name_of_a_file_is_nowhere_in_the_clear(door, inbox, data, tmp_path):
    door = door()
    drop(inbox, "contacts/zzcanary_durand.csv", ["1;ZZCANARY;2025-03-01T08:00:00"])
    (batch,) = door.land()
    with door.stores.ledger.read() as tx:
        window = windows.by_id(tx, batch.window_id)
    assert "canary" not in window.bounds.lower()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and inbox not in path.parents]
    assert files
    for path in files:
        assert b"canary" not in path.read_bytes().lower()
        assert "canary" not in path.name.lower()


def test_two_workers_do_not_land_the_same_source_at_once(door, inbox):
    door = door()
    drop(inbox, "contacts/a.csv", [line(1)])
    door.stores.ledger.in_transaction(lambda tx: leases.take(tx, "land:door", "another", 600))
    with pytest.raises(Unavailable):
        door.land()


def test_a_production_source_is_refused_with_the_published_keys(ledger, data, inbox):
    folder = folder_of({"contacts": contacts()}, environment="production")
    with pytest.raises(RefusedForGood, match="published"):
        Door(stores_of(ledger, data, KeyRing.demo()), folder, file_connection(inbox)).land()


def test_a_table_or_folder_that_is_not_there_is_said(door, inbox):
    door = door()
    with pytest.raises(UsageError, match="door has no table visits; it has contacts"):
        Door(door.stores, door.folder, door.connection, table="visits").land()
    with pytest.raises(Unavailable, match="folder"):
        Door(door.stores, door.folder, file_connection(inbox / "elsewhere")).land()


def test_the_contract_of_a_batch_is_kept_with_it(door, inbox):
    from passerelle.stores.ledger import contracts

    door = door()
    drop(inbox, "contacts/a.csv", [line(1)])
    (batch,) = door.land()
    assert batch.contract_digest == "1" * 64
    with door.stores.ledger.read() as tx:
        assert contracts.of(tx, batch.contract_digest) is not None
    assert source_of({"contacts": contacts()}).source == "door"


def test_f023_a_file_that_is_written_while_it_is_read_is_read_again_as_it_is_then(door, inbox, monkeypatch):
    door = door()
    path = drop(inbox, "contacts/a.csv", lines(1, 3))
    real, calls = dropped_files.split_file, []

    def split_file(table, file):
        calls.append(file)
        for record in real(table, file):
            yield record
            if len(calls) == 2 and record == line(3).encode():
                with path.open("a") as still_writing:
                    still_writing.write(line(9) + "\n")

    with monkeypatch.context() as patched:
        patched.setattr(dropped_files, "split_file", split_file)
        with pytest.raises(Unavailable, match="changed while it was read"):
            door.land()
    assert door.everything() == ([], [])
    (batch,) = door.land()
    assert door.raw(batch)[:3] == [line(n).encode() for n in (1, 2, 3)]
    assert door.states(batch)["passed"] == 4
    assert door.land() == []
