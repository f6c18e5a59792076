"""A simulated region through every source: each dirty record ends where the manifest says, and no clean one stops."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass

import pytest
import region as regions

from passerelle.stores import sums
from passerelle.stores.ledger import batches, findings, items

PERSONS = 150
"""Of the region, as conftest.py has it."""


@dataclass(frozen=True)
class Planted:
    """A dirty record: what is wrong with it, and where it must end."""

    kind: str
    source: str
    table: str
    key: str
    end: tuple[str, str, str]
    place: str
    file: str | None
    row: int | None

    @classmethod
    def of(cls, line):
        told = json.loads(line)
        return cls(
            told["kind"],
            told["source"],
            told["table"],
            told["key"],
            (told["stage"], told["state"], told["reason"]),
            told["place"],
            told["file"],
            told["row"],
        )


@pytest.fixture(scope="module")
def planted(region):
    lines = (region / "manifest" / "dirt.ndjson").read_text(encoding="utf-8").splitlines()
    return [Planted.of(line) for line in lines]


class Landed:
    """The one batch of each table, and what became of its rows."""

    def __init__(self, instance, region):
        self._files = json.loads((region / "manifest" / "counts.json").read_text(encoding="utf-8"))["files"]
        self.records, self.stopped, self.noticed, self.names = {}, defaultdict(dict), {}, {}
        with instance.stores.ledger.read() as tx:
            found = batches.found(tx)
            for batch in found:
                table = batch.source, batch.table
                assert table not in self.names, f"{table} has one batch"
                self.names[table] = batch
                self.noticed[table] = findings.of(tx, batch.id)
                for item in items.found(tx, batch_id=batch.id):
                    assert item.row not in self.stopped[table], "a record is stopped once"
                    self.stopped[table][item.row] = item
        for table, batch in self.names.items():
            self.records[table] = regions.records_of(instance, batch)

    def row_of(self, dirt):
        """The row in its batch: files in order of their names; rows of a database and an interface by their key."""
        table = dirt.source, dirt.table
        if dirt.file is not None:
            same = dirt.file.rpartition("/")[0] + "/"
            before = sum(rows for name, rows in self._files.items() if name.startswith(same) and name < dirt.file)
            return before + dirt.row
        rows = [
            row
            for row, raw in self.records[table].items()
            if dirt.key in (str(value) for value in list(json.loads(raw).values())[:1])
        ]
        assert len(rows) == 1, f"{dirt.kind} lies in one row of {dirt.source}.{dirt.table}"
        return rows[0]


@pytest.fixture(scope="module")
def landed(undisturbed, region):
    return Landed(undisturbed, region)


def end_of(dirt, landed):
    """Where the record was stopped, and at what place; nothing if it passed."""
    item = landed.stopped[dirt.source, dirt.table].get(landed.row_of(dirt))
    return item and (item.stage.value, item.state.value, item.reason.value, item.place)


def ended_right(dirt, landed):
    """Whether the record ended as the manifest says, at the place it names; what passed was noticed there."""
    end = end_of(dirt, landed)
    if end is not None:
        return end[:3] == dirt.end and dirt.place in end[3]
    stage, state, reason = dirt.end
    return state == "passed" and any(
        (stage, reason) == (noticed.value, why.value) and dirt.place in place
        for noticed, why, place in landed.noticed[dirt.source, dirt.table]
    )


def test_files_in_the_vault_hold_as_many_rows_as_the_manifest_counts(landed, region):
    counted = json.loads((region / "manifest" / "counts.json").read_text(encoding="utf-8"))["records"]
    assert {f"{source}.{table}": len(rows) for (source, table), rows in landed.records.items()} == counted


def recognised(dirt, raw):
    if dirt.end[1] in {"out-of-scope", "duplicate"}:
        return raw == b""  # bytes that nobody needs are not kept
    if dirt.kind == "not-a-message":
        return b"|PASSERELLE\rZZZ|essai" in raw
    return raw.startswith(b";") if dirt.kind == "missing-key" else dirt.key.encode() in raw


def test_a_dirty_record_lies_where_the_manifest_says(planted, landed):
    strange = [
        dirt for dirt in planted if not recognised(dirt, landed.records[dirt.source, dirt.table][landed.row_of(dirt)])
    ]
    assert strange == []


def test_every_dirty_record_ends_where_the_manifest_says(planted, landed, capsys):
    counted = Counter(dirt.kind for dirt in planted)
    right = Counter(dirt.kind for dirt in planted if ended_right(dirt, landed))
    with capsys.disabled():
        print(f"\n{'kind':<24}{'planted':>8}{'right':>8}")
        for kind in sorted(counted):
            print(f"{kind:<24}{counted[kind]:>8}{right[kind]:>8}")
    wrong = [
        (dirt.kind, dirt.source, dirt.table, landed.row_of(dirt), dirt.end, dirt.place, end_of(dirt, landed))
        for dirt in planted
        if not ended_right(dirt, landed)
    ]
    assert wrong == []
    assert len(counted) >= 26


def test_findings_are_noticed_as_often_as_they_were_planted(planted, landed):
    """At least: a clean record may be noticed for something that was planted elsewhere too."""
    wanted = Counter((dirt.source, dirt.table, *dirt.end, dirt.place) for dirt in planted if dirt.end[1] == "passed")
    for (source, table, stage, _, reason, place), count in wanted.items():
        noticed = landed.noticed[source, table].items()
        found = sum(
            times for (at, why, where), times in noticed if (at.value, why.value) == (stage, reason) and place in where
        )
        assert found >= count, (source, table, reason)


def test_no_clean_record_is_stopped(planted, landed):
    dirty = {(dirt.source, dirt.table, landed.row_of(dirt)) for dirt in planted}
    stopped = [
        (*table, row, item.stage.value, item.state.value, item.reason.value, item.place)
        for table, rows in landed.stopped.items()
        for row, item in rows.items()
        if (*table, row) not in dirty
    ]
    assert stopped == []


def test_a_region_of_ten_thousand_stays_within_the_bounds_that_tables_declare(undisturbed, region):
    counted = json.loads((region / "manifest" / "counts.json").read_text(encoding="utf-8"))["records"]
    most = {
        f"{name}.{table}": declared.limits.most_records
        for name, folder in undisturbed.house.sources.items()
        for table, declared in folder.source.tables.items()
        if declared.limits.most_records is not None
    }

    assert most
    assert {} == {name: counted[name] for name, bound in most.items() if counted[name] * 10_000 / PERSONS > bound}


def test_the_sums_add_up(undisturbed):
    stores = undisturbed.stores
    sums.require(stores.ledger, stores.vault, stores.lake)
