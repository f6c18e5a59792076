"""A land that is killed anywhere and run again ends as if it had never been killed."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from landing_builders import (
    ROWS,
    Door,
    Killed,
    contacts,
    drop,
    file_connection,
    folder_of,
    killed_at,
    line,
    lines,
    small_partitions,
    stores_of,
)

from passerelle.stores.ledger import batches, windows


def doubled(first, last):
    """Records, some of them twice, one of them unreadable."""
    return [*lines(first, last), "broken", *lines(first, first + 2)]


@pytest.fixture
def door(ledger, data, keys, tmp_path):
    inbox = tmp_path / "inbox"
    drop(inbox, "contacts/a.csv", lines(1, 12))
    door = Door(stores_of(ledger, data, keys), folder_of({"contacts": contacts()}), file_connection(inbox))
    door.inbox = inbox
    return door


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_killed_at_any_transaction_and_run_again_it_ends_the_same(number, after, door, monkeypatch):
    small_partitions(monkeypatch)
    drop(door.inbox, "contacts/b.csv", doubled(8, 31))
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, number, after=after)
        with pytest.raises(Killed):
            door.land()
    assert len(door.land()) <= 1
    assert door.land() == []
    landed, index = door.everything()
    assert [(name, str(state), records, partitions) for name, state, records, partitions, *_ in landed] == [
        ("door-contacts-000001", "landed", 40, 4)
    ]
    assert landed[0][4] == {"duplicate": 8, "passed": 31, "quarantined": 1}
    assert len(index) == 32
    assert door.passed_records() == sorted(line(number).encode() for number in range(1, 32))
    assert door.discrepancies() == []


def test_killed_between_two_partitions_the_committed_ones_stay_as_they_are(door, monkeypatch):
    small_partitions(monkeypatch)
    drop(door.inbox, "contacts/b.csv", lines(13, 25))
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, 5)  # lease, window, two partitions
        with pytest.raises(Killed):
            door.land()
    with door.stores.ledger.read() as tx:
        (left,) = batches.found(tx)
        window = windows.left_open(tx, "door", "contacts")
    assert (str(left.state), window.batch_id) == ("landing", left.id)
    assert door.raw(left) == [line(number).encode() for number in range(1, 21)]
    assert door.discrepancies() == []
    (batch,) = door.land()
    assert batch.id == left.id
    assert (batch.records, batch.partitions) == (25, 3)
    assert door.states(batch) == {"passed": 25}
    assert door.discrepancies() == []


def test_files_that_came_after_the_kill_are_a_batch_of_their_own(door, monkeypatch):
    small_partitions(monkeypatch)
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, 4)  # one partition is committed
        with pytest.raises(Killed):
            door.land()
    drop(door.inbox, "contacts/0.csv", lines(90, 91))
    first, second = door.land()
    assert (first.records, second.records) == (12, 2)
    assert door.raw(second) == [line(90).encode(), line(91).encode()]


def test_partitions_of_known_records_come_before_the_first_new_one(door, monkeypatch):
    small_partitions(monkeypatch)
    drop(door.inbox, "contacts/a.csv", lines(1, 25))
    door.land()
    drop(door.inbox, "contacts/b.csv", [*lines(1, 25), line(26), *lines(1, 9)])
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, 4)  # the first leading partition is committed
        with pytest.raises(Killed):
            door.land()
    (batch,) = door.land()
    assert (batch.records, batch.partitions) == (35, 4)
    assert door.states(batch) == {"duplicate": 34, "passed": 1}
    assert door.raw(batch)[25] == line(26).encode()
    assert door.discrepancies() == []


def test_a_file_that_is_gone_when_the_land_goes_on_loses_nothing_that_was_committed(door, monkeypatch):
    small_partitions(monkeypatch)
    drop(door.inbox, "contacts/b.csv", lines(13, 25))
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, 4)  # one partition: all but two records of the first file
        with pytest.raises(Killed):
            door.land()
    drop(door.inbox, "contacts/a.csv", lines(1, 12, hour=9))
    landed = door.land()
    assert [door.states(batch) for batch in landed] == [{"passed": 23}, {"passed": 12}]
    assert door.passed_records() == sorted(
        [line(n).encode() for n in (*range(1, 11), *range(13, 26))] + [line(n, hour=9).encode() for n in range(1, 13)]
    )
    assert door.discrepancies() == []


def test_a_file_that_was_renamed_meanwhile_is_found_by_its_content(door, monkeypatch):
    small_partitions(monkeypatch)
    with monkeypatch.context() as patched:
        killed_at(door.stores, patched, 4)
        with pytest.raises(Killed):
            door.land()
    (door.inbox / "contacts/a.csv").rename(door.inbox / "contacts/z.csv")
    (batch,) = door.land()
    assert door.states(batch) == {"passed": 12}


def test_a_worker_whose_lease_was_taken_commits_nothing_more(door, monkeypatch):
    from passerelle.errors import Unavailable
    from passerelle.stores.ledger import leases

    small_partitions(monkeypatch)
    ledger, real, seen = door.stores.ledger, door.stores.ledger.in_transaction, []

    def in_transaction(act):
        seen.append(act)
        if len(seen) == 4:
            real(lambda tx: leases.take(tx, "land:door", "worker", 600))
        return real(act)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "in_transaction", in_transaction)
        with pytest.raises(Unavailable):
            door.land()
    with ledger.read() as tx:
        (left,) = batches.found(tx)
    assert len(door.raw(left)) == ROWS
    (batch,) = door.land()
    assert door.states(batch) == {"passed": 12}


WORKER = """
import os, signal, sys
sys.path.insert(0, sys.argv[5])
from pathlib import Path
from landing_builders import Door, contacts, file_connection, folder_of, small_partitions, stores_of
from passerelle.stores.keys import KeyRing
from passerelle.stores.ledger import Ledger, key_index
class Patch:
    def setattr(self, module, name, value): setattr(module, name, value)
small_partitions(Patch())
url, data, inbox, dies = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
real, seen = key_index.insert, []
def insert(*arguments):
    seen.append(1)
    if len(seen) == dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
key_index.insert = insert
stores = stores_of(Ledger.open(url), data, KeyRing.demo())
Door(stores, folder_of({"contacts": contacts()}), file_connection(inbox)).land()
"""


def test_kill_minus_nine_inside_a_commit_leaves_nothing_half(door, ledger_url, data):
    small = pytest.MonkeyPatch()
    small_partitions(small)
    try:
        drop(door.inbox, "contacts/b.csv", lines(13, 35))
        arguments = [ledger_url, str(data), str(door.inbox), "3", os.path.dirname(__file__) + "/.."]
        killed = subprocess.run([sys.executable, "-c", textwrap.dedent(WORKER), *arguments], check=False)
        assert killed.returncode == -signal.SIGKILL
        with door.stores.ledger.read() as tx:
            (left,) = batches.found(tx)
        assert len(door.raw(left)) == 2 * ROWS
        assert door.discrepancies() == []
        (batch,) = door.land()
        assert (batch.id, door.states(batch)) == (left.id, {"passed": 35})
        assert door.discrepancies() == []
    finally:
        small.undo()
