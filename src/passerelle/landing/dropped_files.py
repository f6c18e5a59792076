"""Windows over a folder into which files are dropped: which are whole, which are new, and their records."""

import hashlib
import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from passerelle.contracts.source import Table
from passerelle.doors.connections import Connection
from passerelle.errors import ContractError, Unavailable, UsageError
from passerelle.landing.bounds import Asked, Bounds, Json, Raw
from passerelle.reading import Unreadable, split_file
from passerelle.records import PARTITION_ROWS, Reason

MOST_WHOLE_BYTES = 512 * 1024 * 1024
"""A file that cannot be split is one record, and a record fits into memory."""
_CHUNK = 1 << 20
_DATE = re.compile(r"(?<!\d)(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6})(?!\d)")
_DIGITS = re.compile(r"\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Dropped(NamedTuple):
    """A whole file: its name below the folder and the hash of what it holds."""

    name: str
    sha256: str


class _GoneError(Exception):
    """The file is no longer there, or holds something else now."""


def snapshot_of(name: str) -> str:
    """The date in a file's name as digits, else its last number; empty without either.

    A date is eight digits (with or without dashes) or six. Equal lengths compare as numbers do, so that a number that
    is no date is filled up with zeros.
    """
    stem = Path(name).name
    dates = _DATE.findall(stem)
    if dates:
        return str(dates[-1]).replace("-", "")
    numbers = _DIGITS.findall(stem)
    return str(numbers[-1]).zfill(20) if numbers else ""


class DroppedFiles:
    """The files of one table of one source."""

    def __init__(self, asked: Asked, connection: Connection) -> None:
        """Nothing is read yet.

        Raises:
            UsageError: the connection is of another kind, or names no folder.
            Unavailable: the folder is not there.
        """
        if connection.kind != "file":
            raise UsageError(f"table {asked.table_name} wants a connection of kind file, not {connection.kind}")
        folder = connection.extra.get("path")
        if not isinstance(folder, str) or not folder:
            raise UsageError(
                f"connection {asked.source.connection} of {asked.source.source} is of kind file and wants extra.path, a folder"
            )
        if not asked.table.files:
            raise ContractError([f"table {asked.table_name} of {asked.source.source} says no files"])
        self._asked = asked
        self._folder = Path(folder)
        if not self._folder.is_dir():
            raise Unavailable(
                f"the folder {self._folder} is not there: make it, mount it, or correct extra.path; nothing was read"
            )

    def close(self) -> None:
        """Nothing stays open."""

    def open(self, mark: Json | None, told: Counter[str]) -> Bounds | None:
        """Every whole file whose content was not landed before; None if there is none."""
        known = frozenset(mark["files"]) if mark else frozenset[str]()
        new: dict[str, Dropped] = {}
        for dropped in self._whole(told):
            identity = self._identity(dropped)
            if identity in known or self._unsplit(identity) in known:
                told["files_known"] += 1
            elif identity in new:
                told["files_same_content"] += 1
            else:
                new[identity] = dropped
        if not new:
            return None
        files = list(new.values())
        return Bounds([file.sha256 for file in files], [file.name for file in files])

    def read(self, bounds: Bounds, mark: Json | None, parts: int, checkpoint: Json | None) -> "FileReading":
        """The files of the window; those that were renamed since are found by their content."""
        del checkpoint  # files stay what they are: records that were landed are counted off
        listed = [Dropped(name, sha256) for sha256, name in zip(bounds.clear, bounds.private, strict=True)]
        return FileReading(self, listed, frozenset(mark["files"]) if mark else frozenset(), parts * PARTITION_ROWS)

    def _identity(self, dropped: Dropped) -> str:
        """What is landed once: a content, or for full exports a content of a number or date."""
        if not self._asked.table.order.snapshot:
            return dropped.sha256
        return f"{dropped.sha256} {snapshot_of(dropped.name)}"

    def _unsplit(self, identity: str) -> str:
        """What is remembered of a file that could not be split: it is read again once its contract says otherwise."""
        table = self._asked.table
        columns = [[name, column.required] for name, column in table.columns.items()]
        said = table.model_dump_json(include={"dialect", "messages"}) + json.dumps(columns)
        return f"{identity} unsplit {hashlib.sha256(said.encode()).hexdigest()[:32]}"

    def _whole(self, told: Counter[str]) -> Iterator[Dropped]:
        complete = self._asked.table.complete
        listed = _manifest(self._folder, complete.manifest, told) if complete and complete.manifest else None
        if complete and complete.marker:
            told["markers_without_file"] += self._markers_alone(complete.marker)
        for name in self._names(told):
            try:
                whole = self._is_whole(name, listed)
                dropped = Dropped(name, _sha256(self._folder / name)) if whole else None
            except FileNotFoundError:
                dropped = None  # it went away while we looked
            except OSError:
                told["files_unreadable"] += 1
                continue
            if dropped is None or (listed is not None and listed[name] != dropped.sha256):
                told["files_incomplete"] += 1
                continue
            told["files"] += 1
            yield dropped

    def _is_whole(self, name: str, listed: dict[str, str] | None) -> bool:
        complete, path = self._asked.table.complete, self._folder / name
        if complete and complete.marker and not path.with_name(path.name + complete.marker).exists():
            return False
        if complete and complete.stable_for is not None:
            return _is_stable(path, complete.stable_for)
        return listed is None or name in listed

    def _markers_alone(self, marker: str) -> int:
        """How many files are said to be whole, and are not there."""
        marked = self._folder.glob(f"{self._asked.table.files}{marker}")
        return sum(not path.with_name(path.name.removesuffix(marker)).exists() for path in marked)

    def _names(self, told: Counter[str]) -> list[str]:
        complete = self._asked.table.complete
        inside = self._folder.resolve()
        names = []
        for path in self._folder.glob(str(self._asked.table.files)):
            name = path.relative_to(self._folder).as_posix()
            if complete and (name == complete.manifest or (complete.marker and name.endswith(complete.marker))):
                continue
            if not path.is_file() or not path.resolve().is_relative_to(inside):
                told["files_that_are_none"] += 1
                continue
            if self._is_asked_for(name):
                names.append(name)
            else:
                told["files_outside_window"] += 1
        return sorted(names)

    def _is_asked_for(self, name: str) -> bool:
        since, until = self._asked.since, self._asked.until
        if since is None and until is None:
            return True
        dates = _DATE.findall(Path(name).name)
        if not dates:
            return True
        day = dates[-1].replace("-", "")
        first, last = (text[:10].replace("-", "")[: len(day)] if text else None for text in (since, until))
        return (first is None or day >= first) and (last is None or day <= last)

    def found(self, dropped: Dropped) -> BinaryIO:
        """The open file with this content, under its name or another.

        Raises:
            _GoneError: no file holds it any more.
        """
        for name in self._likeliest_first(dropped.name):
            try:
                file = (self._folder / name).open("rb")
            except OSError:
                continue
            if _hashed(file) == dropped.sha256:
                file.seek(0)
                return file
            file.close()
        raise _GoneError

    def _likeliest_first(self, name: str) -> Iterator[str]:
        yield name
        yield from (other for other in self._names(Counter()) if other != name)

    @property
    def table(self) -> Table:
        """The table's contract."""
        return self._asked.table

    def identity(self, dropped: Dropped) -> str:
        """What the mark remembers of a file that was landed."""
        return self._identity(dropped)

    def unsplit(self, dropped: Dropped) -> str:
        """What the mark remembers of a file that could not be split."""
        return self._unsplit(self._identity(dropped))


@dataclass
class FileReading:
    """The files of one window being read, in order of their names."""

    _files: DroppedFiles
    _listed: list[Dropped]
    _known: frozenset[str]
    _landed: int

    def __post_init__(self) -> None:
        self.told: Counter[str] = Counter()
        self._gone: set[Dropped] = set()
        self._unsplit: set[Dropped] = set()

    def records(self) -> Iterator[Raw]:
        """The records behind those that were landed before.

        When a file of a window that was left open is gone, counting would go wrong: all others are read from their
        beginning, and what was landed before is recognised as a duplicate.
        """
        left = 0 if self._landed and self._any_gone() else self._landed
        for dropped in self._listed:
            for raw in self._records_of(dropped):
                if left:
                    left -= 1
                else:
                    yield raw

    def checkpoint(self) -> None:
        """Files are read again by counting."""

    def mark(self) -> Json:
        """Everything that was ever landed whole."""
        landed = {
            self._files.unsplit(dropped) if dropped in self._unsplit else self._files.identity(dropped)
            for dropped in self._listed
            if dropped not in self._gone
        }
        return {"files": sorted(self._known | landed)}

    def _any_gone(self) -> bool:
        for dropped in self._listed:
            try:
                self._files.found(dropped).close()
            except _GoneError:
                return True
        return False

    def _records_of(self, dropped: Dropped) -> Iterator[Raw]:
        try:
            file = self._files.found(dropped)
        except _GoneError:
            # It comes with the next window under the content that it has then.
            self._gone.add(dropped)
            self.told["files_gone"] += 1
            return
        table = self._files.table
        snapshot = snapshot_of(dropped.name) if table.order.snapshot else ""
        with file:
            before = _state(file)
            stopped = _whole_problem(table, file)
            if stopped is not None and os.fstat(file.fileno()).st_size > MOST_WHOLE_BYTES:
                self._gone.add(dropped)
                self.told["files_too_large_to_keep"] += 1
                return
            file.seek(0)
            if stopped is not None:
                self._unsplit.add(dropped)
                self.told["files_not_split"] += 1
            records: Iterable[bytes] = [file.read()] if stopped else split_file(table, file)
            count = 0
            for count, record in enumerate(records, 1):  # noqa: B007 counted for what comes after
                yield Raw(record, snapshot, stopped)
            self.told["files_without_records"] += not count
            if _state(file) != before:
                raise Unavailable(
                    "a file was changed while it was read, although it was said to be whole: it is read again next time"
                )
        self.told["files_read"] += 1


def _whole_problem(table: Table, file: BinaryIO) -> tuple[Reason, str] | None:
    """Why the file cannot be split, known before its first record counts."""
    try:
        for _ in split_file(table, file):
            pass
    except Unreadable as stopped:
        return stopped.reason, stopped.place
    return None


def _state(file: BinaryIO) -> tuple[int, int]:
    told = os.fstat(file.fileno())
    return told.st_size, told.st_mtime_ns


def _hashed(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _hashed(file)


def _is_stable(path: Path, seconds: int) -> bool:
    """Nothing wrote, renamed or touched the file for so long; the time of the inode cannot be set from outside."""
    told = path.stat()
    return time.time() - max(told.st_mtime, told.st_ctime) >= seconds


def _manifest(folder: Path, name: str, told: Counter[str]) -> dict[str, str]:
    """Name -> SHA-256, from lines as `sha256sum` writes them. Names are below the folder of the manifest."""
    try:
        text = (folder / name).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        told["manifest_missing"] += 1
        return {}
    listed = {}
    for line in text.split("\n"):
        digest, _, file = line.rstrip("\r").partition(" ")
        if _SHA256.fullmatch(digest.lower()) and file[1:]:
            listed[(Path(name).parent / file[1:]).as_posix()] = digest.lower()
    told["files_listed_but_missing"] += sum(not (folder / file).is_file() for file in listed)
    return listed
