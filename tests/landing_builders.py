"""What the tests of land build: stores, small contracts, dropped files, and what the ledger then holds."""

import json
from datetime import UTC, datetime
from pathlib import Path

from passerelle.contracts.directory import Unit
from passerelle.contracts.house import SourceFolder
from passerelle.contracts.source import Source
from passerelle.doors.connections import Connection
from passerelle.landing import dropped_files, filling, land, partition
from passerelle.records import Stage
from passerelle.stores import sums
from passerelle.stores.lake import Lake
from passerelle.stores.ledger import batches, items, run_log, stored, tallies
from passerelle.stores.opened import Stores
from passerelle.stores.vault import Vault

AS_OF = datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC)
ROWS = 10
"""Records in one partition when a test asks for small ones."""


class Killed(BaseException):
    """The worker is gone: no handler of ours may catch this."""


def small_partitions(monkeypatch, rows=ROWS):
    for module in (filling, partition, dropped_files, sums):
        monkeypatch.setattr(module, "PARTITION_ROWS", rows)
    monkeypatch.setattr(filling, "CHUNK_ROWS", 4)


def stores_of(ledger, data, keys):
    return Stores(ledger, Vault(data, keys), Lake(data), keys)


def source_of(tables, *, name="door", environment="test"):
    return Source.model_validate(
        {
            "source": name,
            "says": "A source of the tests.",
            "owner": "the tests",
            "jurisdiction": "fr",
            "environment": environment,
            "legal": {"kind": "test", "ground": "none"},
            "organisation": {"name": "Door", "finess": "000000000"},
            "connection": name,
            "schedule": "@daily",
            "tables": tables,
        }
    )


CONTACTS = {
    "format": "delimited",
    "files": "contacts/*.csv",
    "complete": {"marker": ".ok"},
    "key": ["number"],
    "order": {"column": "changed"},
    "columns": {"number": {"type": "integer"}, "unit": {}, "changed": {"type": "datetime"}},
}


def contacts(**changed):
    return {**CONTACTS, **changed}


def folder_of(tables, *, units=(), digest="1" * 64, **kwargs):
    source = source_of(tables, **kwargs)
    known = {
        code: (Unit.model_construct(code=code, name=code, kind="", valid_from=None, valid_to=None),) for code in units
    }
    return SourceFolder(source.source, Path(), source, (), {}, known, (), digest, None, {})


def drop(folder, name, lines, *, header="number;unit;changed", marker=".ok"):
    """The file is there, whole."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join([header, *lines]) + "\n"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    if marker:
        path.with_name(path.name + marker).touch()
    return path


def line(number, *, unit="U1", day=1, hour=8):
    return f"{number};{unit};2025-03-{day:02d}T{hour:02d}:00:00"


def lines(first, last, **kwargs):
    return [line(number, **kwargs) for number in range(first, last + 1)]


class Door:
    """A source with one table, landed again and again."""

    def __init__(self, stores, folder, connection, table="contacts", as_of=AS_OF):
        self.stores, self.folder, self.connection, self.table, self.as_of = stores, folder, connection, table, as_of

    def land(self, **kwargs):
        kwargs = {"as_of": self.as_of, "holder": "worker", **kwargs}
        return land(self.stores, self.folder, self.table, self.connection, **kwargs)

    def states(self, batch):
        """How many records of the batch stand in which state at land."""
        with self.stores.ledger.read() as tx:
            told = tallies.of(tx, batch.id)
        return {state.value: count for (stage, state), count in told.items() if stage is Stage.LAND and count}

    def raw(self, batch):
        """The stored bytes of the batch by row."""
        with self.stores.ledger.read() as tx:
            files = stored.of_batch(tx, batch.id)
        key = self.stores.vault.open_data_key(batch.wrapped_key)
        rows = [list(self.stores.vault.read_records(file, key)) for file in sorted(files, key=lambda file: file.part)]
        return [raw for part in rows for raw in part]

    def items(self, batch):
        """(row, state, reason, place) of every record that did not pass."""
        with self.stores.ledger.read() as tx:
            found = items.found(tx, batch_id=batch.id)
        return [(item.row, item.state.value, item.reason.value, item.place) for item in found]

    def passed_records(self):
        """Every record that passed, once per batch that holds it, sorted."""
        with self.stores.ledger.read() as tx:
            landed = batches.found(tx, source=self.folder.source.source, table_name=self.table)
        found = []
        for batch in landed:
            stopped = {row for row, *_ in self.items(batch)}
            found += [raw for row, raw in enumerate(self.raw(batch)) if row not in stopped]
        return sorted(found)

    def index(self):
        """(role, key, order, digest) of every version that is known, without where it lies."""
        with self.stores.ledger.read() as tx:
            rows = tx.connection.exec_driver_sql(
                "SELECT names.text, fold, ord, digest FROM key_index JOIN names ON names.number = role AND names.kind = 'key role'"
            ).all()
        return sorted((role, bytes(fold), order, bytes(digest)) for role, fold, order, digest in rows)

    def told(self, back=0):
        """The last line of the run log, or one before it, as numbers."""
        with self.stores.ledger.read() as tx:
            return json.loads(run_log.last(tx, back + 1)[back].detail)

    def everything(self):
        """What the ledger and the vault hold of the table, but for instants and names of files."""
        with self.stores.ledger.read() as tx:
            landed = batches.found(tx, source=self.folder.source.source)
        return [
            (
                batch.name,
                batch.state,
                batch.records,
                batch.partitions,
                self.states(batch),
                self.items(batch),
                self.raw(batch),
            )
            for batch in landed
        ], self.index()

    def discrepancies(self):
        return sums.recount(self.stores.ledger, self.stores.vault, self.stores.lake)


def file_connection(path):
    return Connection("file", extra={"path": str(path)})


def killed_at(stores, monkeypatch, number, *, after=False):
    """The worker dies at its n-th write transaction: before it, or after it was committed."""
    ledger, real, seen = stores.ledger, stores.ledger.in_transaction, []

    def in_transaction(act):
        seen.append(act)
        if len(seen) < number:
            return real(act)
        if len(seen) == number and after:
            real(act)
        raise Killed

    monkeypatch.setattr(ledger, "in_transaction", in_transaction)
    return seen
