"""Which batches become visible in one transaction."""

import pytest
from shop import Shop, record

from passerelle.pipeline.ordering import published_together
from passerelle.records import Stage
from passerelle.stores.ledger import batches
from passerelle.stores.ledger.batches import Batch, BatchState


def waiting(number, table, records):
    """A mapped batch of the table."""
    name = f"ward-{table}-{number:06d}"
    return Batch(number, name, "ward", table, number, None, BatchState.MAPPED, records, 1, "c", b"", 1, "", 0, None)


def grouped(*listed):
    """The numbers of the batches, group by group."""
    batches_ = [waiting(number, table, records) for number, (table, records) in enumerate(listed, start=1)]
    return [[one.id for one in together] for together in published_together(batches_)]


def test_batches_of_different_tables_are_one_group():
    assert grouped(("people", 10), ("files", 10), ("acts", 10)) == [[1, 2, 3]]


def test_what_waits_for_nothing_is_no_group():
    assert grouped() == []


def test_a_second_batch_of_a_table_comes_after_the_first_is_seen():
    assert grouped(("people", 10), ("people", 10), ("files", 10), ("files", 10)) == [[1], [2, 3], [4]]


def test_a_group_has_no_more_than_two_million_records():
    assert grouped(("people", 1_200_000), ("files", 800_000), ("acts", 1)) == [[1, 2], [3]]


def test_a_batch_that_has_more_by_itself_is_alone():
    assert grouped(("people", 10), ("files", 2_400_000), ("acts", 10)) == [[1], [2], [3]]


@pytest.fixture
def mapped(migrated_sqlite, tmp_path):
    """An instance with a mapped batch of two tables."""
    opened = Shop(tmp_path, migrated_sqlite).open()
    opened.drop([record("people", "1", "F", changed=1), record("files", "1", "1", "fr", changed=1)])
    opened.run(stages=[Stage.LAND, Stage.CHECK, Stage.MAP])
    yield opened
    opened.close()


def states(opened):
    with opened.instance.stores.ledger.read() as tx:
        return {batch.name: batch.state.value for batch in batches.found(tx, source="ward")}


def test_a_batch_that_is_named_is_published_alone(mapped):
    told = mapped.run(stages=[Stage.VALIDATE], batch="ward-people-000001")

    assert told.published == ["ward-people-000001"]
    assert states(mapped) == {"ward-people-000001": "published", "ward-files-000001": "mapped"}


def test_progress_tells_how_many_batches_are_published(mapped):
    from passerelle.pipeline.running import Asked, run_source

    seen = []
    run_source(
        mapped.instance,
        "ward",
        mapped.place.connections,
        Asked([Stage.VALIDATE]),
        lambda *told: seen.append(told),
    )

    assert seen == [("ward validate", 0, 2), ("ward validate", 2, 2)]
