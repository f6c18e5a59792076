"""A second run of everything adds no batch, no file, no row of the ledger but the run log."""

import shutil

import pytest
import region as regions

from passerelle.pipeline.territory import run_territory
from passerelle.pipeline.unchanged import differences, state_of
from passerelle.stores.ledger import run_log


@pytest.fixture(scope="module")
def carried(exported, tmp_path_factory):
    """A copy of the instance that was linked and exported, and its export."""
    root = tmp_path_factory.mktemp("carried")
    instance = regions.copy_of(exported, root)
    instance.place = exported.place
    shutil.copytree(exported.settings.data.parent / "export", root / "export")
    yield instance, root / "export"
    instance.close()


def files_below(folder):
    """Everything that lies there, named in the ledger or not."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def last_line(instance):
    with instance.stores.ledger.read() as tx:
        return run_log.last(tx, 1)


def test_running_every_source_again_changes_nothing_but_the_run_log(carried):
    instance, export = carried
    before, files, line = state_of(instance, export), files_below(instance.settings.data), last_line(instance)
    told = regions.run_with(instance, instance.place)
    assert {name: (one.landed, one.stopped, one.published) for name, one in told.items()} == {
        name: ([], [], []) for name in regions.SOURCES
    }
    assert differences(before, state_of(instance, export)) == []
    assert files_below(instance.settings.data) == files
    assert last_line(instance) != line


def test_linking_and_exporting_again_changes_nothing_either(carried):
    instance, export = carried
    before, files = state_of(instance, export), files_below(export)
    run_territory(instance, export, page=export.parent / "page.html")
    assert differences(before, state_of(instance, export)) == []
    assert files_below(export) == files


def test_every_file_is_named_in_the_ledger(carried):
    from passerelle.stores.ledger import stored

    instance, _ = carried
    with instance.stores.ledger.read() as tx:
        named = stored.known_names(tx)
    assert set(files_below(instance.settings.data)) == named


def test_what_changed_would_be_seen(carried):
    """The comparison itself: a spoiled export file and a forgotten item are differences."""
    instance, export = carried
    before = state_of(instance, export)
    path = min(export.rglob("*.ndjson"))
    kept = path.read_bytes()
    path.write_bytes(kept + b"\n")
    assert differences(before, state_of(instance, export)) == [f"export file {path.relative_to(export)} is another"]
    path.write_bytes(kept)
    assert differences(before, state_of(instance, export)) == []
    instance.stores.ledger.in_transaction(
        lambda tx: tx.connection.exec_driver_sql("UPDATE items SET place = 'elsewhere' WHERE row = 0")
    )
    assert differences(before, state_of(instance, export)) == ["ledger table items is another"]
