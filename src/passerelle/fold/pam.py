"""The messages of one stay, folded into the stay (IHE PAM France, ITI-31).

Every message states something about a movement, named by ZBE-1: that it took place (INSERT), that it was otherwise
(UPDATE), or that it did not (CANCEL). ZBE-4 says which, before the event does. Of the statements about one movement
the newest counts; of the movements that survive, sorted by their time (ZBE-2), an entry (A01, A04) before a movement
before an exit (A03), the stay is made. Announcements (A05, A14, A15, A16) change nothing that took place. The same
messages give the same stay, in whatever order they arrive.

Virtual columns that this fold fills (a column whose `path` is one of these names; every other column is that of the
newest message):

- `@status`: `planned` (announced only), `in-progress`, `finished` (as many exits as entries survive), `cancelled`
  (every entry was cancelled).
- `@start`, `@end`: ZBE-2 of the first entry and of the last exit, as written (HL7 TS). `@end` is None when the exit is
  earlier than the entry, or the same on an inpatient stay, or less precise than a day.
- `@class`: PV1-2 of the newest movement (E, I, O, R, V, N).
- `@unit`: ZBE-7.10, the medical unit, of the newest movement that says one.
- `@mode`: how the person left: PV1-36 of the exit; when it is empty, ZFM-2 written `ZFM-8`.
- `@pmsi_mode`, `@pmsi_destination`: ZFM-2 and ZFM-4 of the exit.
- `@destination`: PV1-37.1 of the exit, the FINESS of the establishment the person goes to.
- `@died`: `true` when the exit says so: ZFM-2 is 9, PID-30 is Y, or PID-29 is filled. None otherwise.

Findings: `movement-shifted` (ZBE), `movement-action-implied` (ZBE-4), `movement-disorder` (ZBE-1: stated again after
its cancellation), `forbidden-field` (PV1, ZBE, ZFV, ZFA), `doubtful-times` and `no-discharge-time` (ZBE-2, at the
exit), `stay-key-from-file-number` (PV1-19, once per stay). Findings about PID are those of the fold `latest`.

Several entry and exit pairs under one file number are one stay, from the first entry to the last exit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from passerelle.contracts.across_tables import OF_STAY
from passerelle.contracts.source import Fold, Table
from passerelle.fold.folded import Folded
from passerelle.fold.latest import fold_latest
from passerelle.fold.messages import (
    action_of,
    keys_of_message,
    moment_of,
    newest,
    order_of,
    pam_message,
    rank_of_action,
    rank_of_event,
    refusal,
    unread,
)
from passerelle.reading import MessageRow, PamMessage, Row
from passerelle.reading.moments import Clock, Moment
from passerelle.reading.pam_fr import MOVEMENT_EVENTS
from passerelle.records import Reason, State

__all__ = ["Folded", "fold_messages", "keys_of_message", "refusal", "unread"]

_ENTRIES = frozenset({"A01", "A04"})
_EXIT = "A03"
_ANNOUNCED = frozenset({"A05", "A14", "A15", "A16"})
_PLANNED = frozenset({"A05", "A14"})
_INPATIENT = "I"
_DIED = "9"


def fold_messages(fold: Fold, table: Table, messages: Sequence[Row], *, zone: str, production: bool = False) -> Folded:
    """One record out of the messages of one key; `production` says that test messages are stopped.

    Numbers in the result are positions in `messages`, which the result does not depend on otherwise.
    """
    if fold.by == "latest":
        folded = fold_latest(table, messages, zone=zone, production=production)
    else:
        folded = _Stay(table, messages, zone=zone, production=production).folded()
    for row in messages:
        pam_message(row).forget()
    return folded


@dataclass(frozen=True, slots=True)
class _Statement:
    """What one message says of one movement."""

    number: int
    message: PamMessage
    fields: list[str]
    names: tuple[tuple[str, str], ...]
    action: str
    moment: Moment
    wall: datetime
    order: tuple[str, int, str]

    def value(self, field: int, component: int = 1) -> str | None:
        return self.message.leaf(self.fields, field, component)


@dataclass(frozen=True, slots=True)
class _Movement:
    """A movement that took place, as its newest statement tells it."""

    event: str
    told: _Statement
    statements: tuple[_Statement, ...] = ()

    @property
    def key(self) -> tuple[datetime, int, tuple[tuple[str, str], ...]]:
        return self.told.wall, rank_of_event(self.event), self.told.names


class _Stay:
    """One stay in the making."""

    def __init__(self, table: Table, messages: Sequence[Row], *, zone: str, production: bool) -> None:
        self._virtual = [
            (slot, column.path or name)
            for slot, (name, column) in enumerate(table.columns.items())
            if (column.path or name) in OF_STAY
        ]
        self._messages = messages
        self._zone = zone
        self._clock = Clock(zone)
        self._result = Folded()
        self._movements: list[_Movement] = []
        self._cancelled: list[_Movement] = []
        going = []
        for number, row in enumerate(messages):
            refused = refusal(table, row, production=production)
            if refused:
                self._result.stops.append((number, *refused))
            else:
                going.append(number)
                self._notice(number, pam_message(row))
        for told in _by_movement(self._statements(going)):
            self._settle(told)
        self._movements.sort(key=lambda movement: movement.key)

    def folded(self) -> Folded:
        """The stay, or what is known so far."""
        entries = [one for one in self._movements if one.event in _ENTRIES]
        cancelled = [one for one in self._cancelled if one.event in _ENTRIES]
        exits = [one for one in self._movements if one.event == _EXIT]
        if exits and not entries and not cancelled:
            self._wait(statement for one in exits for statement in one.statements)
            exits = []
        self._result.stops.sort()
        latest = self._result.latest = newest(self._messages, zone=self._zone, without=self._result.stopped())
        status = self._status(len(entries), len(exits), was_cancelled=bool(cancelled))
        if latest is not None and status is not None:
            said: dict[str, str | None] = {"@status": status}
            if status == "cancelled":
                self._tell(said, sorted(cancelled, key=lambda one: one.key), cancelled[:1], [])
            elif status != "planned":
                self._tell(said, [one for one in self._movements if one.event not in _ANNOUNCED], entries, exits)
            self._fill(latest, said)
        self._result.findings.sort()
        return self._result

    def _statements(self, numbers: Iterable[int]) -> list[_Statement]:
        order = order_of(self._zone)
        made = []
        for number in numbers:
            message = pam_message(self._messages[number])
            if message.event not in MOVEMENT_EVENTS:
                continue
            for fields in message.every("ZBE"):
                moment, action = moment_of(message, fields), action_of(message, fields)
                assert moment is not None
                assert action is not None
                key = (order(message), rank_of_action(action), message.whole())
                names = _names(message, fields)
                wall = self._clock.wall(moment.at)
                made.append(_Statement(number, message, fields, names, action, moment, wall, key))
        return sorted(made, key=lambda statement: statement.order)

    def _settle(self, told: list[_Statement]) -> None:
        """The movement took place, or was cancelled, or is not known yet."""
        inserts = [one for one in told if one.action == "INSERT"]
        if not inserts:
            self._wait(told)
            return
        self._notice_revivals(told)
        event, last = inserts[-1].message.event, told[-1]
        if last.action == "CANCEL":
            self._cancelled.append(_Movement(event, inserts[-1]))
        else:
            self._movements.append(_Movement(event, last, tuple(told)))

    def _wait(self, told: Iterable[_Statement]) -> None:
        stopped = self._result.stopped()
        for number in sorted({one.number for one in told} - stopped):
            self._result.stops.append((number, State.PENDING, Reason.WAITS_FOR_MOVEMENT, ""))

    def _status(self, entries: int, exits: int, *, was_cancelled: bool) -> str | None:
        if entries:
            return "finished" if exits >= entries else "in-progress"
        kinds = {one.event for one in self._movements}
        if kinds & _PLANNED:
            return "planned"
        if was_cancelled:
            return "cancelled"
        return "in-progress" if kinds - _ANNOUNCED - {_EXIT} else None

    def _tell(
        self,
        said: dict[str, str | None],
        movements: Sequence[_Movement],
        entries: Sequence[_Movement],
        exits: Sequence[_Movement],
    ) -> None:
        """What the surviving movements say of the stay."""
        tellers = [one.told for one in reversed(movements)]
        said["@class"] = next(filter(None, (one.message.text("PV1", 2) for one in tellers)), None)
        said["@unit"] = next(filter(None, (one.value(7, 10) for one in tellers)), None)
        said["@start"] = entries[0].told.value(2) if entries else None
        if said["@status"] == "finished":
            last = exits[-1].told
            said["@end"] = self._end(entries[-1].told, last, is_inpatient=said["@class"] == _INPATIENT)
            self._tell_exit(said, last.message)

    def _end(self, entry: _Statement, last: _Statement, *, is_inpatient: bool) -> str | None:
        """The time of the exit; None, and a finding, when it cannot be the time at which the person left."""
        if last.moment.precision in {"year", "month"}:
            self._result.findings.append((last.number, Reason.NO_DISCHARGE_TIME, "ZBE-2"))
            return None
        if "day" in {entry.moment.precision, last.moment.precision}:
            is_doubtful = last.wall.date() < entry.wall.date()
        else:
            is_doubtful = last.wall < entry.wall or (is_inpatient and last.wall == entry.wall)
        if is_doubtful:
            self._result.findings.append((last.number, Reason.DOUBTFUL_TIMES, "ZBE-2"))
            return None
        return last.value(2)

    @staticmethod
    def _tell_exit(said: dict[str, str | None], message: PamMessage) -> None:
        pmsi = message.text("ZFM", 2)
        said["@pmsi_mode"] = pmsi
        said["@pmsi_destination"] = message.text("ZFM", 4)
        said["@mode"] = message.text("PV1", 36) or (f"ZFM-{pmsi}" if pmsi else None)
        said["@destination"] = message.text("PV1", 37)
        died = pmsi == _DIED or message.text("PID", 30) == "Y" or message.text("PID", 29) is not None
        said["@died"] = "true" if died else None

    def _fill(self, latest: int, said: dict[str, str | None]) -> None:
        """The row is that of the newest message, with what the stay says in its virtual columns."""
        source = self._messages[latest]
        message = pam_message(source)
        row = MessageRow(source)
        row.message = message
        for slot, name in self._virtual:
            row[slot] = said.get(name)
        self._result.row = row
        if message.stay_key_is_file:
            self._result.findings.append((latest, Reason.STAY_KEY_FROM_FILE, "PV1-19"))

    def _notice(self, number: int, message: PamMessage) -> None:
        noticed = self._result.findings
        if message.event in MOVEMENT_EVENTS:
            if message.was_shifted():
                noticed.append((number, Reason.MOVEMENT_SHIFTED, "ZBE"))
            if any(message.leaf(fields, 4) is None for fields in message.every("ZBE")):
                noticed.append((number, Reason.MOVEMENT_ACTION_IMPLIED, "ZBE-4"))
        places = message.forbidden_fields("PV1", "ZBE", "ZFV", "ZFA")
        noticed += [(number, Reason.FORBIDDEN_FIELD, place) for place in places]

    def _notice_revivals(self, told: Sequence[_Statement]) -> None:
        for before, after in pairwise(told):
            if before.action == "CANCEL" and after.action != "CANCEL":
                self._result.findings.append((after.number, Reason.MOVEMENT_DISORDER, "ZBE-1"))


def _names(message: PamMessage, fields: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The numbers of a movement, each with the authority that gave it. Several are aliases of one another."""
    found = []
    for text in message.repetitions(fields, 1):
        number, authority = message.part(text, 1), message.part(text, 3) or message.part(text, 2)
        if number:
            found.append((authority or "", number))
    return tuple(sorted(found))


def _by_movement(statements: Sequence[_Statement]) -> list[list[_Statement]]:
    """Statements about the same movement, together; the order is kept."""
    groups: list[tuple[set[tuple[str, str]], list[_Statement]]] = []
    for statement in statements:
        names, told = set(statement.names), [statement]
        apart = []
        for other in groups:
            if other[0] & names:
                names |= other[0]
                told = other[1] + told
            else:
                apart.append(other)
        groups = [*apart, (names, told)]
    return [sorted(told, key=lambda statement: statement.order) for _, told in groups]
