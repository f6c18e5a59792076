"""The vault: every place where a value of a person may lie. Sealed on disk, opened in memory only.

A record file holds the raw bytes of records; the place of a record in its file is its row in the batch less the
first row of its partition, so a row whose bytes are not kept (`skip`) leaves an empty place. An identity file
holds what was split off resources: (id, row, JSON), sorted. Names of files tell nothing of a person.
"""

import hashlib
import secrets
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passerelle.errors import BrokenPromise
from passerelle.ids import ID_BYTES
from passerelle.stores.files import Named, StoredFile, path_below, unique_name
from passerelle.stores.keys import NONCE_BYTES, WRAPPED_BYTES, DataKey, KeyRing, VaultKey, rewrap, wrap
from passerelle.stores.sealing import FRAME_BYTES, SealedReader, SealedWriter
from passerelle.stores.waiting import WaitingRows

IDENTITY_SCHEMA = pa.schema(
    [
        pa.field("id", pa.binary(ID_BYTES), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("identity", pa.binary(), nullable=False),
    ]
)
_PLAIN_BYTES = 16 * 1024 * 1024
_GROUP_ROWS = 8_192
"""So many rows at once are taken apart into frames."""


class Identity(NamedTuple):
    """What was split off one resource of one record."""

    id: bytes
    row: int
    body: bytes


class _Writer:
    def __init__(self, root: Path, name: str, data_key: DataKey) -> None:
        self._sealed = SealedWriter(root, name, data_key)
        self.name = name

    def abandon(self) -> None:
        """Nothing of the file remains."""
        self._sealed.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sealed.abandon()


class RecordWriter(_Writer):
    """Writes raw records in their order. Leaving a `with` block without `close` leaves no file."""

    def __init__(self, root: Path, name: str, data_key: DataKey) -> None:
        super().__init__(root, name, data_key)
        self._rows: list[bytes] = []
        self._size = 0
        self._next = 0

    def add(self, raw: bytes) -> int:
        """The record is appended; its index in the file is returned."""
        self._rows.append(raw)
        self._size += len(raw) + 4
        if self._size >= FRAME_BYTES:
            self._flush()
        self._next += 1
        return self._next - 1

    def skip(self) -> int:
        """An empty place is kept for a record whose bytes are not; its index is returned."""
        return self.add(b"")

    def _flush(self) -> None:
        if self._rows:
            self._sealed.frame(_packed_records(self._rows), len(self._rows))
            self._rows, self._size = [], 0

    def close(self) -> StoredFile:
        """The file is complete and durable."""
        self._flush()
        return self._sealed.close()


class IdentityWriter(_Writer):
    """Collects identity rows, sorts them, writes them. Leaving a `with` block without `close` leaves no file."""

    def __init__(self, root: Path, name: str, data_key: DataKey) -> None:
        super().__init__(root, name, data_key)
        self._rows = WaitingRows(IDENTITY_SCHEMA, IDENTITY_SCHEMA.names, _PLAIN_BYTES)

    def add(self, resource_id: bytes, row: int, body: bytes) -> None:
        """The identity part of the resource that this row of the batch emitted is kept."""
        if len(resource_id) != ID_BYTES:
            raise BrokenPromise(f"an id of {len(resource_id)} bytes was given to an identity file")
        self._rows.add((resource_id, row, body))

    def close(self) -> StoredFile:
        """The file is complete and durable."""
        for rows in self._rows.drain(_GROUP_ROWS):
            for frame in _framed(rows):
                self._sealed.frame(_packed_identities(frame), frame.num_rows, frame.column(0)[0].as_py())
        return self._sealed.close()


def _framed(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows in frames that are full with their last row; but for the last frame."""
    ends = list(accumulate(pc.binary_length(rows.column("identity")).to_pylist(), initial=0))
    begin = 0
    while begin < rows.num_rows:
        end = bisect_left(ends, ends[begin] + FRAME_BYTES, lo=begin + 1, hi=rows.num_rows)
        yield rows.slice(begin, end - begin)
        begin = end


def _packed_records(rows: list[bytes]) -> bytes:
    head = struct.pack(f"<I{len(rows)}I", len(rows), *map(len, rows))
    return b"".join((head, *rows))


def _unpacked_records(frame: bytes) -> Iterator[bytes]:
    (count,) = struct.unpack_from("<I", frame)
    start = 4 + 4 * count
    for length in struct.unpack_from(f"<{count}I", frame, 4):
        end = start + length
        yield frame[start:end]
        start = end


def _packed_identities(frame: pa.RecordBatch) -> bytes:
    ids, rows, bodies = (column.to_pylist() for column in frame.columns)
    head = struct.pack(f"<I{len(ids)}I{len(ids)}q", len(ids), *map(len, bodies), *rows)
    return b"".join((head, *ids, *bodies))


def _unpacked_identities(frame: bytes) -> Iterator[Identity]:
    (count,) = struct.unpack_from("<I", frame)
    lengths = struct.unpack_from(f"<{count}I", frame, 4)
    numbers = struct.unpack_from(f"<{count}q", frame, 4 + 4 * count)
    id_start = 4 + 12 * count
    start = id_start + ID_BYTES * count
    for length, number in zip(lengths, numbers, strict=True):
        end = start + length
        yield Identity(frame[id_start : id_start + ID_BYTES], number, frame[start:end])
        id_start += ID_BYTES
        start = end


class Vault:
    """Sealed files below `vault/` of the data folder."""

    def __init__(self, root: Path, keys: KeyRing) -> None:
        self.root = root
        self._keys = keys

    def __repr__(self) -> str:
        return f"<Vault {self.root}>"

    def new_data_key(self) -> tuple[DataKey, bytes]:
        """A fresh data key, and the same wrapped by the vault key: only the wrapped one is ever stored."""
        data_key = DataKey(secrets.token_bytes(32))
        return data_key, wrap(data_key, self._keys.vault_key)

    def open_data_key(self, wrapped: bytes) -> DataKey:
        """The data key that the ledger keeps wrapped."""
        return self._keys.unwrap(wrapped)

    def seal(self, context: str, plain: bytes) -> bytes:
        """A small value sealed for the ledger (a checkpoint key, window bounds): its wrapped data key is in front."""
        data_key, wrapped = self.new_data_key()
        nonce = secrets.token_bytes(NONCE_BYTES)
        return wrapped + nonce + AESGCM(data_key.secret).encrypt(nonce, plain, context.encode())

    def open(self, context: str, sealed: bytes) -> bytes:
        """The value sealed under this context.

        Raises:
            BrokenPromise: the value was changed or belongs to another context.
        """
        wrapped, rest = sealed[:WRAPPED_BYTES], sealed[WRAPPED_BYTES:]
        cipher = AESGCM(self._keys.unwrap(wrapped).secret)
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise BrokenPromise("a sealed value of the ledger does not open: it was changed or moved") from None

    def record_writer(self, name: str, data_key: DataKey) -> RecordWriter:
        """A writer of records; the stored name is this one below `vault/`, with a random ending."""
        return RecordWriter(self.root, unique_name("vault", name, ".sealed"), data_key)

    def identity_writer(self, name: str, data_key: DataKey) -> IdentityWriter:
        """A writer of identity rows; the stored name is this one below `vault/`, with a random ending."""
        return IdentityWriter(self.root, unique_name("vault", name, ".sealed"), data_key)

    def _reader(self, file: Named, data_key: DataKey) -> SealedReader:
        return SealedReader(path_below(self.root, file.name), file.name, data_key)

    def read_records(self, file: Named, data_key: DataKey) -> Iterator[bytes]:
        """The records of the file in their order, one frame in memory at a time; an empty place gives `b""`."""
        with self._reader(file, data_key) as sealed:
            for number in range(len(sealed.frames)):
                yield from _unpacked_records(sealed.frame(number))

    def read_rows(self, file: Named, data_key: DataKey, rows: Iterable[int]) -> dict[int, bytes]:
        """The records at these indexes of the file; only the frames that hold them are opened.

        Raises:
            BrokenPromise: the file has no such row.
        """
        found: dict[int, bytes] = {}
        wanted = sorted(set(rows))
        with self._reader(file, data_key) as sealed:
            ends = list(accumulate(frame.rows for frame in sealed.frames))
            if wanted and (wanted[0] < 0 or wanted[-1] >= sealed.rows):
                raise BrokenPromise(f"{file.name} has {sealed.rows} rows; another one was asked for")
            at = 0
            while at < len(wanted):
                number = bisect_right(ends, wanted[at])
                first = ends[number] - sealed.frames[number].rows
                records = list(_unpacked_records(sealed.frame(number)))
                while at < len(wanted) and wanted[at] < ends[number]:
                    found[wanted[at]] = records[wanted[at] - first]
                    at += 1
        return found

    def read_identities(
        self, file: Named, data_key: DataKey, ids: Collection[bytes] | None = None
    ) -> Iterator[Identity]:
        """The identity rows, sorted by id and row: all, or those of the given ids (only their frames are opened)."""
        wanted = None if ids is None else frozenset(ids)
        with self._reader(file, data_key) as sealed:
            for number in self._frames_of(sealed, wanted):
                rows = _unpacked_identities(sealed.frame(number))
                yield from rows if wanted is None else (row for row in rows if row.id in wanted)

    @staticmethod
    def _frames_of(sealed: SealedReader, wanted: Collection[bytes] | None) -> Iterable[int]:
        if wanted is None:
            return range(len(sealed.frames))
        firsts = [frame.first for frame in sealed.frames]
        numbers: set[int] = set()
        for resource_id in wanted:
            # Rows of one id may begin in the frame before the first frame that begins with it.
            low = max(bisect_left(firsts, resource_id) - 1, 0)
            numbers.update(range(low, bisect_right(firsts, resource_id)))
        return sorted(numbers)

    def identity_table(self, file: Named, data_key: DataKey, ids: Collection[bytes] | None = None) -> pa.Table:
        """The identity rows as Arrow (`id`, `row`, `identity`), for set-shaped work in memory."""
        columns = list(zip(*self.read_identities(file, data_key, ids), strict=True)) or [(), (), ()]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, IDENTITY_SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=IDENTITY_SCHEMA)

    def verify(self, file: StoredFile, data_key: DataKey) -> str | None:
        """None if every frame opens and rows and hash are those of the ledger; else what is wrong, as a sentence."""
        digest = hashlib.sha256()
        try:
            with self._reader(file, data_key) as sealed:
                rows = sealed.rows
                for number in range(len(sealed.frames)):
                    digest.update(sealed.frame(number))
        except BrokenPromise as wrong:
            return str(wrong)
        if rows != file.rows:
            return f"{file.name} holds {rows} rows, the ledger says {file.rows}"
        if digest.hexdigest() != file.sha256:
            return f"{file.name} has not the content that the ledger names"
        return None


def reseal(sealed: bytes, old: VaultKey, new: VaultKey) -> bytes:
    """A value of `Vault.seal` with its data key rewrapped by the new vault key."""
    return rewrap(sealed[:WRAPPED_BYTES], old, new) + sealed[WRAPPED_BYTES:]
