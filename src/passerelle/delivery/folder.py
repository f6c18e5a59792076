"""A folder whose files appear whole, together, and only if their bytes are new."""

import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from passerelle.stores.files import clear_errors

_MAKING = ".part"


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the folder: its name, its lines, the hash of its bytes."""

    name: str
    lines: int
    sha256: str


@dataclass(slots=True)
class _Part:
    path: Path
    file: BinaryIO
    lines: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class Snapshot:
    """Files in the making. `commit` puts them in place; leaving a `with` block without it leaves the folder as it was.

    What a worker that was killed had in the making is gone: one at a time works on a folder, by the territory's lease.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[str, _Part] = {}
        with clear_errors(folder.name):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f".*{_MAKING}"):
                left.unlink()

    def add(self, name: str, line: bytes) -> None:
        """The line, ended, is the next of the file."""
        part = self._parts.get(name)
        if part is None:
            path = self._folder / f".{name}.{secrets.token_hex(4)}{_MAKING}"
            with clear_errors(name):
                part = self._parts[name] = _Part(path, path.open("xb"))
        ended = line + b"\n"
        with clear_errors(name):
            part.file.write(ended)
        part.digest.update(ended)
        part.lines += 1

    def discard(self) -> None:
        """What was added so far is forgotten."""
        for part in self._parts.values():
            part.file.close()
            part.path.unlink(missing_ok=True)
        self._parts = {}

    def commit(self, suffix: str) -> list[Written]:
        """The folder holds these files and no other one with the suffix."""
        written = []
        for name, part in sorted(self._parts.items()):
            with clear_errors(name):
                part.file.flush()
                os.fsync(part.file.fileno())
                part.file.close()
                if _is_same(self._folder / name, part.digest.digest()):
                    part.path.unlink()
                else:
                    part.path.replace(self._folder / name)
            written.append(Written(name, part.lines, part.digest.hexdigest()))
        self._remove(path for path in self._folder.glob(f"*{suffix}") if path.name not in self._parts)
        self._parts = {}
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return written

    @staticmethod
    def _remove(paths: Iterable[Path]) -> None:
        for path in paths:
            if not path.name.startswith("."):
                path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def _is_same(path: Path, digest: bytes) -> bool:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").digest() == digest
    except FileNotFoundError:
        return False
