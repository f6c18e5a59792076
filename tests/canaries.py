"""Looking for people where none may be seen: in columns, bytes, names of files and what a command says."""

import json
import unicodedata

import pyarrow.parquet as pq
import sqlalchemy as sa

from passerelle.stores.ledger import stored
from passerelle.stores.ledger.stored import FileKind


def plain(text):
    """Without case and accents: a value in another dress is the same value."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one)).casefold()


class Canaries:
    """The values that the manifest lists, as they may be met: a phone without its prefix, a number without its key."""

    def __init__(self, region):
        told = json.loads((region / "manifest" / "canaries.json").read_text("utf-8"))
        self.names = [plain(person["name"]) for person in told["persons"]]
        self.needles = sorted({self._needle(value) for value in [*told["values"], *told["files"]]})
        self._bytes = [needle.encode() for needle in self.needles]

    @staticmethod
    def _needle(value):
        if not value.isdigit():
            return plain(value)
        return value[-9:] if len(value) == 10 else value[:13]

    def in_text(self, text):
        """The canaries in the text."""
        met = plain(text)
        return {needle for needle in self.needles if needle in met}

    def in_bytes(self, data):
        """The canaries in bytes that nothing is known of."""
        met = data.lower()
        return {needle.decode() for needle in self._bytes if needle in met}

    def in_value(self, value):
        """The canaries in a cell of a table, or in many."""
        return self.in_text("\n".join(_texts(value)))

    # Places ---------------------------------------------------------------------------------------------------------

    def in_parquet(self, folder):
        """(file, column) -> canaries, of every Parquet file below the folder."""
        found = {}
        for path in sorted(folder.rglob("*.parquet")):
            table = pq.read_table(path, partitioning=None)
            for name in table.column_names:
                met = self.in_value(table.column(name).to_pylist())
                if met:
                    found[path.name, name] = met
            if met := self.in_bytes(path.read_bytes()):
                found[path.name, "bytes"] = met
        return found

    def in_ledger(self, url):
        """(table, column) -> canaries, of every column of every table of the database."""
        engine = sa.create_engine(sa.make_url(url).set(drivername=_DRIVERS[sa.make_url(url).get_backend_name()]))
        found = {}
        metadata = sa.MetaData()
        metadata.reflect(engine)
        assert {"items", "key_index", "run_log", "windows"} <= metadata.tables.keys()
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(sa.select(table)).all()
                for column, values in zip(table.columns.keys(), zip(*rows, strict=True), strict=bool(rows)):
                    if met := self.in_value(values):
                        found[table.name, column] = met
        engine.dispose()
        return found

    def in_files(self, *paths):
        """name -> canaries, in the bytes of the files."""
        return {path.name: met for path in paths if (met := self.in_bytes(path.read_bytes()))}

    def in_names(self, folder):
        """name -> canaries, in the names of everything below the folder."""
        names = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
        return {name: met for name in names if (met := self.in_text(name))}

    def in_vault(self, instance):
        """The canaries that lie where they may: in the opened vault."""
        stores, met = instance.stores, set()
        with stores.ledger.read() as tx:
            files = stored.current(tx)
            wrapped = {file.id: file.wrapped_key or _key_of(tx, file.batch_id) for file in files}
        for file in files:
            if file.kind is FileKind.RECORDS:
                for raw in stores.vault.read_records(file, stores.vault.open_data_key(wrapped[file.id])):
                    met |= self.in_text(raw.decode("latin-1"))
        return met


def _texts(value):
    if isinstance(value, bytes | memoryview):
        yield bytes(value).decode("utf-8", "replace")
        yield bytes(value).decode("latin-1")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    else:
        yield str(value)


_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def _key_of(tx, batch_id):
    from passerelle.stores.ledger import batches

    return batches.by_id(tx, batch_id).wrapped_key
