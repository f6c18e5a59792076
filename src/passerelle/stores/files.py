"""Files that appear whole and durable under their name, or not at all.

A file is written under a temporary name, synced, renamed, and its folder is synced. No name is ever written
twice: a worker that comes back from the dead cannot overwrite what another wrote in its place. A crash leaves
files that no ledger row names; `sweep` removes them.
"""

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from passerelle.errors import BrokenPromise, RefusedForGood, Unavailable

PART_SUFFIX = ".part"
SUFFIXES = (".sealed", ".parquet", PART_SUFFIX)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_BROKEN = {errno.EIO}

writing_to_ledger: ContextVar[bool] = ContextVar("writing_to_ledger", default=False)
"""True while this thread holds a write transaction: files are written before it, never inside."""


class Named(Protocol):
    """Anything that knows its name relative to the data folder."""

    @property
    def name(self) -> str:
        """The name, with `/` between folders."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What the ledger notes of a file: name below the data folder, rows, stored bytes, hash of the plain content."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ViewFile:
    """A file that the ledger says is current: its name, its batch, its position in its source."""

    name: str
    batch_id: int
    position: int


def batch_stem(batch_id: int, stage: str, kind: str, part: int) -> str:
    """A name for a file of a batch. It tells neither source nor person."""
    return f"b{batch_id:08d}/{stage}-{kind}-p{part:04d}"


def unique_name(folder: str, stem: str, suffix: str) -> str:
    """The stem below the folder with a random ending, so that no two attempts share a name.

    Raises:
        BrokenPromise: the stem has characters that a file name here never has.
    """
    name = f"{folder}/{stem}-{secrets.token_hex(6)}{suffix}"
    if not _NAME.fullmatch(name):
        raise BrokenPromise("a file name may hold lower-case letters, digits, dot, dash and underscore only")
    return name


def path_below(root: Path, name: str) -> Path:
    """The path of a stored name.

    Raises:
        BrokenPromise: the name is not one that passerelle gives.
    """
    if not _NAME.fullmatch(name):
        raise BrokenPromise("the ledger names a file as passerelle never does")
    return root / name


@contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """An error of the disk becomes a sentence that says what to do.

    Raises:
        Unavailable: the disk is full, read-only or failing; what was stored before is untouched.
        RefusedForGood: this user may not write or read there.
    """
    try:
        yield
    except OSError as wrong:
        if wrong.errno in _FULL:
            raise Unavailable(f"no space left while writing {name}: free space, then run again") from None
        if wrong.errno == errno.EROFS:
            raise Unavailable(f"the data folder is read-only: {name} cannot be written") from None
        if wrong.errno in {errno.EACCES, errno.EPERM}:
            path = Path(wrong.filename if isinstance(wrong.filename, str) else name).absolute()
            raise RefusedForGood(
                f"{path} may not be written or read by this user ({wrong.strerror}): give this user the folder, or name "
                "another one in PASSERELLE_DATA (of an export, in --out)"
            ) from None
        if wrong.errno in _BROKEN:
            # A failed fsync is never tried again on the same file: its pages may be gone. A new run writes a new file.
            raise Unavailable(f"the disk failed while writing {name}: check it before the next run") from None
        raise Unavailable(f"{name} cannot be written or read ({wrong.strerror})") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folders(folder: Path) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(path.parent)


class AtomicFile:
    """A file being written. After `commit` it is there for good; before, it never was."""

    def __init__(self, root: Path, name: str) -> None:
        if writing_to_ledger.get():
            raise BrokenPromise(f"{name} was to be written inside a ledger transaction; files come first")
        self.name = name
        self.written = 0
        self._final = path_below(root, name)
        self._part = self._final.with_name(f".{self._final.name}{PART_SUFFIX}")
        self._sha256 = hashlib.sha256()
        with clear_errors(name):
            _make_folders(self._final.parent)
            handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._out: BinaryIO | None = os.fdopen(handle, "wb", buffering=1 << 20)

    @property
    def sha256(self) -> str:
        """The hash of the bytes written so far."""
        return self._sha256.hexdigest()

    def write(self, data: bytes) -> int:
        """The bytes are appended."""
        assert self._out is not None
        with clear_errors(self.name):
            self._out.write(data)
        self._sha256.update(data)
        size = len(data)
        self.written += size
        return size

    def commit(self) -> None:
        """The file is durable under its name."""
        assert self._out is not None
        try:
            with clear_errors(self.name):
                self._out.flush()
                os.fsync(self._out.fileno())
                self._out.close()
                if self._final.exists():
                    raise BrokenPromise(f"{self.name} is there already; a stored file is never overwritten")
                self._part.rename(self._final)
                _sync_folder(self._final.parent)
                self._out = None
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Nothing remains of a file that was not committed."""
        if self._out is None:
            return
        out, self._out = self._out, None
        with suppress(OSError):  # what was buffered is thrown away anyway
            out.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()


def sweep(root: Path, known_names: Collection[str], *, older_than: float = 3600.0) -> list[str]:
    """Files below the root that no ledger row names are gone; their names are returned, sorted.

    Args:
        root: the data folder.
        known_names: every name in the ledger, current or not.
        older_than: seconds without a write; younger files may belong to a worker that has not committed yet.
    """
    known = set(known_names)
    latest = time.time() - older_than
    swept = []
    for folder, _, names in os.walk(root):
        for file_name in names:
            path = Path(folder, file_name)
            name = path.relative_to(root).as_posix()
            if name in known or not file_name.endswith(SUFFIXES):
                continue
            with clear_errors(name):
                if path.stat().st_mtime <= latest:
                    path.unlink(missing_ok=True)
                    swept.append(name)
    return sorted(swept)
