"""What travels between stages. Nothing here reads, writes or decides."""

from dataclasses import dataclass
from enum import StrEnum

PARTITION_ROWS = 50_000


class Stage(StrEnum):
    """The stages a record or resource goes through, in order."""

    LAND = "land"
    CHECK = "check"
    MAP = "map"
    VALIDATE = "validate"
    LINK = "link"
    DELIVER = "deliver"
    REPORT = "report"


BATCH_STAGES = (Stage.LAND, Stage.CHECK, Stage.MAP, Stage.VALIDATE)


class State(StrEnum):
    """Where an item stands at one stage. It is in exactly one of these."""

    PASSED = "passed"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    DUPLICATE = "duplicate"
    OUT_OF_SCOPE = "out-of-scope"
    PENDING = "pending"


class Severity(StrEnum):
    """What a broken expectation or rule does."""

    STOP_RECORD = "stop-record"
    STOP_BATCH = "stop-batch"
    WARN = "warn"


class Reason(StrEnum):
    """Why an item is not passed, or what a finding notices. Each has a sentence in every locale."""

    # land
    UNDECODABLE_BYTES = "undecodable-bytes"
    WRONG_COLUMN_COUNT = "wrong-column-count"
    BROKEN_QUOTING = "broken-quoting"
    FORBIDDEN_CHARACTER = "forbidden-character"
    FIELD_TOO_LONG = "field-too-long"
    NOT_A_RECORD = "not-a-record"
    MISSING_KEY = "missing-key"
    BAD_ORDER = "bad-order"
    SAME_BYTES = "same-bytes"
    NOT_OUR_SCOPE = "not-our-scope"
    MISSING_COLUMN = "missing-column"
    COLUMN_TWICE = "column-twice"
    BYTE_ORDER_MARK = "byte-order-mark"
    WRONG_DELIMITER = "wrong-delimiter"
    EMPTY_FILE = "empty-file"
    INCOMPLETE_FILE = "incomplete-file"
    # check
    EXPECTATION = "expectation"
    BATCH_STOPPED = "batch-stopped"
    EXPECTATION_FAILED_TO_RUN = "expectation-failed-to-run"
    # map
    MISSING_VALUE = "missing-value"
    UNKNOWN_CODE = "unknown-code"
    NOT_A_DATE = "not-a-date"
    NOT_A_DATETIME = "not-a-datetime"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_AN_IDENTIFIER = "not-an-identifier"
    RULE_REFUSED = "rule-refused"
    AMBIGUOUS_TIME = "ambiguous-time"
    NO_SUCH_TIME = "no-such-time"
    CONFLICTING_VERSION = "conflicting-version"
    AMBIGUOUS_ORDER = "ambiguous-order"
    UNREAD_EVENT = "unread-event"
    WAITS_FOR_PARENT = "waits-for-parent"
    WAITS_FOR_MOVEMENT = "waits-for-movement"
    NOT_PRODUCTION = "not-production"
    MOVEMENT_DISORDER = "movement-disorder"
    MOVEMENT_SHIFTED = "movement-shifted"
    MOVEMENT_ACTION_IMPLIED = "movement-action-implied"
    FORBIDDEN_FIELD = "forbidden-field"
    INS_WITHOUT_VALIDATION = "ins-without-validation"
    NO_DISCHARGE_TIME = "no-discharge-time"
    DOUBTFUL_TIMES = "doubtful-times"
    STAY_KEY_FROM_FILE = "stay-key-from-file-number"
    CODE_MEANS_NOTHING = "code-means-nothing"
    OUTSIDE_VALIDITY = "outside-validity"
    # validate
    NOT_FHIR = "not-fhir"
    RULE_ACROSS = "rule-across"
    WAITS_FOR_TARGET = "waits-for-target"
    EXTENSIBLE_CODE = "extensible-code"
    # withheld
    ANONYMITY = "anonymity"
    OPPOSITION = "opposition"
    NO_GROUND = "no-ground"
    NOT_ALLOWED_PURPOSE = "not-allowed-purpose"
    JURISDICTION = "jurisdiction"
    # closed by a person
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RecordKey:
    """Where a record lies. Safe to log: it says where, never who."""

    batch: str
    row: int

    def __str__(self) -> str:
        return f"{self.batch}:{self.row}"


@dataclass(frozen=True, slots=True)
class Stop:
    """A record or resource that does not go on: at which stage, in which state, why, where in it."""

    row: int
    stage: Stage
    state: State
    reason: Reason
    place: str = ""
    pending_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noticed that does not stop a record. Counted, never holding a value."""

    stage: Stage
    reason: Reason
    place: str
    row: int | None = None
