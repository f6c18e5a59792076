"""What can be said of one message alone, before it is folded with others."""

from collections.abc import Callable, Collection, Sequence
from functools import cache

from passerelle.contracts.source import Fold, Table
from passerelle.reading import Message, PamMessage, Row, canonicalizer, message_of
from passerelle.reading.moments import Moment, hl7_moment
from passerelle.reading.ordering import message_order
from passerelle.reading.pam_fr import ACTIONS, CANCELS, INSERTS, MOVEMENT_EVENTS, TEST_INS_SYSTEMS, UPDATE
from passerelle.records import Reason, State

KeyOfMessage = Callable[[Row], tuple[str, ...] | None]
Refusal = tuple[State, Reason, str]

_EITHER_WAY = frozenset({"A06", "A07"})
"""Each is the cancel of the other: without ZBE-4 nobody knows what is meant."""


def pam_message(row: Row) -> PamMessage:
    """The message of a row that the French profile's reader made."""
    message = message_of(row)
    if not isinstance(message, PamMessage):
        raise TypeError("only messages read under the French profile are folded")
    return message


def events_of(fold: Fold, table: Table) -> frozenset[str]:
    """The events that take part in a fold. Events without a movement take no part in a stay."""
    read = table.messages.events if table.messages else ()
    events = frozenset(fold.events or read)
    return events & MOVEMENT_EVENTS if fold.by == "pam_stay" else events


def keys_of_message(
    fold_name: str,  # noqa: ARG001 - every fold of a table is asked the same way
    fold: Fold,
    table: Table,
    slots: Sequence[str],
    *,
    zone: str = "Europe/Paris",
) -> KeyOfMessage:
    """What reads the key of a message under a fold: canonical texts.

    It answers None when the message takes no part: its event is not among those of the fold, or a part of the key is
    empty. It raises Unreadable when a part is not of its declared type.
    """
    events = events_of(fold, table)
    places = [
        (
            slots.index(name),
            canonicalizer(table.columns[name], zone=zone, decimal=".", name=table.columns[name].path or name),
        )
        for name in fold.key
    ]

    def key(row: Row) -> tuple[str, ...] | None:
        if pam_message(row).event not in events:
            return None
        values = []
        for slot, canonical in places:
            value = row[slot]
            if not value:
                return None
            values.append(canonical(value))
        return tuple(values)

    return key


def unread(table: Table, row: Row) -> bool:
    """Whether the message is of an event that the table does not read: it is quarantined, `unread-event`, no place."""
    return table.messages is not None and pam_message(row).event not in table.messages.events


def refusal(table: Table, row: Row, *, production: bool = False) -> Refusal | None:
    """Why this message does not go on, whatever came before or after it. None when it does.

    - an event that is not read;
    - in production, a message of another kind than `P`, or one with a test number for a national identifier;
    - a movement that cannot be read: no ZBE, no number or no readable time, no action and none implied.
    """
    message = pam_message(row)
    if unread(table, row):
        return State.QUARANTINED, Reason.UNREAD_EVENT, ""
    if production and message.is_production is False:
        return State.QUARANTINED, Reason.NOT_PRODUCTION, "MSH-11"
    if production and not TEST_INS_SYSTEMS.isdisjoint(message.ins_systems()):
        return State.QUARANTINED, Reason.NOT_PRODUCTION, "PID-3"
    if message.event in MOVEMENT_EVENTS and is_in_disorder(message):
        return State.QUARANTINED, Reason.MOVEMENT_DISORDER, "ZBE"
    return None


def is_in_disorder(message: PamMessage) -> bool:
    """Whether a movement of the message cannot be read without guessing."""
    movements = message.every("ZBE")
    return not movements or any(
        message.leaf(fields, 1) is None or moment_of(message, fields) is None or action_of(message, fields) is None
        for fields in movements
    )


def action_of(message: PamMessage, fields: Sequence[str]) -> str | None:
    """INSERT, UPDATE or CANCEL: ZBE-4, else what the event implies. None when it says nothing or contradicts itself."""
    event, said = message.event, message.leaf(fields, 4)
    if said is None:
        return None if event in _EITHER_WAY else implied_action(event)
    if said not in ACTIONS:
        return None
    if event == UPDATE:
        return said if said == "UPDATE" else None
    if event in CANCELS:
        return said if said == "CANCEL" else None
    return said


def implied_action(event: str) -> str | None:
    """What an event means when ZBE-4 is empty."""
    if event in INSERTS:
        return "INSERT"
    if event in CANCELS:
        return "CANCEL"
    return "UPDATE" if event == UPDATE else None


def moment_of(message: PamMessage, fields: Sequence[str]) -> Moment | None:
    """The effective time of a movement, ZBE-2. None when it cannot be read."""
    said = message.leaf(fields, 2)
    try:
        return hl7_moment(said) if said else None
    except (ValueError, OverflowError):
        return None


_RANK = {"INSERT": 0, "UPDATE": 1, "CANCEL": 2}
_ENTRIES, _EXIT = frozenset({"A01", "A04"}), "A03"


def rank_of_action(action: str) -> int:
    """INSERT before UPDATE before CANCEL, where the order of messages is the same."""
    return _RANK[action]


def rank_of_event(event: str) -> int:
    """Entry before movement before exit, where times are the same."""
    return 0 if event in _ENTRIES else 2 if event == _EXIT else 1


@cache
def order_of(zone: str) -> Callable[[Message], str]:
    """What reads the order of a message, made once per zone."""
    return message_order(zone)


def tie_break(row: Row) -> str:
    """What orders messages of the same order, before their text does: entries before exits, inserts before cancels."""
    event = pam_message(row).event
    action = implied_action(event)
    return f"{rank_of_event(event)}{_RANK[action] if action else 0}"


def newest(messages: Sequence[Row], *, zone: str, without: Collection[int] = ()) -> int | None:
    """The newest message, by its own order; where that is the same, an exit after an entry, then by its text."""
    order = order_of(zone)

    def key(number: int) -> tuple[str, str, str]:
        message = pam_message(messages[number])
        return order(message), tie_break(messages[number]), message.whole()

    return max((number for number in range(len(messages)) if number not in without), key=key, default=None)
