"""The current view of a cut as resources: by body alone, or joined in memory with what was split off.

What link, deliver and report read. Rows are streamed; identity is held for one slice of the resources at a time.
Ids are given as they are written (`resource_id`), so that a reference in a body and the id it means compare equal.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa

from passerelle.ids import ID_BYTES
from passerelle.stores.keys import DataKey
from passerelle.stores.lake import IDS_SCHEMA, batches_of
from passerelle.stores.ledger import batches, items, stored
from passerelle.stores.ledger.cuts import Cut
from passerelle.stores.ledger.stored import BatchFile, FileKind
from passerelle.stores.opened import Stores

Tree = dict[str, Any]
Join = Callable[[Tree, Tree | None], Tree]
Slice = list[bytes] | None

SLICE_RESOURCES = 200_000
_COLUMNS = ("id", "type", "ord", "batch_id", "row", "body")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?![0-9])")
_UUID = re.compile(r"([A-Z][A-Za-z]+)/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Standing:
    """One resource that stands, and where it comes from."""

    id: bytes
    type: str
    source: str
    batch_id: int
    row: int
    order: str
    tree: Tree


def as_written(raw: bytes) -> bytes:
    """The sixteen bytes that the written id has: those of the key with version and variant set."""
    return raw[:6] + bytes((0x80 | (raw[6] & 0x0F), raw[7], 0x80 | (raw[8] & 0x3F))) + raw[9:]


def id_in(reference: object, resource_type: str | None = None) -> bytes | None:
    """The id that a Reference points to; None when it points to none of ours, or to another type."""
    written = reference.get("reference") if isinstance(reference, dict) else None
    found = _UUID.fullmatch(written) if isinstance(written, str) else None
    if found is None or (resource_type is not None and found[1] != resource_type):
        return None
    return bytes.fromhex(found[2].replace("-", ""))


def day_in(text: object) -> date | None:
    """The day of a FHIR date or dateTime on the clock it was written with; None when it has none, or is no date."""
    if not isinstance(text, str) or _DAY.match(text) is None:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def day_of(as_of: date | datetime, zone: str) -> date:
    """The day that `as_of` means in the zone. The last second of a day in UTC stands for that day everywhere.

    (A bare date is read as such a second, and nobody who writes a date means the next day of another clock.)
    """
    if not isinstance(as_of, datetime):
        return as_of
    utc = as_of.astimezone(UTC)
    if (utc.hour, utc.minute, utc.second) == (23, 59, 59):
        return utc.date()
    return as_of.astimezone(ZoneInfo(zone)).date()


class CutView:
    """What stands in a cut. Use as a context manager."""

    def __init__(
        self, stores: Stores, cut: Cut, sources: Sequence[str], join: Join, *, also: Sequence[int] = ()
    ) -> None:
        """The view of the cut's batches of these sources.

        Args:
            stores: where everything lies.
            cut: which batches, in which generation.
            sources: only batches of these.
            join: puts together what `structure` has split.
            also: batches whose newest files are seen too (what link stated).
        """
        self._stores = stores
        self._join = join
        with stores.ledger.read() as tx:
            known = batches.found(tx)
            files = stored.cut_files(tx, cut.id, FileKind.RESOURCES, sources)
            self._sealed = stored.cut_files(tx, cut.id, FileKind.IDENTITY, sources)
            for batch_id in also:
                files += stored.of_batch(tx, batch_id, FileKind.RESOURCES)
            excluded = items.excluded(tx, sources)
        self.source_of = {batch.id: batch.source for batch in known}
        self._wrapped = {batch.id: batch.wrapped_key for batch in known}
        self._data_keys: dict[bytes, DataKey] = {}
        self._view = stores.lake.view(stored.as_view_files(files), excluded)

    def count_by_type(self) -> dict[str, int]:
        """How many resources of each type stand."""
        return self._view.count_by_type()

    def bodies(
        self, types: Sequence[str], ids: Container[bytes] | None = None, *, ordered: bool = False
    ) -> Iterator[Standing]:
        """The resources of these types without what identifies: all, or those of these ids; sorted if asked for."""
        for slice_ in [None] if ids is None else self._slices(types, ids):
            yield from self._rows(types, slice_, {}, ordered=ordered)

    def wholes(
        self, types: Sequence[str], ids: Container[bytes] | None = None, *, ordered: bool = False
    ) -> Iterator[Standing]:
        """The resources of these types, whole: all, or those of these ids; sorted by type and id if asked for."""
        for slice_ in self._slices(types, ids):
            yield from self._rows(types, slice_, self._identities(types, slice_), ordered=ordered)

    def sources_of(self, resource_type: str) -> dict[bytes, str]:
        """The source of each resource of the type, by id."""
        return {
            as_written(key): self.source_of[batch_id]
            for part in batches_of(self._view.rows([resource_type]))
            for key, batch_id in zip(part.column("id").to_pylist(), part.column("batch_id").to_pylist(), strict=True)
        }

    def first_orders(self, resource_type: str) -> dict[bytes, str]:
        """By id of the resources of the type: the order of the first version that the cut has of each."""
        told = self._view.arrow(
            f"""
            SELECT m.id, min(s.ord) AS ord FROM {self._view.standing} m JOIN {self._view.source} s USING (fold)
            WHERE m.type = '{resource_type}' GROUP BY m.id
            """  # noqa: S608 a type's name is ours
        )
        return {
            as_written(key): order
            for key, order in zip(told.column("id").to_pylist(), told.column("ord").to_pylist(), strict=True)
        }

    def _slices(self, types: Sequence[str], ids: Container[bytes] | None) -> list[Slice]:
        """The resources to be read, in parts of which the identity can be held; None: all of them at once."""
        if ids is None:
            counted = self._view.count_by_type()
            if sum(counted.get(name, 0) for name in types) <= SLICE_RESOURCES:
                return [None]
        chosen = [key for key in self._keys(types) if ids is None or as_written(key) in ids]
        return [chosen[start : start + SLICE_RESOURCES] for start in range(0, len(chosen), SLICE_RESOURCES)]

    def _keys(self, types: Sequence[str]) -> Iterator[bytes]:
        for part in batches_of(self._view.ids(types)):
            yield from part.column("id").to_pylist()

    def _rows(
        self, types: Sequence[str], slice_: Slice, identities: dict[tuple[int, int, bytes], bytes], *, ordered: bool
    ) -> Iterator[Standing]:
        ids = None if slice_ is None else pa.table({"id": pa.array(slice_, pa.binary(ID_BYTES))}, schema=IDS_SCHEMA)
        join, loads, source_of = self._join, orjson.loads, self.source_of
        for part in batches_of(self._view.rows(types, ids, ordered=ordered)):
            columns = (part.column(name).to_pylist() for name in _COLUMNS)
            for key, name, order, batch_id, row, body in zip(*columns, strict=True):
                tree = loads(body)
                sealed = identities.get((batch_id, row, key))
                if sealed is not None:
                    tree = join(tree, loads(sealed))
                yield Standing(as_written(key), name, source_of[batch_id], batch_id, row, order, tree)

    def _identities(self, types: Sequence[str], slice_: Slice) -> dict[tuple[int, int, bytes], bytes]:
        """Identity by (batch, row, id); of a row that was evaluated again, what the later file says."""
        if slice_ is None:
            slice_ = list(self._keys(types))
        wanted = frozenset(slice_)
        return {
            (file.batch_id, one.row, one.id): one.body
            for file in sorted(self._sealed, key=lambda file: (file.batch_id, file.position))
            for one in self._stores.vault.read_identities(file, self._data_key(file), wanted)
        }

    def _data_key(self, file: BatchFile) -> DataKey:
        wrapped = file.wrapped_key or self._wrapped[file.batch_id]
        if wrapped not in self._data_keys:
            self._data_keys[wrapped] = self._stores.vault.open_data_key(wrapped)
        return self._data_keys[wrapped]

    def close(self) -> None:
        """The memory is given back."""
        self._data_keys.clear()
        self._view.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
