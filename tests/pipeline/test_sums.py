"""A row that is lost, doubled or counted twice is found, and the sentence names batch and stage."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import region as regions

from passerelle.errors import BrokenPromise
from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores import sums
from passerelle.stores.files import path_below
from passerelle.stores.ledger import batches, items, key_index, stored, tallies
from passerelle.stores.ledger.stored import FileKind

BATCH = "csapa-contacts-000001"


@pytest.fixture
def instance(undisturbed, tmp_path):
    """A copy of the instance that everything was run in: a test may spoil it."""
    copied = regions.copy_of(undisturbed, tmp_path)
    sums.require(copied.stores.ledger, copied.stores.vault, copied.stores.lake)
    yield copied
    copied.close()


def batch_of(instance):
    with instance.stores.ledger.read() as tx:
        return batches.by_name(tx, BATCH)


def file_of(instance, kind):
    """The file of the batch, and where it lies."""
    with instance.stores.ledger.read() as tx:
        (file,) = stored.of_batch(tx, batch_of(instance).id, kind)
    return file, path_below(instance.settings.data, file.name)


def broken(instance):
    """The sentences about the batch."""
    stores = instance.stores
    with pytest.raises(BrokenPromise) as wrong:
        sums.require(stores.ledger, stores.vault, stores.lake)
    lines = str(wrong.value).splitlines()
    assert lines[0] == "the sums do not add up:"
    assert all(line.strip().startswith(BATCH) for line in lines[1:])
    return [line.strip().removeprefix(f"{BATCH}, ") for line in lines[1:]]


def rewritten(instance, change):
    """The lake file of the batch holds other rows, and the ledger believes it."""
    file, path = file_of(instance, FileKind.RESOURCES)
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)
    digest = regions.sha256(path)
    rows = pq.read_metadata(path).num_rows
    instance.stores.ledger.in_transaction(
        lambda tx: tx.connection.exec_driver_sql(
            "UPDATE files SET sha256 = ?, bytes = ?, rows = ? WHERE id = ?",
            (digest, path.stat().st_size, rows, file.id),
        )
    )


def test_an_item_that_was_lost_is_missed_at_its_stage(instance):
    batch = batch_of(instance)
    with instance.stores.ledger.read() as tx:
        lost = items.found(tx, batch_id=batch.id, stage=Stage.CHECK)[0]
    instance.stores.ledger.in_transaction(
        lambda tx: tx.connection.exec_driver_sql(
            "DELETE FROM items WHERE batch_id = ? AND stage = 'check' AND row = ?", (batch.id, lost.row)
        )
    )
    assert any(one.startswith("check: ") and "items are counted as quarantined" in one for one in broken(instance))


def test_a_record_that_was_never_counted_is_missed_at_land(instance):
    batch = batch_of(instance)
    instance.stores.ledger.in_transaction(lambda tx: tallies.add(tx, batch.id, Stage.LAND, State.PASSED, -1))
    told = broken(instance)
    assert any(one.startswith("land: land received") for one in told)
    assert any(one.startswith("check: land passed") for one in told)


def test_a_record_that_map_dropped_is_missed_at_map(instance):
    """Its resources are gone from the lake, and the fan-out with them: only the record itself says so."""
    batch = batch_of(instance)
    table = pq.read_table(file_of(instance, FileKind.RESOURCES)[1], partitioning=None)
    row = table.column("row")[0].as_py()
    gone = sum(one == row for one in table.column("row").to_pylist())
    rewritten(instance, lambda rows: rows.filter(pa.compute.not_equal(rows.column("row"), row)))

    def forget(tx):
        tallies.add_fan_out(tx, batch.id, -gone)
        tallies.add(tx, batch.id, Stage.VALIDATE, State.PASSED, -gone)

    instance.stores.ledger.in_transaction(forget)
    assert broken(instance) == [f"map: 1 records passed map and left nothing in the lake, the first is row {row}"]


def test_a_resource_that_was_lost_is_missed_at_map(instance):
    rewritten(instance, lambda rows: rows.slice(1))
    assert any(one.startswith("map: map emitted") for one in broken(instance))


def test_a_resource_that_lies_twice_is_found_at_map(instance):
    rewritten(instance, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
    assert "map: 1 resources are in the lake twice for the same record" in broken(instance)


def test_a_row_that_is_stopped_at_two_stages_is_counted_twice(instance):
    batch = batch_of(instance)
    with instance.stores.ledger.read() as tx:
        row = items.found(tx, batch_id=batch.id, stage=Stage.CHECK)[0].row
    stop = Stop(row, Stage.MAP, State.QUARANTINED, Reason.UNKNOWN_CODE, "type_acte")
    instance.stores.ledger.in_transaction(lambda tx: items.put(tx, batch.id, [stop]))
    told = broken(instance)
    assert any(f"counted twice, the first is row {row}" in one and one.startswith("map: ") for one in told)
    assert any(one.startswith("map: check passed") for one in told)


def test_a_lake_file_that_is_gone_is_missed_at_map(instance):
    file, path = file_of(instance, FileKind.RESOURCES)
    path.unlink()
    assert f"map: the lake file {file.name} is gone" in broken(instance)


def test_a_lake_file_of_other_bytes_is_found_at_map(instance):
    file, path = file_of(instance, FileKind.RESOURCES)
    pq.write_table(pq.read_table(path, partitioning=None), path, compression="none")
    assert f"map: {file.name} has not the content that the ledger names" in broken(instance)


def test_a_record_file_that_is_gone_is_missed_at_land(instance):
    file, path = file_of(instance, FileKind.RECORDS)
    path.unlink()
    (told,) = [one for one in broken(instance) if file.name in one]
    assert told.startswith("land: ")


def test_an_identity_file_that_was_cut_is_found_at_map(instance):
    file, path = file_of(instance, FileKind.IDENTITY)
    path.write_bytes(path.read_bytes()[:-40])
    (told,) = [one for one in broken(instance) if file.name in one]
    assert told.startswith("map: ")


def test_a_record_that_no_key_leads_to_is_missed_at_land(instance):
    batch = batch_of(instance)
    with instance.stores.ledger.read() as tx:
        stopped = {item.row for item in items.found(tx, batch_id=batch.id)}
    row = min(set(range(batch.records)) - stopped)
    instance.stores.ledger.in_transaction(lambda tx: key_index.forget(tx, batch.id, [row]))
    assert any(
        one.startswith("land: 1 rows passed land but are not in the key index, the first is row ")
        for one in broken(instance)
    )
