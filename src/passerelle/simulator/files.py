"""Dropped files: rows are put in order, written, counted and marked complete; dirty ones are written down beside."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from passerelle.simulator.spool import Spool

MARKER = ".ok"


@dataclass(frozen=True, slots=True)
class Dirt:
    """What is wrong with a record, and where it must end."""

    kind: str
    stage: str
    state: str
    reason: str
    place: str = ""


class Manifest:
    """Writes down every dirty record, and counts all of them."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self.kinds: dict[str, int] = defaultdict(int)
        self.records: dict[str, int] = defaultdict(int)
        self.files: dict[str, int] = {}
        self.keys: dict[str, int] = defaultdict(int)

    def note(self, dirt: dict[str, Any], file: str | None, row: int | None) -> None:
        """The dirty record is on the list, with the place where it lies."""
        self.kinds[dirt["kind"]] += 1
        self._file.write(json.dumps({**dirt, "file": file, "row": row}, ensure_ascii=False) + "\n")

    def count(self, source: str, table: str, records: int, file: str | None = None) -> None:
        """The records of a table are counted, by file where there is one."""
        self.records[f"{source}.{table}"] += records
        if file is not None:
            self.files[file] = records

    def close(self) -> None:
        """The list is on disk."""
        self._file.close()


def described(dirt: Dirt, source: str, table: str, key: str) -> dict[str, Any]:
    """The dirt as the manifest has it, but for the place in a file."""
    return {"source": source, "table": table, "key": key, **asdict(dirt)}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a source writes a delimited table."""

    delimiter: str
    charset: str
    line_end: str

    def line(self, values: Sequence[object]) -> bytes:
        """One line; a value is quoted when it must be."""
        return self.joined([self.cell(value) for value in values])

    def joined(self, cells: Sequence[str]) -> bytes:
        """One line of cells that are already quoted."""
        return (self.delimiter.join(cells) + self.line_end).encode(self.charset)

    def cell(self, value: object) -> str:
        """One cell; nothing for None."""
        text = "" if value is None else str(value)
        if self.delimiter in text or '"' in text or "\n" in text:
            return '"' + text.replace('"', '""') + '"'
        return text


@dataclass(slots=True)
class Files:
    """The dropped files of one table of one source."""

    spool: Spool
    folder: Path
    source: str
    table: str
    suffix: str = "csv"
    header: bytes = b""
    _root: Path = field(init=False)

    def __post_init__(self) -> None:
        self._root = self.folder.parent.parent.parent

    def add(self, bucket: str, order: str, raw: bytes, *, dirt: Dirt | None = None, key: str = "") -> None:
        """The record will lie in the file of this bucket, at the place its order gives it."""
        note = json.dumps(described(dirt, self.source, self.table, key), ensure_ascii=False).encode() if dirt else b""
        self.spool.add(bucket, order, raw + note + len(note).to_bytes(4, "big"))

    def write(self, manifest: Manifest) -> None:
        """Every file is written and marked complete; dirty records are on the manifest with their row."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for bucket in self.spool.buckets():
            path = self.folder / f"{self.table}_{bucket}.{self.suffix}"
            name = path.relative_to(self._root).as_posix()
            row = 0
            with path.open("wb") as file:
                file.write(self.header)
                for payload in self.spool.drain(bucket):
                    note = int.from_bytes(payload[-4:], "big")
                    file.write(payload[: len(payload) - 4 - note])
                    if note:
                        manifest.note(json.loads(payload[-4 - note : -4]), name, row)
                    row += 1
            path.with_name(path.name + MARKER).touch()
            manifest.count(self.source, self.table, row, name)
        self.spool.close()


@dataclass(slots=True)
class Table:
    """A delimited table of a source: its columns, its dialect, and the files it is dropped in."""

    files: Files
    columns: tuple[str, ...]
    dialect: Dialect

    def put(self, bucket: str, order: str, row: dict[str, object], *, dirt: Dirt | None = None) -> bytes:
        """The row will lie in the file of this bucket. A column that is not among the declared ones is a mistake."""
        if row.keys() - set(self.columns):
            raise KeyError(row.keys() - set(self.columns))
        raw = self.dialect.line([row.get(column) for column in self.columns])
        self.files.add(bucket, order, raw, dirt=dirt, key=str(row.get(self.columns[0], "")))
        return raw


def table_of(work: Path, folder: Path, *, source: str, name: str, columns: str, dialect: Dialect) -> Table:
    """A table with its columns in one text, separated by spaces."""
    names = tuple(columns.split())
    spool = Spool(work / f"{source}.{name}", most_bytes=1_000_000)
    return Table(Files(spool, folder / name, source, name, "csv", dialect.line(names)), names, dialect)
