"""A row that is lost, doubled or counted twice is found, and the sentence names batch and stage, or cut and scope."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import region as regions

from passerelle.cli import main
from passerelle.errors import BrokenPromise
from passerelle.records import Reason, Stage, State, Stop
from passerelle.stores import sums
from passerelle.stores.files import path_below
from passerelle.stores.ledger import batches, cuts, items, key_index, outbox, stored, tallies
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


# Commands that go red ------------------------------------------------------------------------------------------------


def lose_a_row(instance):
    rewritten(instance, lambda rows: rows.slice(1))


def double_a_row(instance):
    rewritten(instance, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))


def count_a_row_twice(instance):
    batch = batch_of(instance)
    with instance.stores.ledger.read() as tx:
        row = items.found(tx, batch_id=batch.id, stage=Stage.CHECK)[0].row
    stop = Stop(row, Stage.MAP, State.QUARANTINED, Reason.UNKNOWN_CODE, "type_acte")
    instance.stores.ledger.in_transaction(lambda tx: items.put(tx, batch.id, [stop]))


def delete_a_file(instance):
    file_of(instance, FileKind.RESOURCES)[1].unlink()


PLANTS = [
    (lose_a_row, "map emitted"),
    (double_a_row, "1 resources are in the lake twice for the same record"),
    (count_a_row_twice, "1 rows are stopped at two stages and counted twice"),
    (delete_a_file, "the lake file lake/"),
]


@pytest.fixture(scope="module")
def mapped(region, migrated_sqlite, tmp_path_factory):
    """An instance whose centre was run up to map: nothing of it is seen yet. Nobody writes into it."""
    place = regions.Place(tmp_path_factory.mktemp("mapped"), template=migrated_sqlite, sources=region / "sources")
    opened = place.open()
    regions.run_with(opened, place, ["csapa"], stages=[Stage.LAND, Stage.CHECK, Stage.MAP])
    yield opened
    opened.close()


def typed(instance, words, monkeypatch, capsys):
    """The exit code, and what stderr shows."""
    for name, value in regions.environment(instance.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["passerelle", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("plant", "wanted"), PLANTS)
def test_a_run_that_ends_with_wrong_sums_is_red(mapped, plant, wanted, tmp_path, monkeypatch, capsys):
    copied = regions.copy_of(mapped, tmp_path / "copy")
    plant(copied)
    copied.close()

    code, said = typed(copied, ["run", "csapa"], monkeypatch, capsys)

    assert code == 5
    assert f"{BATCH}, map: {wanted}" in said


def test_a_run_that_finds_nothing_new_is_red_all_the_same_when_a_file_is_gone(instance, monkeypatch, capsys):
    assert typed(instance, ["run", "csapa"], monkeypatch, capsys)[0] == 0
    delete_a_file(instance)

    code, said = typed(instance, ["run", "csapa"], monkeypatch, capsys)

    assert code == 5
    assert f"{BATCH}, map: the lake file lake/" in said


@pytest.mark.parametrize(("plant", "wanted"), PLANTS)
def test_a_run_of_the_territory_over_wrong_sums_is_red(instance, plant, wanted, tmp_path, monkeypatch, capsys):
    plant(instance)

    code, said = typed(instance, ["territory", "run", "--out", str(tmp_path / "export")], monkeypatch, capsys)

    assert code == 5
    assert f"{BATCH}, map: {wanted}" in said


# A cut ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def delivered(exported, tmp_path):
    """A copy of the instance that was linked and delivered: a test may spoil it."""
    copied = regions.copy_of(exported, tmp_path)
    sums.require(copied.stores.ledger, copied.stores.vault, copied.stores.lake)
    yield copied
    copied.close()


def spoiled(instance, sql, *values):
    told = instance.stores.ledger.in_transaction(lambda tx: tx.connection.exec_driver_sql(sql, values).rowcount)
    assert told > 0


def wrong_of_the_cut(instance):
    """The sentences about the last cut."""
    stores = instance.stores
    with stores.ledger.read() as tx:
        cut = cuts.last(tx).name
    told = sums.recount(stores.ledger, stores.vault, stores.lake)
    assert {one.batch for one in told} == {cut}
    return [f"{one.stage}: {one.sentence}" for one in told]


@pytest.mark.parametrize(
    ("stage", "scope", "state"),
    [
        ("link", "ins", "passed"),
        ("link", "ins", "quarantined"),
        ("link", "orientation-slip", "passed"),
        ("link", "orientation-slip", "pending"),
        ("link", "orientation-number", "passed"),
        ("link", "hospital_discharge.csapa_contact.d30", "passed"),
        ("link", "hospital_discharge.csapa_contact.d30", "suppressed"),
        ("link", "hospital_discharge.housing_first_night.d1", "rejected"),
        ("link", "prison_release.csapa_contact.d7", "passed"),
        ("deliver", "export", "passed"),
        ("deliver", "export", "suppressed"),
        ("deliver", "export", "out-of-scope"),
        ("deliver", "follow-up.chu", "passed"),
        ("deliver", "follow-up.chu", "suppressed"),
    ],
)
def test_a_tally_of_the_cut_that_grew_is_found_at_its_stage_and_scope(delivered, stage, scope, state):
    spoiled(
        delivered,
        "INSERT INTO cut_tallies SELECT max(id), ?, ?, ?, 1 FROM cuts WHERE true ON CONFLICT DO UPDATE SET count = count + 1",
        *(stage, scope, state),
    )

    told = wrong_of_the_cut(delivered)

    assert told
    assert all(one.startswith(f"{stage}: ") and scope in one for one in told)


def test_tallies_of_the_cut_that_are_gone_are_missed(delivered):
    spoiled(delivered, "DELETE FROM cut_tallies WHERE scope IN ('ins', 'export', 'prison_release.csapa_contact.d7')")

    told = wrong_of_the_cut(delivered)

    assert any(one.startswith("link: ins: 0 links are counted as passed, ") for one in told)
    assert any(one.startswith("link: prison_release.csapa_contact.d7: 0 are counted as passed, ") for one in told)
    assert any(one.startswith("deliver: export: 0 resources are counted as passed, ") for one in told)


def test_a_count_that_moved_from_one_pathway_to_another_is_found(delivered):
    """Both expect the same follow-up within the same time: together they still hold as many as are stated."""
    for scope, by in (("hospital_discharge", 1), ("prison_release", -1)):
        named = f"{scope}.csapa_contact.d7"
        spoiled(delivered, "UPDATE cut_tallies SET count = count + ? WHERE scope = ? AND state = 'passed'", by, named)

    told = wrong_of_the_cut(delivered)

    assert [one.split(": ")[1] for one in told] == [
        "hospital_discharge.csapa_contact.d7",
        "prison_release.csapa_contact.d7",
    ]


def test_a_link_that_was_lost_is_missed(delivered):
    spoiled(delivered, "DELETE FROM links WHERE left_id = (SELECT min(left_id) FROM links WHERE kind = 'ins')")
    assert any(one.startswith("link: ins: ") and one.endswith(" are stored") for one in wrong_of_the_cut(delivered))


def test_a_receipt_that_was_lost_is_missed_at_deliver(delivered):
    with delivered.stores.ledger.read() as tx:
        held = len(outbox.receipts_of(tx, "export"))
    spoiled(delivered, "DELETE FROM receipts WHERE resource_id = (SELECT min(resource_id) FROM receipts)")
    sentence = f"deliver: export: {held} resources are counted as passed, the target holds {held - 1}"
    assert sentence in wrong_of_the_cut(delivered)


def test_a_scope_that_nothing_was_delivered_to_is_found(delivered):
    spoiled(delivered, "INSERT INTO cut_tallies SELECT id, 'deliver', 'nobody', 'passed', 3 FROM cuts")
    assert wrong_of_the_cut(delivered) == ["deliver: nobody: resources are counted, and nothing was delivered there"]


def test_a_run_of_a_source_after_a_cut_leaves_the_sums_of_the_cut_as_they_are(delivered):
    """What stands has changed since; what was counted then is no lie."""
    stores = delivered.stores
    batch = batch_of(delivered)
    with stores.ledger.read() as tx:
        stopped = {item.row for item in items.found(tx, batch_id=batch.id)}
    row = min(set(range(batch.records)) - stopped)

    def publish_again(tx):
        items.stop_passed(tx, batch.id, [Stop(row, Stage.MAP, State.QUARANTINED, Reason.UNKNOWN_CODE, "type_acte")])
        tx.connection.exec_driver_sql("UPDATE batches SET generation = generation + 1 WHERE id = ?", (batch.id,))

    stores.ledger.in_transaction(publish_again)
    assert [one for one in sums.recount(stores.ledger, stores.vault, stores.lake) if one.stage is Stage.DELIVER] == []


def test_the_command_line_says_which_scope_of_the_cut_is_wrong(delivered, monkeypatch, capsys):
    assert typed(delivered, ["ledger", "verify"], monkeypatch, capsys)[0] == 0
    spoiled(delivered, "UPDATE cut_tallies SET count = count + 1000 WHERE stage = 'deliver' AND state = 'passed'")

    code, said = typed(delivered, ["ledger", "verify"], monkeypatch, capsys)

    assert code == 5
    assert "cut-000001, deliver: export: " in said
