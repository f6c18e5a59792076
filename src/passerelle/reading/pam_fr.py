"""What the French profile of patient management (IHE PAM, ITI-30 and ITI-31) adds to HL7 v2.

- A movement segment written one place too far (ZBE-4 empty, the action in ZBE-5, Y or N in ZBE-6) is read shifted.
- Forbidden fields are never read: they are empty for every column and repeat.
- A national identifier (CX-5 `INS`) is in PID-3 only while the identity is validated (PID-32 `VALI`).
- Who asked for anonymity (any repetition of PID-32 is `ANOM`, in whatever case and blanks; it is then read as the
  first) has no name, birth date, address, phone, national identifier, relative, guarantor or insurance, whatever the
  message says.
- A PID with more fields than there are, or with `ANOM` in another field than 32, was shifted by a separator inside a
  text: nobody knows what its fields are, and the message stops.

Virtual columns that the reader fills (a column whose `path` is one of these names):

- `@event`: the trigger event, MSH-9.2.
- `@ipp`: the patient's number at the source: CX-1 of the first repetition of PID-3 whose type is `PI`.
- `@stay_key`: the number of the stay: PV1-19.1, unless it is empty or the establishment's own number (equal to
  PV1-19.4.2), else the file number PID-18.1. It is None for messages that speak of no movement.

The fold `pam_stay` fills the others: see `passerelle.fold.pam`.
"""

from collections.abc import Callable, Iterable
from functools import partial

from passerelle.contracts.source import Table
from passerelle.reading.hl7v2 import NOTHING, Delimiters, Hl7Reader, Message
from passerelle.reading.unreadable import Unreadable
from passerelle.records import Reason

ACTIONS = frozenset({"INSERT", "UPDATE", "CANCEL"})
INSERTS = frozenset({"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A14", "A15", "A16", "A21", "A22", "A54"})
CANCELS = frozenset({"A11", "A12", "A13", "A25", "A26", "A27", "A38", "A52", "A53", "A55"})
UPDATE = "Z99"
MOVEMENT_EVENTS = INSERTS | CANCELS | {UPDATE}
"""Events for which ZBE is required; all others speak of the patient alone."""

VALIDATED = "VALI"
ANONYMOUS = "ANOM"
NAMELESS = "U"
"""Type of a name that stands for somebody whose name is not told."""
INS_TYPES = frozenset({"INS", "INS-NIR", "INS-NIA"})
TEST_INS_SYSTEMS = frozenset({"1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"})

FORBIDDEN = {
    "PID": (2, 4, 9, 10, 12, 17, 19, 20, 22, 28),
    "NK1": (25, 28, 35),
    "PV1": (9, 40, 52),
    "ZBE": (3,),
    "ZFV": (3,),
    "ZFA": (4, 5, 6, 7, 8),
}
"""Fields that the profile forbids. PV2-3 is obsolete and left readable: the legal mode is still sent there."""

IDENTIFYING = (5, 6, 7, 11, 13, 14, 21, 23)
"""Fields of PID that say who somebody is."""
PID_FIELDS = 39
ABOUT_OTHERS = frozenset({"NK1", "GT1", "IN1", "IN2", "IN3"})
"""Segments that name relatives, guarantors and insured persons: they tell who somebody is as well."""
PRIOR_NAME = 7
"""MRG-7: the name that a merged patient had."""


class PamMessage(Message):
    """A message of the French profile."""

    __slots__ = (
        "_is_anonymous",
        "_is_shifted",
        "_unwanted",
        "_without_ins",
        "event",
        "patient_number",
        "person_is_shifted",
        "stay_key",
        "stay_key_is_file",
    )

    def __init__(self, segments: list[str], delimiters: Delimiters) -> None:
        super().__init__(segments, delimiters)
        self._is_shifted = False
        self._is_anonymous = False
        self._without_ins = False
        self.person_is_shifted = False
        """Whether the fields of PID stand where they do not belong."""
        self._unwanted: list[str] = []
        self.event = self.text("MSH", 9, 2) or ""
        """The trigger event; empty when the message does not say."""
        self.patient_number = self._patient_number()
        """The patient's number at the source: `@ipp`."""
        visit = self._visit_number() if self.event in MOVEMENT_EVENTS else None
        self.stay_key_is_file = self.event in MOVEMENT_EVENTS and visit is None
        """Whether the stay is named by the file number, for want of a visit number."""
        self.stay_key = (visit or self.text("PID", 18)) if self.event in MOVEMENT_EVENTS else None
        """The number of the stay: `@stay_key`."""

    @property
    def is_production(self) -> bool | None:
        """Whether MSH-11 says production; None when it says nothing."""
        said = self.text("MSH", 11)
        return None if said is None else said == "P"

    def ins_systems(self) -> list[str]:
        """The systems (OID) of the national identifiers that PID-3 still holds."""
        fields = self.first("PID") or []
        return [self.part(text, 4, 2) or "" for text in self.repetitions(fields, 3) if self._is_ins(text)]

    def ins_was_dropped(self) -> bool:
        """Whether PID-3 held a national identifier though the identity is not validated."""
        self.first("PID")
        return self._without_ins

    def was_shifted(self) -> bool:
        """Whether a movement was written one place too far."""
        self.every("ZBE")
        return self._is_shifted

    def forbidden_fields(self, *names: str) -> list[str]:
        """The forbidden fields that were filled in segments of these names, each once."""
        for name in names:
            self.every(name)
        return sorted({place for place in self._unwanted if place[:3] in names})

    def forget(self) -> None:
        """What was split is given back, and what was noticed while splitting."""
        super().forget()
        self._unwanted.clear()

    def adapt(self, fields: list[str]) -> None:
        """The segment as the profile wants it read."""
        name = fields[0]
        if name == "ZBE" and _is_shifted(fields):
            del fields[4]
            self._is_shifted = True
        elif name == "PID":
            self._adapt_person(fields)
        elif self._is_anonymous and name in ABOUT_OTHERS:
            self._drop(fields, range(1, len(fields)))
        elif self._is_anonymous and name == "MRG":
            self._drop(fields, (PRIOR_NAME,))
        for number in FORBIDDEN.get(name, ()):
            if number < len(fields) and fields[number]:
                if fields[number] != NOTHING:
                    self._unwanted.append(f"{name}-{number}")
                fields[number] = ""

    def _patient_number(self) -> str | None:
        fields = self.first("PID")
        if fields is None:
            return None
        for text in self.repetitions(fields, 3):
            if self.part(text, 5) == "PI":
                return self.part(text, 1)
        return None

    def _visit_number(self) -> str | None:
        number = self.text("PV1", 19)
        return None if number is None or number == self.text("PV1", 19, 4, 2) else number

    def _is_ins(self, text: str) -> bool:
        return self.part(text, 5) in INS_TYPES

    def _adapt_person(self, fields: list[str]) -> None:
        if self._says_anonymous(fields, 32):
            self._is_anonymous = True
            self._drop_identity(fields)
        elif ANONYMOUS in self.delimiters.field.join(fields).upper():
            self.person_is_shifted = any(self._says_anonymous(fields, number) for number in range(1, len(fields)))
        if len(fields) > PID_FIELDS + 1:
            self.person_is_shifted = True
        self._drop_ins(fields)

    def _says_anonymous(self, fields: list[str], number: int) -> bool:
        said = (self.part(text, 1) for text in self.repetitions(fields, number))
        return any(text is not None and text.strip().upper() == ANONYMOUS for text in said)

    def _drop_identity(self, fields: list[str]) -> None:
        """Nothing of the person's identity is left: of their numbers, only the one at the source."""
        fields[32] = ANONYMOUS
        nameless = all(self.part(text, 7) == NAMELESS for text in self.repetitions(fields, 5))
        if nameless and len(fields) > 5:
            fields[5] = ""
        self._drop(fields, IDENTIFYING)
        said = self.repetitions(fields, 3)
        kept = [text for text in said if self.part(text, 5) == "PI" or self._is_ins(text)]
        fields[3] = self.delimiters.repetition.join(kept)

    def _drop(self, fields: list[str], numbers: Iterable[int]) -> None:
        for number in numbers:
            if number < len(fields) and fields[number]:
                self._unwanted.append(f"{fields[0]}-{number}")
                fields[number] = ""

    def _drop_ins(self, fields: list[str]) -> None:
        if len(fields) < 4 or "INS" not in fields[3]:
            return
        said = self.repetitions(fields, 3)
        kept = [text for text in said if not self._is_ins(text)]
        if len(kept) == len(said) or VALIDATED in self.repetitions(fields, 32):
            return
        self._without_ins = True
        fields[3] = self.delimiters.repetition.join(kept)


def _is_shifted(fields: list[str]) -> bool:
    return len(fields) > 6 and not fields[4] and fields[5] in ACTIONS and fields[6] in {"Y", "N"}


def pam_reader(table: Table) -> Hl7Reader:
    """A reader of a table's messages under the French profile."""
    return Hl7Reader(table, make=PamMessage, virtual=_VIRTUAL, judge=partial(_judge, _staying_events(table)))


def _staying_events(table: Table) -> frozenset[str]:
    """Events that are read and must name a stay."""
    read = frozenset(table.messages.events) if table.messages else MOVEMENT_EVENTS
    folds = [fold for fold in table.folds.values() if fold.by == "pam_stay"]
    return frozenset(
        event for fold in folds for event in (fold.events or read) if event in read and event in MOVEMENT_EVENTS
    )


def _judge(staying: frozenset[str], message: Message) -> None:
    """The message can be attributed to a patient, and to a stay when it speaks of one."""
    assert isinstance(message, PamMessage)
    if message.person_is_shifted:
        raise Unreadable(Reason.NOT_A_RECORD, "PID")
    if message.patient_number is None:
        raise Unreadable(Reason.NOT_A_RECORD, "PID-3")
    if message.event in staying and message.stay_key is None:
        raise Unreadable(Reason.MISSING_KEY, "PV1-19")


def _asked(name: str) -> Callable[[Message], str | None]:
    def read(message: Message) -> str | None:
        value = getattr(message, name)
        return value or None

    return read


_VIRTUAL = {"@event": _asked("event"), "@ipp": _asked("patient_number"), "@stay_key": _asked("stay_key")}
