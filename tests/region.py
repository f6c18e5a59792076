"""A small simulated region, and instances that carry it: what the tests of the pipeline build and look at."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from passerelle.doors.connections import read_connections
from passerelle.ids import resource_id
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import Asked, run_source
from passerelle.pipeline.territory import run_territory
from passerelle.records import PARTITION_ROWS
from passerelle.settings import Settings
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from passerelle.stores.ledger import batches, items, stored, tallies
from passerelle.stores.ledger.stored import FileKind
from passerelle.stores.opened import open_stores

HOME = Path(__file__).parents[1]
AS_OF = datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC)
SOURCES = ("caarud", "ch", "chu", "csapa", "siao", "usmp")
FOLDERS = {"chu_files": "chu", "ch_files": "ch", "csapa_files": "csapa", "caarud_files": "caarud"}


def secret(path, tree):
    """A JSON file that only its owner reads."""
    path.write_text(json.dumps(tree), encoding="utf-8")
    path.chmod(0o600)
    return path


class Place:
    """A folder of an instance: settings, keys, connections to sources, stores."""

    def __init__(self, root, *, ledger=None, template=None, home=HOME, as_of=AS_OF, sources=None, url=None):
        root.mkdir(parents=True, exist_ok=True)
        if template is not None:
            shutil.copy(template, root / "ledger.sqlite")  # migrated before
        self.root = root
        secret(root / "keys.json", {"id": "demo"})
        self.settings = Settings(
            keys=root / "keys.json",
            home=home,
            data=root / "data",
            ledger=ledger or f"sqlite:///{root / 'ledger.sqlite'}",
            connections=root / "connections.json",
            as_of=as_of,
            jurisdiction="fr",
        )
        self.connect(sources or root / "sources", url)

    def connect(self, sources, url=None):
        """The connections lead to this folder of sources, and the housing desk's to this address."""
        told = {
            name: {"conn_type": "file", "extra": {"path": str(sources / folder)}} for name, folder in FOLDERS.items()
        }
        told["usmp_db"] = {"conn_type": "sqlite", "extra": {"path": str(sources / "usmp" / "usmp.sqlite")}}
        told["siao_api"] = {
            "conn_type": "http",
            "host": url or "http://localhost:9",
            "login": CLIENT_ID,
            "password": CLIENT_SECRET,
            "extra": {"token_path": TOKEN_PATH},
        }
        secret(self.settings.connections, told)

    @property
    def connections(self):
        return read_connections(self.settings.connections)

    def environment(self):
        """What the command line reads these settings from."""
        return environment(self.settings)

    def open(self):
        return Instance.open(self.settings)


def environment(told):
    """What the command line reads these settings from."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PASSERELLE_")},
        "PASSERELLE_KEYS": str(told.keys),
        "PASSERELLE_HOME": str(told.home),
        "PASSERELLE_DATA": str(told.data),
        "PASSERELLE_LEDGER": told.ledger,
        "PASSERELLE_CONNECTIONS": str(told.connections),
        "PASSERELLE_AS_OF": told.as_of.isoformat(),
        "PASSERELLE_JURISDICTION": told.jurisdiction,
    }


def run(place, sources=SOURCES, **asked):
    """The sources are run through every stage, or those asked for."""
    instance = place.open()
    try:
        return run_with(instance, place, sources, **asked)
    finally:
        instance.close()


def run_with(instance, place, sources=SOURCES, **asked):
    return {name: run_source(instance, name, place.connections, Asked(**asked)) for name in sources}


def sha256(path):
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copy_of(instance, root, house=None):
    """An instance of the same content that may be spoiled; its ledger is SQLite's."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(instance.settings.data, root / "data")
    with (
        closing(sqlite3.connect(instance.settings.ledger.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(root / "ledger.sqlite")) as target,
    ):
        source.backup(target)
    settings = replace(instance.settings, data=root / "data", ledger=f"sqlite:///{root / 'ledger.sqlite'}")
    return Instance(settings, house or instance.house, open_stores(settings))


def hashes_below(folder):
    """name -> hash of every file below the folder."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


# What stands --------------------------------------------------------------------------------------------------------


def view_of(instance, sources):
    """What stands: (type, id, digest, body) of every resource, what stopped records left out."""
    stores = instance.stores
    with stores.ledger.read() as tx:
        files = stored.view_files(tx, list(sources))
        excluded = items.excluded(tx, list(sources))
    with stores.lake.view(files, excluded) as view:
        rows = view.rows(ordered=True).read_all()
        assert view.ambiguous().num_rows == 0
    return [
        (name, resource_id(key), digest.hex(), body.decode())
        for name, key, digest, body in zip(
            *(rows.column(column).to_pylist() for column in ("type", "id", "digest", "body")), strict=True
        )
    ]


def compared(one, other):
    """What differs between two views, without bodies: short enough to be read."""
    left, right = ({(name, key): (digest, body) for name, key, digest, body in view} for view in (one, other))
    told = [f"only in the first: {name}" for name in sorted(left.keys() - right.keys())]
    told += [f"only in the second: {name}" for name in sorted(right.keys() - left.keys())]
    told += [
        f"{name}: {left[name][1]}\n   against {right[name][1]}"
        for name in sorted(left.keys() & right.keys())
        if left[name] != right[name]
    ]
    return told


def sums_of(instance, sources):
    """(batch, stage, state) -> how many, of every batch of the sources; and how many resources map emitted."""
    told = {}
    with instance.stores.ledger.read() as tx:
        for source in sources:
            for batch in batches.found(tx, source=source):
                told[batch.name, "emitted"] = tallies.fan_out(tx, batch.id)
                told[batch.name, "state"] = batch.state.value
                counted = tallies.of(tx, batch.id).items()
                told |= {(batch.name, stage.value, state.value): count for (stage, state), count in counted if count}
    return told


def contents_of(instance, sources):
    """(batch, stage, kind, part) -> the hashes of the current files: of the bytes of the lake's, of the decrypted
    content of the vault's."""
    found = defaultdict(list)
    with instance.stores.ledger.read() as tx:
        for source in sources:
            for batch in batches.found(tx, source=source):
                for file in stored.of_batch(tx, batch.id):
                    found[batch.name, file.stage.value, file.kind.value, file.part].append(file.sha256)
    return dict(found)


def items_of(instance, sources):
    """(batch, row, stage, state, reason, place) of everything that did not pass."""
    with instance.stores.ledger.read() as tx:
        names = {batch.id: batch.name for batch in batches.found(tx)}
        return sorted(
            (names[item.batch_id], item.row, item.stage.value, item.state.value, item.reason.value, item.place)
            for source in sources
            for item in items.found(tx, source=source)
        )


def verdicts_of(instance, sources):
    """(source, table, bytes) -> what became of every record whose bytes are kept, wherever it lies."""
    with instance.stores.ledger.read() as tx:
        found = [batch for source in sources for batch in batches.found(tx, source=source)]
        stopped = {(item.batch_id, item.row): item for source in sources for item in items.found(tx, source=source)}
    told = {}
    for batch in found:
        for row, raw in records_of(instance, batch).items():
            item = stopped.get((batch.id, row))
            if raw:
                said = "passed" if item is None else f"{item.stage} {item.state} {item.reason} {item.place}"
                told[batch.source, batch.table, raw] = said
    return told


def records_of(instance, batch):
    """The stored bytes of the batch, by row."""
    stores = instance.stores
    with stores.ledger.read() as tx:
        files = stored.of_batch(tx, batch.id, FileKind.RECORDS)
    rows = {}
    for file in files:
        key = stores.vault.open_data_key(file.wrapped_key or batch.wrapped_key)
        for number, raw in enumerate(stores.vault.read_records(file, key)):
            rows[file.part * PARTITION_ROWS + number] = raw
    return rows


# Files that are dropped piece by piece ------------------------------------------------------------------------------


def drop(path, content):
    """The file is there, whole, and marked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.with_name(path.name + ".ok").touch()


def dropped(folder, suffix):
    """The whole files below the folder, by table."""
    found = defaultdict(list)
    for path in sorted(folder.glob(f"*/*{suffix}")):
        found[path.parent.name].append(path)
    return dict(found)


# Workers that may be killed -----------------------------------------------------------------------------------------


MODELS = ("careteam", "consent", "encounter", "episodeofcare", "observation", "patient", "person", "task")
PRELOADED = [
    *("pytest", "great_expectations", "passerelle.pipeline.running", "passerelle.pipeline.territory"),
    *(f"fhir.resources.R4B.{name}" for name in MODELS),
]


def _work(place, sources, export, opened):
    instance = place.open()
    opened.send(True)
    try:
        run_with(instance, place, sources)
        if export is not None:
            run_territory(instance, export)
    finally:
        instance.close()


class Workers:
    """Processes that run sources, and the territory where they are given a folder for its export.

    What they import is imported once, in a server that they are forked from.
    """

    def __init__(self):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)

    def start(self, place, sources, export=None):
        """A worker that has opened the instance and goes to work."""
        opened, tells = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(place, sources, export, tells))
        process.start()
        tells.close()
        assert opened.recv()
        return process

    def kill_after(self, place, sources, seconds, export=None):
        """True if the run was killed with SIGKILL; False if it was done before."""
        process = self.start(place, sources, export)
        process.join(seconds)
        process.kill()
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}, "the run failed before it was killed"
        return process.exitcode != 0

    def run(self, place, sources, export=None):
        """The sources, and the territory, are run to the end, by a process of its own."""
        process = self.start(place, sources, export)
        process.join()
        assert process.exitcode == 0
