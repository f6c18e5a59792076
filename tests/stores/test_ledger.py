"""The ledger keeps its promises alike on SQLite and PostgreSQL."""

import threading

import pytest

from passerelle.errors import BrokenPromise, Unavailable
from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores.ledger import batches, items, key_index, leases, tallies
from passerelle.stores.ledger.batches import BatchState
from passerelle.stores.ledger.holders import is_gone, this_holder
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.ledger.supplements import Supplement, apply


def begun(ledger):
    lease = ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", "me", 60))
    batch = ledger.in_transaction(
        lambda tx: batches.start(
            tx,
            lease,
            source="csapa",
            table_name="contacts",
            window_id=None,
            wrapped_key=b"k",
            contract_digest="d",
        )
    )
    return lease, batch


def mapped(ledger, *, passed: int, stops=(), fan_out: int = 0):
    """A batch of three records, published."""
    lease, batch = begun(ledger)

    def act(tx):
        for stage in (Stage.LAND, Stage.CHECK):
            batches.commit_part(tx, lease, batch.id, stage, 0, passed=3)
        batches.advance(tx, lease, batch.id, BatchState.LANDED, records=3, partitions=1)
        batches.advance(tx, lease, batch.id, BatchState.CHECKED)
        batches.commit_part(tx, lease, batch.id, Stage.MAP, 0, passed=passed, stops=stops, fan_out=fan_out)
        batches.advance(tx, lease, batch.id, BatchState.MAPPED)
        tallies.add(tx, batch.id, Stage.VALIDATE, State.PASSED, fan_out)
        batches.advance(tx, lease, batch.id, BatchState.PUBLISHED)

    ledger.in_transaction(act)
    return lease, batch


def test_a_batch_is_named_by_source_table_and_number(ledger):
    _, batch = begun(ledger)

    assert "csapa-contacts-000001" == batch.name


def test_a_second_worker_is_refused_while_the_first_holds_the_lease(ledger):
    ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", "elsewhere:1:1", 60))

    with pytest.raises(Unavailable, match="is under way"):
        ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", "me", 60))


def test_a_worker_whose_lease_was_taken_over_commits_nothing(ledger):
    lease, batch = begun(ledger)
    ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", "me", 60))

    with pytest.raises(leases.StaleLease):
        ledger.in_transaction(lambda tx: batches.commit_part(tx, lease, batch.id, Stage.LAND, 0, passed=1))
    with ledger.read() as tx:
        assert {} == tallies.of(tx, batch.id)


def test_the_lease_of_a_process_that_is_gone_is_free(ledger):
    host, number, _ = this_holder().rsplit(":", 2)
    dead = f"{host}:{number}:1"
    ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", dead, 3600))

    taken = ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", "me", 60))

    assert 2 == taken.fence
    assert is_gone(dead)
    assert not is_gone(this_holder())
    assert not is_gone("another-host:1:1")


def test_a_partition_is_committed_once(ledger):
    lease, batch = begun(ledger)
    ledger.in_transaction(lambda tx: batches.commit_part(tx, lease, batch.id, Stage.LAND, 0, passed=1))

    with pytest.raises(BrokenPromise, match="before"):
        ledger.in_transaction(lambda tx: batches.commit_part(tx, lease, batch.id, Stage.LAND, 0, passed=1))


def test_a_batch_skips_no_state(ledger):
    lease, batch = begun(ledger)

    with pytest.raises(BrokenPromise, match="cannot become"):
        ledger.in_transaction(lambda tx: batches.advance(tx, lease, batch.id, BatchState.PUBLISHED))


def test_keys_are_found_by_bytes_in_the_order_of_their_versions(ledger):
    entries = [Entry(bytes([1] * 16), order, 1, row, bytes(16)) for row, order in enumerate(["b", "a", "é", "z"])]
    ledger.in_transaction(lambda tx: key_index.insert(tx, "csapa", "contacts/key", entries))

    with ledger.read() as tx:
        found = key_index.lookup(tx, "csapa", "contacts/key", [bytes([1] * 16)])

    assert ["a", "b", "z", "é"] == [entry.ord for entry in found]


def test_two_threads_add_to_one_tally(ledger):
    _, batch = begun(ledger)

    def add():
        for _ in range(20):
            ledger.in_transaction(lambda tx: tallies.add(tx, batch.id, Stage.LAND, State.PASSED, 1))

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with ledger.read() as tx:
        assert 40 == tallies.of(tx, batch.id)[Stage.LAND, State.PASSED]


def test_a_record_evaluated_again_moves_inside_its_own_sums(ledger):
    waits = Stop(2, Stage.MAP, State.PENDING, Reason.WAITS_FOR_PARENT, "num_pec", pending_key=bytes(16))
    lease, batch = mapped(ledger, passed=2, stops=[waits], fan_out=4)

    freed = Supplement(batch.id, verdicts={2: None}, before={}, after={2: 3})
    ledger.in_transaction(lambda tx: apply(tx, lease, freed))

    with ledger.read() as tx:
        told = tallies.of(tx, batch.id)
        assert 3 == told[Stage.MAP, State.PASSED]
        assert 0 == told[Stage.MAP, State.PENDING]
        assert 7 == told[Stage.VALIDATE, State.PASSED] == tallies.fan_out(tx, batch.id)
        assert [] == items.found(tx, batch_id=batch.id)


def test_a_record_that_stood_and_stops_takes_its_resources_with_it(ledger):
    lease, batch = mapped(ledger, passed=3, fan_out=6)
    stop = Stop(1, Stage.MAP, State.QUARANTINED, Reason.CONFLICTING_VERSION)

    ledger.in_transaction(
        lambda tx: apply(tx, lease, Supplement(batch.id, verdicts={1: stop}, before={1: 2}, after={1: 2}))
    )

    with ledger.read() as tx:
        told = tallies.of(tx, batch.id)
        assert (2, 1) == (told[Stage.MAP, State.PASSED], told[Stage.MAP, State.QUARANTINED])
        assert 4 == told[Stage.VALIDATE, State.PASSED] == tallies.fan_out(tx, batch.id)
