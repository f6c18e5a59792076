"""The lake: resources without what identifies, as immutable Parquet files; and the current view over them.

One file per batch, partition and supplement, sorted by id. Nothing here says which files count: the ledger does.

The **current view** takes, for each fold key, the highest order; for equal order the highest file position (a
re-evaluation of the same version under more knowledge); all rows of that winner are the view. An evaluation that
emits nothing is one row of type `''` without body, so that it still replaces its predecessor. Should two fold
keys give the same resource id, the row of the highest order stands (`ambiguous` tells where that decides nothing).
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from passerelle.errors import BrokenPromise
from passerelle.ids import ID_BYTES
from passerelle.stores.files import AtomicFile, Named, StoredFile, ViewFile, path_below, unique_name
from passerelle.stores.waiting import WaitingRows

SCHEMA = pa.schema(
    [
        pa.field("id", pa.binary(ID_BYTES), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("fold", pa.binary(ID_BYTES), nullable=False),
        pa.field("ord", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("refs", pa.list_(pa.field("element", pa.binary(ID_BYTES), nullable=False)), nullable=False),
        pa.field("digest", pa.binary(ID_BYTES), nullable=False),
        pa.field("body", pa.binary(), nullable=True),
    ]
)
EXCLUDED_SCHEMA = pa.schema([pa.field("batch_id", pa.int64()), pa.field("row", pa.int64())])
IDS_SCHEMA = pa.schema([pa.field("id", pa.binary(ID_BYTES))])
EVALUATIONS_SCHEMA = pa.schema([pa.field(name, pa.int64()) for name in ("batch_id", "row", "resources", "doubled")])
NO_DIGEST = bytes(ID_BYTES)
_GROUP_ROWS = 8_192
_SHARE_ROWS = 250_000
"""So many rows of files are settled at once."""
_PLAIN_BYTES = 64 * 1024 * 1024
_SORTED_BY = ("id", "row", "fold", "ord", "digest")


class LakeWriter:
    """Collects resource rows and writes them sorted. Leaving a `with` block without `close` leaves no file."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self._root = root
        self._rows = WaitingRows(SCHEMA, _SORTED_BY, _PLAIN_BYTES)

    def add(
        self,
        resource_id: bytes,
        resource_type: str,
        fold: bytes,
        order: str,
        row: int,
        refs: Sequence[bytes],
        digest: bytes,
        body: bytes | None,
    ) -> None:
        """A resource that this row of the batch emitted is kept; `body` is JSON without what identifies."""
        self._rows.add((resource_id, resource_type, fold, order, row, refs, digest, body))

    def add_withdrawal(self, fold: bytes, order: str, row: int) -> None:
        """This version of the fold emits nothing: it replaces its predecessor by the empty set."""
        self.add(fold, "", fold, order, row, (), NO_DIGEST, None)

    def close(self) -> StoredFile:
        """The file is complete and durable; the same rows give the same bytes, in whatever order they were added."""
        count = len(self._rows)
        with AtomicFile(self._root, self.name) as file:
            with pq.ParquetWriter(
                pa.PythonFile(_Sink(file), mode="w"),
                SCHEMA,
                compression="zstd",
                compression_level=1,
                use_dictionary=["type"],
                write_statistics=["id", "type", "row"],
                store_schema=True,
            ) as out:
                for group in self._rows.drain(_GROUP_ROWS):
                    out.write_batch(group, row_group_size=_GROUP_ROWS)
            file.commit()
        return StoredFile(self.name, count, file.written, file.sha256)

    def abandon(self) -> None:
        """Nothing of the file remains."""
        self._rows = WaitingRows(SCHEMA, _SORTED_BY, _PLAIN_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()


class _Sink:
    """The little of a file object that Arrow's writer calls."""

    closed = False

    def __init__(self, file: AtomicFile) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(bytes(data))

    def tell(self) -> int:
        return self._file.written

    def flush(self) -> None:
        """Nothing: the file is flushed when it is committed."""

    def close(self) -> None:
        """Nothing: the file is closed when it is committed."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


class Lake:
    """Parquet files below `lake/` of the data folder."""

    def __init__(self, root: Path, *, threads: int = 1, memory_limit: str | None = None) -> None:
        self.root = root
        self.threads = threads
        self.memory_limit = memory_limit

    def __repr__(self) -> str:
        return f"<Lake {self.root}>"

    def writer(self, name: str) -> LakeWriter:
        """A writer of resources; the stored name is this one below `lake/`, with a random ending."""
        return LakeWriter(self.root, unique_name("lake", name, ".parquet"))

    def read(self, file: Named, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one file, sorted by id.

        Raises:
            BrokenPromise: the file is gone or is no Parquet file.
        """
        try:
            return pq.read_table(path_below(self.root, file.name), columns=columns, partitioning=None)
        except FileNotFoundError:
            raise BrokenPromise(f"the lake file {file.name} is gone") from None
        except pa.ArrowInvalid:
            raise BrokenPromise(f"the lake file {file.name} is damaged") from None

    def verify(self, file: StoredFile) -> str | None:
        """None if the file has the rows and bytes that the ledger names; else what is wrong, as a sentence."""
        path = path_below(self.root, file.name)
        try:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            rows = pq.read_metadata(path).num_rows
        except FileNotFoundError:
            return f"the lake file {file.name} is gone"
        except pa.ArrowInvalid:
            return f"the lake file {file.name} is damaged"
        if rows != file.rows:
            return f"{file.name} holds {rows} rows, the ledger says {file.rows}"
        if digest != file.sha256:
            return f"{file.name} has not the content that the ledger names"
        return None

    def evaluations(self, files: Sequence[ViewFile]) -> pa.Table:
        """What the newest evaluation of each (batch, row, fold) emitted, counted: batch_id, row, resources, doubled.

        `doubled` is how many rows repeat a resource of the same evaluation. The view is not asked: this is for
        counting what is stored.
        """
        if not files:
            return EVALUATIONS_SCHEMA.empty_table()
        with _Scan(self, files) as scan:
            return scan.arrow(
                f"""
                WITH emitted AS (
                    SELECT f.batch_id, s.row, s.fold, f.position, s.file_no,
                           count(*) FILTER (s.type <> '') AS resources, count(*) - count(DISTINCT s.id) AS doubled
                    FROM {scan.source} s JOIN files f USING (file_no) GROUP BY ALL
                ),
                latest AS (SELECT batch_id, row, fold, max(position) AS position FROM emitted GROUP BY ALL)
                SELECT batch_id, row, sum(resources)::BIGINT AS resources, sum(doubled)::BIGINT AS doubled
                FROM emitted JOIN latest USING (batch_id, row, fold, position) GROUP BY ALL ORDER BY ALL
                """  # noqa: S608 names are ours
            )

    def folds_among(self, files: Sequence[ViewFile], folds: Iterable[bytes]) -> set[bytes]:
        """Those of the fold keys that some row of the files has."""
        wanted = pa.table({"fold": pa.array(sorted(set(folds)), pa.binary(ID_BYTES))})
        if not files or not wanted.num_rows:
            return set()
        with _Scan(self, files) as scan:
            scan.take("wanted", wanted)
            found = scan.arrow(f"SELECT DISTINCT fold FROM {scan.source} SEMI JOIN wanted USING (fold)")  # noqa: S608
            return set(found.column("fold").to_pylist())

    def view(self, files: Iterable[ViewFile], excluded: pa.Table | None = None) -> "CurrentView":
        """The current view of these files without the excluded (batch_id, row)."""
        return CurrentView(self, files, excluded)


class _Scan:
    """A private DuckDB in memory with the table `files` and the rows of these files as one source."""

    def __init__(self, lake: Lake, files: Iterable[ViewFile]) -> None:
        listed = sorted(files, key=lambda file: (file.position, file.batch_id, file.name))
        paths = [path_below(lake.root, file.name) for file in listed]
        for file, path in zip(listed, paths, strict=True):
            if not path.is_file():
                raise BrokenPromise(f"the lake file {file.name} is gone")
        self.source = _source(paths)
        self.db = duckdb.connect(":memory:", config={"threads": lake.threads})
        # Nothing of the work spills to disk, nothing is fetched from anywhere, no variable of ours becomes a table.
        self.db.execute("SET temp_directory = ''; SET autoinstall_known_extensions = false")
        self.db.execute("SET preserve_insertion_order = false; SET python_enable_replacements = false")
        if lake.memory_limit:
            self.db.execute(f"SET memory_limit = '{lake.memory_limit}'")
        self.take(
            "files",
            pa.table(
                {
                    "file_no": pa.array(range(len(listed)), pa.int64()),
                    "batch_id": pa.array([file.batch_id for file in listed], pa.int64()),
                    "position": pa.array([file.position for file in listed], pa.int64()),
                }
            ),
        )

    def take(self, name: str, table: pa.Table, select: str = "SELECT *") -> None:
        """The Arrow table is a table of this name."""
        self.db.register("given", table)
        try:
            self.db.execute(f"CREATE OR REPLACE TABLE {name} AS {select} FROM given")
        finally:
            self.db.unregister("given")

    def arrow(self, sql: str) -> pa.Table:
        """The answer as Arrow."""
        return self.db.sql(sql).to_arrow_table()

    def close(self) -> None:
        """The memory is given back."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _source(paths: Sequence[Path]) -> str:
    if not paths:
        return (
            "(SELECT NULL::BLOB AS id, '' AS type, NULL::BLOB AS fold, '' AS ord, 0::BIGINT AS row, "
            "[]::BLOB[] AS refs, NULL::BLOB AS digest, NULL::BLOB AS body, 0::BIGINT AS file_no, 0::BIGINT AS place "
            "WHERE false)"
        )
    quoted = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return (
        "(SELECT id, type, fold, ord, row, refs, digest, body, "  # noqa: S608 paths are ours
        "file_index::BIGINT AS file_no, file_row_number AS place "
        f"FROM read_parquet([{quoted}], hive_partitioning = false, file_row_number = true))"
    )


class CurrentView(_Scan):
    """What stands now. Built once, asked several times; knows what does not stand, and reads the rest when asked for.

    Use as a context manager, or `close` it. Everything it gives is a set or sorted: never in order of arrival.
    """

    def __init__(self, lake: Lake, files: Iterable[ViewFile], excluded: pa.Table | None) -> None:
        super().__init__(lake, files)
        self._told = f"(SELECT * FROM {self.source} ANTI JOIN gone USING (file_no, place))"  # noqa: S608 names are ours
        """Rows of the files that are not known to be gone; withdrawals are among them."""
        self.standing = f"(SELECT * FROM {self._told} WHERE type <> '')"  # noqa: S608 names are ours
        """Rows of the files that stand."""
        self.db.execute("CREATE TABLE excluded (batch_id BIGINT, row BIGINT)")
        self._exclude(excluded)
        ((self._rows,),) = self.db.execute(f"SELECT count(*) FROM {self.source}").fetchall()  # noqa: S608
        self._settle_gone()

    def _exclude(self, excluded: pa.Table | None) -> None:
        if excluded is not None and excluded.num_rows:
            self.take("more", excluded, "SELECT DISTINCT batch_id, row")
            self.db.execute("INSERT INTO excluded SELECT batch_id, row FROM more")

    def _settle_gone(self) -> None:
        """The table `gone` (rows of the files that do not stand) follows from the files and what is excluded.

        It is small where most of what is stored stands; millions of rows that do stand are not held in memory.
        """
        self.db.execute("CREATE OR REPLACE TABLE gone (file_no BIGINT, place BIGINT)")
        self.db.execute(
            f"""
            INSERT INTO gone
            SELECT s.file_no, s.place FROM {self.source} s JOIN files f USING (file_no)
            SEMI JOIN excluded e ON e.batch_id = f.batch_id AND e.row = s.row
            """  # noqa: S608 names are ours
        )
        for mine in self._shares("fold"):
            # Rows of one evaluation have their file and row in common: only keys that have others are compared.
            self.db.execute(
                f"""
                INSERT INTO gone
                WITH several AS (
                    SELECT fold FROM {self._told} WHERE {mine}
                    GROUP BY fold HAVING min(file_no) < max(file_no) OR min(row) < max(row)
                ),
                versions AS MATERIALIZED (
                    SELECT s.file_no, s.place, s.fold, {{'ord': s.ord, 'position': f.position}} AS version
                    FROM {self._told} s SEMI JOIN several USING (fold) JOIN files f USING (file_no)
                ),
                highest AS (SELECT fold, max(version) AS version FROM versions GROUP BY fold)
                SELECT v.file_no, v.place FROM versions v JOIN highest h USING (fold) WHERE v.version < h.version
                """  # noqa: S608 names are ours
            )
        self._settle_shared()

    def _settle_shared(self) -> None:
        """Of rows that give the same resource one stands; the table `tied` tells where nothing decides which."""
        self.db.execute("CREATE OR REPLACE TABLE several (id BLOB)")
        for mine in self._shares("id"):
            self.db.execute(
                f"INSERT INTO several SELECT id FROM {self.standing} WHERE {mine} GROUP BY id HAVING count(*) > 1"  # noqa: S608
            )
        self.db.execute(
            f"""
            CREATE OR REPLACE TABLE shared AS
            SELECT id, type, file_no, place, row, fold, ord, digest FROM {self.standing} SEMI JOIN several USING (id)
            """  # noqa: S608 names are ours
        )
        self.db.execute(
            """
            CREATE OR REPLACE TABLE tied AS
            WITH top AS (SELECT id, max(ord) AS ord FROM shared GROUP BY id),
            doubtful AS (
                SELECT id FROM shared JOIN top USING (id, ord) GROUP BY id HAVING count(DISTINCT digest) > 1
            )
            SELECT s.id, s.type, s.file_no, s.row FROM shared s JOIN top USING (id, ord) SEMI JOIN doubtful USING (id)
            """
        )
        self.db.execute(
            """
            INSERT INTO gone
            SELECT file_no, place FROM shared
            QUALIFY row_number() OVER (
                PARTITION BY id ORDER BY ord DESC, digest DESC, fold DESC, row DESC, file_no DESC, place DESC
            ) > 1
            """
        )

    def _shares(self, key: str, table: str | None = None) -> list[str]:
        """Conditions that take rows apart by a key, so that each share of them is small enough for memory.

        The rows are those of the table, else of all files.
        """
        rows = self._rows if table is None else self.db.table(table).count("*").fetchall()[0][0]
        count = 1 + rows // _SHARE_ROWS
        return ["true"] if count == 1 else [f"hash({key}) % {count} = {share}" for share in range(count)]

    def exclude(self, more: pa.Table) -> None:
        """These (batch_id, row) are left out too; where a version below exists, it stands again."""
        self._exclude(more)
        self._settle_gone()

    def _stream(
        self, sql: str, parameters: Sequence[Any] | dict[str, Any] = (), rows_per_batch: int = 10_000
    ) -> pa.RecordBatchReader:
        return self.db.cursor().sql(sql, params=parameters).to_arrow_reader(rows_per_batch)

    def count_by_type(self) -> dict[str, int]:
        """How many resources of each type stand."""
        told = self.db.execute(f"SELECT type, count(*) FROM {self.standing} GROUP BY type ORDER BY type").fetchall()  # noqa: S608
        return {str(name): int(count) for name, count in told}

    def ids(self, types: Sequence[str] | None = None) -> pa.RecordBatchReader:
        """The resources that stand, as (id, type), sorted."""
        kept, parameters = _of_types(types)
        return self._stream(f"SELECT id, type FROM {self.standing} s WHERE {kept} ORDER BY type, id", parameters)  # noqa: S608

    def versions(self, types: Sequence[str]) -> pa.Table:
        """Which versions of resources of these types stand: id, digest, batch_id, row, sorted."""
        kept, parameters = _of_types(types)
        told = self.db.cursor().sql(
            f"""
            SELECT s.id, s.digest, f.batch_id, s.row
            FROM {self.standing} s JOIN files f USING (file_no)
            WHERE {kept}
            ORDER BY ALL
            """,  # noqa: S608 names are ours
            params=parameters,
        )
        return told.to_arrow_table()

    def rows(
        self,
        types: Sequence[str] | None = None,
        ids: pa.Table | None = None,
        *,
        ordered: bool = False,
    ) -> pa.RecordBatchReader:
        """The rows that stand, streamed: id, type, fold, ord, batch_id, row, refs, digest, body.

        Args:
            types: only these resource types.
            ids: only these resources; a table with a column `id`.
            ordered: sorted by type and id; else in no order that means anything.
        """
        kept, parameters = _of_types(types)
        chosen = ""
        if ids is not None:
            self.take("chosen", ids, "SELECT DISTINCT id")
            chosen = "SEMI JOIN chosen USING (id)"
        return self._stream(
            f"""
            SELECT s.id, s.type, s.fold, s.ord, f.batch_id, s.row, s.refs, s.digest, s.body
            FROM {self.standing} s JOIN files f USING (file_no) {chosen}
            WHERE {kept}
            {"ORDER BY s.type, s.id" if ordered else ""}
            """,  # noqa: S608 names are ours
            parameters,
        )

    def pairs(
        self,
        resource: str,
        through: str,
        target: str,
        values: Sequence[tuple[str, str]],
        batch_ids: Collection[int],
    ) -> Iterator[pa.RecordBatch]:
        """What stands of these batches beside each resource that it refers to: batch_id, id, ours_0, theirs_0, ours_1, ...

        The values are JSON texts, nothing where there is none. In no order that means anything; never an empty part.

        Args:
            resource: type of the resources that refer.
            through: element that holds the reference, or a list of them.
            target: type of the resources referred to.
            values: dotted paths, each in the resource and in what it refers to.
            batch_ids: only what these batches say refers; what it refers to may be of any.
        """
        ours = [_json_path(through), *(_json_path(path) for path, _ in values)]
        theirs = [_json_path("id"), *(_json_path(path) for _, path in values)]
        told = ", ".join(
            f"a.told[{place + 2}]::VARCHAR AS ours_{place}, t.told[{place + 2}]::VARCHAR AS theirs_{place}"
            for place in range(len(values))
        )
        referring = f"""
            FROM {self.standing} s JOIN files f USING (file_no)
            WHERE s.type = $resource AND list_contains($batch_ids, f.batch_id)
        """
        those = {"resource": resource, "batch_ids": sorted(batch_ids)}
        self.db.execute(f"CREATE OR REPLACE TABLE asked AS SELECT DISTINCT unnest(s.refs) AS ref {referring}", those)
        for mine in self._shares("ref", "asked"):
            # Held in memory are the targets, fewer than what refers to them; that streams past.
            self.db.execute(
                f"""
                CREATE OR REPLACE TABLE referred AS
                SELECT $target || '/' || (told[1] ->> '$') AS reference, told FROM (
                    SELECT json_extract(decode(s.body), $theirs) AS told
                    FROM {self.standing} s SEMI JOIN (SELECT ref FROM asked WHERE {mine}) a ON a.ref = s.id
                    WHERE s.type = $target
                )
                """,  # noqa: S608 names are ours
                {"target": target, "theirs": theirs},
            )
            sql = f"""
                WITH asking AS (
                    SELECT batch_id, id, told, unnest(list_distinct(list_append(
                        json_extract_string(told[1], '$[*].reference'), json_extract_string(told[1], '$.reference')
                    ))) AS reference
                    FROM (SELECT f.batch_id, s.id, json_extract(decode(s.body), $ours) AS told {referring})
                )
                SELECT a.batch_id, a.id, {told} FROM asking a JOIN referred t USING (reference)
            """  # noqa: S608 names are ours
            yield from batches_of(self._stream(sql, {**those, "ours": ours}))

    def ambiguous(self) -> pa.Table:
        """Resources that two records of equal order give with different content: id, type, batch_id, row."""
        return self.arrow("SELECT id, type, batch_id, row FROM tied JOIN files USING (file_no) ORDER BY ALL")

    def _ask_for_targets(self, known_ids: pa.Table | None) -> None:
        """The table `targets` is what any row of the files refers to and is not known to stand elsewhere."""
        self.take("known", IDS_SCHEMA.empty_table() if known_ids is None else known_ids, "SELECT DISTINCT id")
        self.db.execute(
            f"""
            CREATE OR REPLACE TABLE targets AS
            SELECT DISTINCT ref FROM (SELECT unnest(refs) AS ref FROM {self.source})
            ANTI JOIN known ON known.id = ref
            """  # noqa: S608 names are ours
        )

    def _is_any_missing(self) -> bool:
        """True if some target does not stand; the table `missing` says which."""
        self.db.execute("CREATE OR REPLACE TABLE missing (ref BLOB)")
        for mine in self._shares("ref"):
            self.db.execute(
                f"""
                INSERT INTO missing
                SELECT ref FROM targets
                ANTI JOIN (SELECT id FROM {self.standing} WHERE {mine.replace("ref", "id")}) t ON t.id = ref
                WHERE {mine}
                """  # noqa: S608 names are ours
            )
        return bool(self.db.execute("SELECT 1 FROM missing LIMIT 1").fetchall())

    def _dangling_sql(self) -> str:
        return f"""
            SELECT DISTINCT p.id, p.type, f.batch_id, p.row, p.ref
            FROM (SELECT id, type, file_no, row, unnest(refs) AS ref FROM {self.standing}) p
            SEMI JOIN missing USING (ref) JOIN files f USING (file_no)
        """  # noqa: S608 names are ours

    def dangling(self, known_ids: pa.Table | None = None) -> pa.Table:
        """Resources that stand and refer to something that does not: id, type, batch_id, row, ref, sorted.

        Args:
            known_ids: targets that stand elsewhere (the directory); a table with a column `id`.
        """
        self._ask_for_targets(known_ids)
        self._is_any_missing()
        return self.arrow(f"{self._dangling_sql()} ORDER BY ALL")

    def settle(self, known_ids: pa.Table | None = None) -> pa.Table:
        """Records that refer to nothing that stands are left out, until all that stands refers to what stands.

        A record goes as a whole, and the version below it stands again. The answer, sorted, is (batch_id, row, ref):
        what was left out, and the lowest target each waits for.
        """
        self._ask_for_targets(known_ids)
        self.db.execute("CREATE OR REPLACE TABLE waiting (batch_id BIGINT, row BIGINT, ref BLOB)")
        while self._is_any_missing():
            self.db.execute(
                f"CREATE OR REPLACE TABLE found AS SELECT batch_id, row, min(ref) AS ref FROM ({self._dangling_sql()}) GROUP BY ALL"  # noqa: S608
            )
            if not self.db.execute("SELECT 1 FROM found LIMIT 1").fetchall():
                break
            self.db.execute("INSERT INTO waiting SELECT * FROM found")
            self.db.execute("INSERT INTO excluded SELECT batch_id, row FROM found")
            self._settle_gone()
        return self.arrow("SELECT batch_id, row, ref FROM waiting ORDER BY ALL")


def _json_path(dotted: str) -> str:
    """The path as DuckDB reads it, each name quoted."""
    return "$" + "".join(f'."{name}"' for name in dotted.split("."))


def _of_types(types: Sequence[str] | None) -> tuple[str, list[Any]]:
    return ("true", []) if types is None else ("list_contains(?, s.type)", [list(types)])


def batches_of(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The record batches of a reader, empty ones left out."""
    return (batch for batch in reader if batch.num_rows)
