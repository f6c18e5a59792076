"""One raw record as land sees it: which keys it carries, which order, and whether it is ours. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from passerelle.contracts.source import Scope, Source, Table
from passerelle.fold.keys import UNREADABLE_ROLE, Row, digest_of, hasher_of, own_role, registrations_of
from passerelle.fold.ties import among_equals
from passerelle.reading import Reader, Unreadable, order_reader, reader_for
from passerelle.records import Reason, State

OUT_OF_SCOPE_ROLE = "out-of-scope"
"""Records that were dropped are recognised by a keyed hash: nothing else of them is kept."""
UNFOLDED = "bytes"
"""The fold of records that carry no key of their own, such as a message of an event that takes part in no fold."""


@dataclass(frozen=True, slots=True)
class Classified:
    """What land says of one raw record."""

    state: State
    reason: Reason | None
    place: str
    order: str
    digest: bytes
    folds: tuple[tuple[str, bytes], ...]


class Classifier:
    """Reads and classifies the raw records of one table."""

    def __init__(self, source: Source, table_name: str, fold_key: bytes, units: frozenset[str]) -> None:
        """Everything that depends on the contract alone is prepared here; `units` are the codes of units.csv."""
        table = source.tables[table_name]
        self.reader: Reader = reader_for(table, zone=source.time_zone)
        self.registrations = registrations_of(source, table_name, fold_key)
        self._order = order_reader(table, zone=source.time_zone)
        self._ties = table.ties is not None
        self._unreadable = hasher_of(fold_key, source, table_name, UNREADABLE_ROLE)
        self._dropped = hasher_of(fold_key, source, table_name, OUT_OF_SCOPE_ROLE)
        self._unfolded_role = own_role(table_name, UNFOLDED)
        self._unfolded = hasher_of(fold_key, source, table_name, UNFOLDED)
        self._scope_place = _written_place(table, table.scope.column) if table.scope else ""
        own = {registration.role for registration in self.registrations if registration.own}
        self._own_roles = frozenset(own | {UNREADABLE_ROLE, OUT_OF_SCOPE_ROLE, self._unfolded_role})
        self._scope = _scope_test(table.scope, tuple(table.columns), units)

    def classify(self, raw: bytes, snapshot: str = "") -> Classified:
        """The state of one raw record, before it is compared with what is already known."""
        digest = digest_of(raw)
        try:
            row = self.reader.parse(raw)
            if self._scope is not None and not self._scope(row):
                return self._out_of_scope(digest)
            order = self._order(row, snapshot)
            if self._ties:
                order = among_equals(order, digest)
            folds = []
            for registration in self.registrations:
                fold = registration.fold_of(row)
                if fold is not None:
                    folds.append((registration.role, fold))
        except Unreadable as stopped:
            return self._stopped(digest, stopped.reason, stopped.place)
        if not any(role in self._own_roles for role, _ in folds):
            folds.append((self._unfolded_role, self._unfolded.of((digest.hex(),))))
        return Classified(State.PASSED, None, "", order, digest, tuple(folds))

    def unreadable(self, raw: bytes, reason: Reason, place: str) -> Classified:
        """A record that is known to be unreadable before it is read: a file that cannot be split is one."""
        return self._stopped(digest_of(raw), reason, place)

    def _stopped(self, digest: bytes, reason: Reason, place: str) -> Classified:
        known_by = self._unreadable.of((digest.hex(),))
        return Classified(State.QUARANTINED, reason, place, "", digest, ((UNREADABLE_ROLE, known_by),))

    def _out_of_scope(self, digest: bytes) -> Classified:
        """Its bytes go, and so does their plain hash: what could be guessed could be tried."""
        known_by = self._dropped.of((digest.hex(),))
        folds = ((OUT_OF_SCOPE_ROLE, known_by),)
        return Classified(State.OUT_OF_SCOPE, Reason.NOT_OUR_SCOPE, self._scope_place, "", known_by, folds)

    def own_fold(self, classified: Classified) -> tuple[str, bytes]:
        """The role and key under which earlier copies of this record are looked for."""
        return next(found for found in classified.folds if found[0] in self._own_roles)


def _written_place(table: Table, column: str) -> str:
    return table.columns[column].path or column


def _scope_test(scope: Scope | None, slots: Sequence[str], units: frozenset[str]) -> Callable[[Row], bool] | None:
    if scope is None:
        return None
    place = slots.index(scope.column)
    allowed = frozenset(scope.among) | (units if scope.units else frozenset())
    when_missing = scope.missing == "in"

    def inside(row: Row) -> bool:
        value = row[place]
        return value in allowed if value else when_missing

    return inside
