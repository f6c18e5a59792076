"""Records that wait on disk, by bucket, until they can be put in order: memory does not grow with the region."""

import struct
from collections.abc import Iterator
from pathlib import Path

_HEAD = struct.Struct(">HI")


class Spool:
    """Takes records in any order and gives each bucket back sorted. One bucket at a time is held in memory."""

    def __init__(self, folder: Path, *, most_bytes: int = 8_000_000) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._most = most_bytes
        self._numbers: dict[str, int] = {}
        self._waiting: dict[str, list[bytes]] = {}
        self._held = 0

    def add(self, bucket: str, order: str, payload: bytes) -> None:
        """The record lies in its bucket; `order` decides its place, and its bytes decide between equals."""
        key = order.encode()
        record = _HEAD.pack(len(key), len(payload)) + key + payload
        self._waiting.setdefault(bucket, []).append(record)
        self._held += len(record)
        if self._held > self._most:
            self._flush()

    def buckets(self) -> list[str]:
        """The names of all buckets, sorted."""
        return sorted({*self._numbers, *self._waiting})

    def drain(self, bucket: str) -> Iterator[bytes]:
        """The records of a bucket in order. The bucket is gone afterwards."""
        self._flush()
        path = self._path(bucket)
        yield from (payload for _, payload in sorted(_records(path.read_bytes())))
        path.unlink()

    def close(self) -> None:
        """The folder is gone. Every bucket was drained before."""
        self._folder.rmdir()

    def _flush(self) -> None:
        for bucket, records in self._waiting.items():
            self._numbers.setdefault(bucket, len(self._numbers))
            with self._path(bucket).open("ab") as file:
                file.writelines(records)
        self._waiting.clear()
        self._held = 0

    def _path(self, bucket: str) -> Path:
        return self._folder / str(self._numbers[bucket])


def _records(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(raw):
        key_length, length = _HEAD.unpack_from(raw, place)
        start = place + _HEAD.size
        place = start + key_length + length
        yield raw[start : start + key_length], raw[start + key_length : place]
