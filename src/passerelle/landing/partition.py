"""One partition while it fills: each record in its state, compared with what is known, its bytes kept or not."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from passerelle.landing.bounds import Raw
from passerelle.landing.classifying import Classified, Classifier
from passerelle.records import PARTITION_ROWS, Reason, Stage, State, Stop
from passerelle.stores.ledger import Ledger, key_index
from passerelle.stores.ledger.key_index import Entry
from passerelle.stores.ledger.stored import FileKind, NewFile
from passerelle.stores.vault import RecordWriter

Identity = tuple[str, bytes, str, bytes]
"""Role, key, order and digest: a record that has all four in common with another is the same record again."""


class Known:
    """Which records of a table are in the index already."""

    def __init__(self, ledger: Ledger, source: str, classifier: Classifier) -> None:
        self._ledger = ledger
        self._source = source
        self._classifier = classifier

    def identity(self, record: Classified) -> Identity:
        """What the record is recognised by."""
        role, fold = self._classifier.own_fold(record)
        return role, fold, record.order, record.digest

    def among(self, identities: Sequence[Identity], batch_id: int | None, first_row: int) -> set[Identity]:
        """Those of the records that were landed before: by other batches, or by this one before the row."""
        wanted: defaultdict[str, set[bytes]] = defaultdict(set)
        for role, fold, _, _ in identities:
            wanted[role].add(fold)
        known = set()
        with self._ledger.read() as tx:
            for role, folds in sorted(wanted.items()):
                for entry in key_index.lookup(tx, self._source, role, folds):
                    if entry.batch_id != batch_id or entry.row < first_row:
                        known.add((role, bytes(entry.fold), entry.ord, bytes(entry.digest)))
        return known


@dataclass(frozen=True, slots=True)
class Indexed:
    """An entry of the index before its batch has a number."""

    fold: bytes
    order: str
    row: int
    digest: bytes


class Partition:
    """Rows of a batch that are committed together. Leaving a `with` block without `close` leaves no file."""

    def __init__(self, part: int, writer: RecordWriter) -> None:
        self.part = part
        self.first_row = part * PARTITION_ROWS
        self.stops: list[Stop] = []
        self._entries: defaultdict[str, list[Indexed]] = defaultdict(list)
        self._seen: set[Identity] = set()
        self._records = writer
        self.rows = 0

    @property
    def passed(self) -> int:
        """How many of its records passed."""
        return self.rows - len(self.stops)

    def is_new(self, identity: Identity, known: set[Identity]) -> bool:
        """True if the record is neither known nor earlier in this partition."""
        return identity not in known and identity not in self._seen

    def take(self, raw: Raw, record: Classified, identity: Identity) -> None:
        """A record that is new has its place, in the state that land gave it."""
        row = self.first_row + self.rows
        self._seen.add(identity)
        for role, fold in record.folds:
            self._entries[role].append(Indexed(fold, record.order, row, record.digest))
        if record.reason is not None:
            self.stops.append(Stop(row, Stage.LAND, record.state, record.reason, record.place))
        if record.state is State.OUT_OF_SCOPE:
            self._records.skip()
        else:
            self._records.add(raw.data)
        self.rows += 1

    def take_known(self, count: int = 1) -> None:
        """Records that are known already have their places and no bytes."""
        first = self.first_row + self.rows
        for row in range(first, first + count):
            self.stops.append(Stop(row, Stage.LAND, State.DUPLICATE, Reason.SAME_BYTES))
            self._records.skip()
        self.rows += count

    def close(self) -> NewFile:
        """Its records, complete and durable."""
        return NewFile(self._records.close(), FileKind.RECORDS, self.part)

    def entries_of(self, batch_id: int) -> Iterator[tuple[str, list[Entry]]]:
        """The entries of each role, for the index."""
        for role, entries in sorted(self._entries.items()):
            yield role, [Entry(one.fold, one.order, batch_id, one.row, one.digest) for one in entries]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Nothing of its files remains unless they were completed."""
        self._records.abandon()
