"""A batch that check stopped as a whole may be opened again; what a person closed stays closed."""

from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores.ledger import batches, items, leases, tallies
from passerelle.stores.ledger.batches import BatchState


def test_a_stopped_batch_stands_as_landed_again(ledger):
    lease = ledger.in_transaction(lambda tx: leases.take(tx, "run:csapa", "me", 60))

    def stop(tx):
        batch = batches.start(
            tx, lease, source="csapa", table_name="contacts", window_id=None, wrapped_key=b"k", contract_digest="d"
        )
        batches.commit_part(tx, lease, batch.id, Stage.LAND, 0, passed=2)
        batches.advance(tx, lease, batch.id, BatchState.LANDED, records=2, partitions=1)
        stops = [
            Stop(row, Stage.CHECK, State.QUARANTINED, Reason.BATCH_STOPPED, "limits#stopped_share") for row in (0, 1)
        ]
        batches.commit_part(tx, lease, batch.id, Stage.CHECK, 0, passed=0, stops=stops)
        batches.advance(tx, lease, batch.id, BatchState.STOPPED)
        items.move(tx, batch.id, Stage.CHECK, 1, State.REJECTED, by="somebody")
        return batch

    batch = ledger.in_transaction(stop)
    ledger.in_transaction(lambda tx: batches.reopen(tx, lease, batch.id))

    with ledger.read() as tx:
        assert BatchState.LANDED is batches.by_id(tx, batch.id).state
        assert [(1, State.REJECTED)] == [(item.row, item.state) for item in items.found(tx, batch_id=batch.id)]
        assert 1 == tallies.received(tallies.of(tx, batch.id), Stage.CHECK)
        assert set() == batches.parts_done(tx, batch.id, Stage.CHECK)
