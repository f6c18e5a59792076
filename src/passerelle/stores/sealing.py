"""Sealed files: compressed, then AES-256-GCM in frames, opened in memory only.

    head   magic, 16 bytes of salt
    frame  nonce is the frame's number; the tag also covers number and file name
    ...
    end    a frame with a nonce of its own: where each frame lies, its rows, and the hash of the plain content
    tail   where the end frame begins, magic

A file key is derived from the batch's data key, the salt and the file's name, so that a counter may serve as
nonce. A frame moved, repeated, taken from another file or cut off does not open; a file without its end frame
is refused before one row is read.
"""

import hashlib
import json
import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passerelle.errors import BrokenPromise, Unavailable
from passerelle.stores.files import AtomicFile, StoredFile, clear_errors
from passerelle.stores.keys import NONCE_BYTES, DataKey

FRAME_BYTES = 256 * 1024
MOST_FRAME_BYTES = 1 << 30
_MAGIC = b"PSEAL\x00\x00\x01"
_SALT_BYTES = 16
_TAIL = struct.Struct("<Q8s")
_SIZE = struct.Struct("<I")
_END_NUMBER = 1 << 95
_CODEC = pa.Codec("zstd", compression_level=3)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame lies and what is in it; `first` is the first key of a sorted file, else empty."""

    offset: int
    size: int
    rows: int
    first: bytes


def _cipher(data_key: DataKey, salt: bytes, name: str) -> AESGCM:
    info = b"passerelle/sealed file/" + name.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(data_key.secret))


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")


def _covered(number: int, name: str) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big") + name.encode()


class SealedWriter:
    """Writes frames; `close` adds the end frame and makes the file durable."""

    def __init__(self, root: Path, name: str, data_key: DataKey) -> None:
        self._file = AtomicFile(root, name)
        self._name = name
        salt = secrets.token_bytes(_SALT_BYTES)
        self._cipher = _cipher(data_key, salt, name)
        self._frames: list[Frame] = []
        self._rows = 0
        self._sha256 = hashlib.sha256()
        self._file.write(_MAGIC + salt)

    def _seal(self, number: int, plain: bytes) -> tuple[int, int]:
        if len(plain) > MOST_FRAME_BYTES:
            raise BrokenPromise(f"a frame of {len(plain)} bytes is too large for a sealed file")
        packed = _SIZE.pack(len(plain)) + _CODEC.compress(plain, asbytes=True)
        sealed = self._cipher.encrypt(_nonce(number), packed, _covered(number, self._name))
        offset = self._file.written
        self._file.write(sealed)
        return offset, len(sealed)

    def frame(self, plain: bytes, rows: int, first: bytes = b"") -> None:
        """A frame of that many rows is appended."""
        offset, size = self._seal(len(self._frames), plain)
        self._sha256.update(plain)
        self._frames.append(Frame(offset, size, rows, first))
        self._rows += rows

    def close(self) -> StoredFile:
        """The file is complete and durable."""
        end = {
            "frames": [[frame.offset, frame.size, frame.rows, frame.first.hex()] for frame in self._frames],
            "sha256": self._sha256.hexdigest(),
        }
        with self._file:
            offset, _ = self._seal(_END_NUMBER, json.dumps(end, separators=(",", ":")).encode())
            self._file.write(_TAIL.pack(offset, _MAGIC))
            self._file.commit()
        return StoredFile(self._name, self._rows, self._file.written, self._sha256.hexdigest())

    def abandon(self) -> None:
        """Nothing of the file remains."""
        self._file.abandon()


class SealedReader:
    """An open sealed file whose end frame was found whole.

    Raises:
        BrokenPromise: the file is gone, truncated, changed, or sealed with another key or under another name.
    """

    def __init__(self, path: Path, name: str, data_key: DataKey) -> None:
        self._name = name
        try:
            self._handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise BrokenPromise(f"the sealed file {name} is gone") from None
        except OSError as wrong:
            raise Unavailable(f"the sealed file {name} cannot be opened ({wrong.strerror})") from None
        try:
            self._read_end(data_key)
        except BaseException:
            os.close(self._handle)
            raise

    def _read_end(self, data_key: DataKey) -> None:
        head_bytes = len(_MAGIC) + _SALT_BYTES
        size = os.fstat(self._handle).st_size
        if size < head_bytes + _TAIL.size:
            raise BrokenPromise(f"the sealed file {self._name} is truncated")
        head = self._pread(head_bytes, 0)
        end_offset, magic = _TAIL.unpack(self._pread(_TAIL.size, size - _TAIL.size))
        if magic != _MAGIC or head[: len(_MAGIC)] != _MAGIC or not head_bytes <= end_offset < size - _TAIL.size:
            raise BrokenPromise(f"the sealed file {self._name} is truncated or no sealed file")
        self._cipher = _cipher(data_key, head[len(_MAGIC) :], self._name)
        end = json.loads(self._open(_END_NUMBER, end_offset, size - _TAIL.size - end_offset))
        self.frames = [Frame(start, length, rows, bytes.fromhex(first)) for start, length, rows, first in end["frames"]]
        self.sha256: str = end["sha256"]
        self.rows = sum(frame.rows for frame in self.frames)

    def _open(self, number: int, offset: int, size: int) -> bytes:
        try:
            packed = self._cipher.decrypt(_nonce(number), self._pread(size, offset), _covered(number, self._name))
        except InvalidTag:
            raise BrokenPromise(
                f"the sealed file {self._name} does not open: it was changed, moved, or sealed with another key"
            ) from None
        (plain_size,) = _SIZE.unpack_from(packed)
        opened: bytes = _CODEC.decompress(memoryview(packed)[_SIZE.size :], plain_size, asbytes=True)
        return opened

    def frame(self, number: int) -> bytes:
        """The plain content of one frame."""
        frame = self.frames[number]
        return self._open(number, frame.offset, frame.size)

    def _pread(self, size: int, offset: int) -> bytes:
        with clear_errors(self._name):
            return os.pread(self._handle, size, offset)

    def close(self) -> None:
        """The file is closed."""
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
