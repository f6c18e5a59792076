"""Files appear whole or not at all, and under names that tell nothing."""

import os

import pytest

from passerelle.errors import BrokenPromise
from passerelle.stores.files import AtomicFile, sweep, unique_name, writing_to_ledger


def test_a_file_is_there_only_after_its_commit(data):
    with AtomicFile(data, "lake/one.parquet") as file:
        file.write(b"content")
        assert not (data / "lake/one.parquet").exists()
        file.commit()

    assert b"content" == (data / "lake/one.parquet").read_bytes()


def test_a_file_that_was_not_committed_leaves_nothing(data):
    with AtomicFile(data, "lake/one.parquet") as file:
        file.write(b"content")

    assert [] == list((data / "lake").iterdir())


def test_a_stored_file_is_never_overwritten(data):
    for content in (b"first", b"second"):
        with AtomicFile(data, "lake/one.parquet") as file:
            file.write(content)
            if content == b"second":
                with pytest.raises(BrokenPromise, match="never overwritten"):
                    file.commit()
            else:
                file.commit()

    assert b"first" == (data / "lake/one.parquet").read_bytes()


def test_no_file_is_written_inside_a_ledger_transaction(data):
    token = writing_to_ledger.set(True)
    try:
        with pytest.raises(BrokenPromise, match="files come first"):
            AtomicFile(data, "lake/one.parquet")
    finally:
        writing_to_ledger.reset(token)


@pytest.mark.parametrize("stem", ["Durand", "../up", "a b", "é"])
def test_a_name_that_could_tell_something_is_refused(stem):
    with pytest.raises(BrokenPromise):
        unique_name("lake", stem, ".parquet")


def test_a_sweep_removes_what_no_ledger_row_names_and_nothing_young(data):
    for name in ("lake/known.parquet", "lake/orphan.parquet", "lake/young.parquet"):
        with AtomicFile(data, name) as file:
            file.commit()
    for name in ("known", "orphan"):
        os.utime(data / f"lake/{name}.parquet", (1, 1))

    assert ["lake/orphan.parquet"] == sweep(data, {"lake/known.parquet"})
    assert ["known.parquet", "young.parquet"] == sorted(path.name for path in (data / "lake").iterdir())
