"""`source.yaml`: who sends, on what ground, which tables, and what each column is."""

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from passerelle.contracts.model import Contract
from passerelle.contracts.suite import Expectation

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SystemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
ColumnType = Literal["string", "integer", "decimal", "boolean", "date", "datetime", "time"]
LegalKind = Literal[
    "hospital", "csapa", "caarud", "prison-health", "housing", "pharmacy", "residential-care", "liaison", "test"
]

OrganisationKind = Literal[
    LegalKind, "care-coordination", "authority", "prison-administration", "probation", "justice", "police"
]


CHARSETS = (
    "utf-8",
    "ascii",
    *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
    *(f"cp{page}" for page in (437, 850, 852, 858, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
)
"""Encodings of text in which a byte means one sign, or UTF-8: lines and delimiters are found in the bytes."""


def _charset(said: str) -> str:
    try:
        name = codecs.lookup(said).name
    except (LookupError, ValueError):
        name = ""
    if name not in CHARSETS:
        raise ValueError(f"`charset` wants one of {', '.join(CHARSETS)}, or another name of one of them")
    return name


Charset = Annotated[str, AfterValidator(_charset)]


class Column(Contract):
    """One column (or declared path) of a table, as the source writes it."""

    type: ColumnType = Field("string", description="What the text means; keys are built on its canonical text.")
    format: str | None = Field(
        None,
        description='strptime format of a date or datetime: "%d/%m/%Y" (default ISO 8601; hl7 = HL7 TS precision).',
    )
    true: tuple[str, ...] = Field((), description="Texts that mean true, for type boolean.")
    false: tuple[str, ...] = Field((), description="Texts that mean false, for type boolean.")
    path: str | None = Field(
        None, description="Where the value lies: PID-5.1 (HL7 v2), person.birth.date (JSON). Default: the name."
    )
    required: bool = Field(False, description="An empty value stops the record in check.")
    identity: bool = Field(False, description="Names, reaches or identifies a person: stays sealed.")
    says: str = Field("", description="What the column means, in one sentence.")
    unread: bool = Field(False, description="Known and left out of every mapping on purpose.")


class Dialect(Contract):
    """How a delimited text file is written."""

    charset: Charset = Field("utf-8", description="Name of the encoding, such as cp1252; decoding is strict.")
    delimiter: str = Field(";", min_length=1, max_length=1, description="Character between two cells.")
    quote: str = Field(
        '"', min_length=1, max_length=1, description="Character around a cell that holds a delimiter or a line end."
    )
    decimal: Literal[",", "."] = Field(".", description="Decimal mark of numbers.")
    byte_order_mark: Literal["refuse", "strip"] = Field(
        "refuse", description="What a mark at the start of the file does."
    )
    longest_field: int = Field(32_768, description="Characters; a longer field stops its record.")
    null: tuple[str, ...] = Field(("",), description="Texts that mean: no value.")


class Complete(Contract):
    """How we know that a dropped file is whole. Exactly one way."""

    marker: str | None = Field(None, description="Suffix of the marker file that follows a whole file: .ok")
    manifest: str | None = Field(None, description="File that lists names and SHA-256 of whole files.")
    stable_for: int | None = Field(None, description="Seconds without change of size and time.")

    @model_validator(mode="after")
    def _has_one_way(self) -> "Complete":
        if sum(way is not None for way in (self.marker, self.manifest, self.stable_for)) != 1:
            raise ValueError("give exactly one of marker, manifest, stable_for")
        return self


class Order(Contract):
    """What decides which of two versions of one key is the newer. Never the arrival."""

    column: str | None = Field(None, description="Cursor column of the row.")
    message: bool = Field(False, description="HL7 v2: EVN-2, then MSH-7, then MSH-13.")
    snapshot: bool = Field(False, description="The number or date in the name of the full export.")

    @model_validator(mode="after")
    def _has_one_origin(self) -> "Order":
        if (self.column is not None) + self.message + self.snapshot != 1:
            raise ValueError("give exactly one of column, message, snapshot")
        return self


class Parent(Contract):
    """A row of another table whose columns a mapping may read as `name.column`."""

    table: Name = Field(description="The parent's table in this source.")
    on: dict[str, str] = Field(description="Our column -> the parent's key column.")


class Repeat(Contract):
    """Something that occurs several times in one record: columns, child rows, HL7 or JSON repetitions."""

    columns: tuple[dict[str, str], ...] | None = Field(
        None, description="Numbered columns: one mapping field name -> column per occurrence."
    )
    table: Name | None = Field(None, description="Child table.")
    on: dict[str, str] = Field(default_factory=dict, description="Child column -> our key column.")
    order: tuple[str, ...] = Field((), description="Child columns that order the occurrences.")
    path: str | None = Field(None, description="HL7 segment or field (PID-3, ZBE), or JSON array path.")
    fields: dict[str, str] = Field(
        default_factory=dict, description="Field name -> place inside one occurrence (1, 4.2, code)."
    )
    repeats: dict[str, "Repeat"] = Field(default_factory=dict, description="One more level of repetition.")

    @model_validator(mode="after")
    def _has_one_origin(self) -> "Repeat":
        if sum(origin is not None for origin in (self.columns, self.table, self.path)) != 1:
            raise ValueError("give exactly one of columns, table, path")
        return self


class Fold(Contract):
    """A key under which messages tell one story, and the named way they are folded into one record."""

    key: tuple[str, ...] = Field(
        min_length=1, description="Columns whose values two messages share when they tell of the same thing."
    )
    by: Literal["latest", "pam_stay"] = Field(
        "latest",
        description="`latest`: the last message counts; `pam_stay`: the movements of a stay are played in order.",
    )
    events: tuple[str, ...] = Field((), description="Trigger events that take part; empty: all that are read.")


class Deleted(Contract):
    """How the source says that a row is gone: a tombstone is a version with an order."""

    column: str = Field(description="The column that says it.")
    values: tuple[str, ...] = Field(description="Texts that mean: gone.")


class Scope(Contract):
    """Which records are ours. What is outside is counted and dropped."""

    column: str = Field(description="The column that decides.")
    among: tuple[str, ...] = Field((), description="Values that are in scope.")
    units: bool = Field(False, description="In scope: the codes of this source's units.csv.")
    missing: Literal["in", "out"] = Field("in", description="What a record without value is.")


class Rest(Contract):
    """How a REST table is paged."""

    resource: str = Field(description="Path below the connection's host: v1/demandes.")
    since: str = Field("updated_since", description="Query parameter of the window's start.")
    limit: int = Field(200, description="Records asked for in one page.")
    items: str = Field("items", description="JSON path of the list in a page.")
    next: str = Field("next_cursor", description="JSON path of the next page's cursor.")


class Sql(Contract):
    """How a SQL table is paged: keyset on (cursor, key)."""

    table: str = Field(description="Table or view of the database.")
    key: tuple[str, ...] = Field(
        min_length=1, description="Columns that make a row unique, in the order they are paged by."
    )
    overlap_seconds: int = Field(3600, description="Read again this much before the last cursor: late commits.")


class Messages(Contract):
    """Which HL7 v2 events are read; others are quarantined as unread-event."""

    events: tuple[str, ...] = Field(min_length=1, description="Trigger events: A01, A02...")
    profile: Literal["pam_fr"] = Field("pam_fr", description="The profile that the messages follow.")
    charset: Charset = Field("utf-8", description="When MSH-18 is empty.")
    production: bool | None = Field(None, description="MSH-11 other than P is quarantined (default: by environment).")


class Limits(Contract):
    """Declared bounds of one batch; beyond them the whole batch stops. History only warns."""

    stopped_share: float = Field(0.2, ge=0, le=1, description="Largest share of stopped records.")
    least_records: int = Field(0, ge=0, description="Fewer records stop the batch.")
    most_records: int | None = Field(None, ge=1, description="More records stop the batch.")


class Suites(Contract):
    """Expectations on the source's columns."""

    use: tuple[str, ...] = Field((), description="Shared suites of validation/suites.")
    own: tuple[Expectation, ...] = Field((), description="Expectations of this table alone.")


class Table(Contract):
    """One table or message stream of a source."""

    says: str = Field("", description="What one record is.")
    format: Literal["delimited", "sql", "rest", "hl7v2"] = Field(description="How it is read.")
    files: str | None = Field(None, description="Glob below the connection's folder.")
    dialect: Dialect | None = Field(None, description="How a delimited file is written.")
    complete: Complete | None = Field(None, description="How we know that a file is whole.")
    rest: Rest | None = Field(None, description="How pages are asked for, for `format: rest`.")
    sql: Sql | None = Field(None, description="How pages are asked for, for `format: sql`.")
    messages: Messages | None = Field(None, description="Which messages are read, for `format: hl7v2`.")
    schedule: str | None = Field(None, description="Its own schedule, when it differs from the source's.")
    key: tuple[str, ...] = Field((), description="Columns that name a record; empty for messages.")
    order: Order = Field(description="What decides which version is the newer.")
    ties: Literal["greatest-bytes"] | None = Field(
        None,
        description="Of versions of equal order the greatest, by the hash of its bytes, is the newest; each is noticed "
        "as `ambiguous-order`.",
    )
    columns: dict[str, Column] = Field(
        description="Every column that is declared; a file may have more, which are not read."
    )
    repeats: dict[str, Repeat] = Field(
        default_factory=dict, description="Repetitions inside a record, by the name that `each` uses."
    )
    parents: dict[Name, Parent] = Field(
        default_factory=dict, description="Rows of other tables that mappings may read, by the name they use."
    )
    folds: dict[Name, Fold] = Field(
        default_factory=dict, description="Keys under which messages tell one story, by the name that mappings use."
    )
    deleted: Deleted | None = Field(None, description="How the source says that a row is gone.")
    scope: Scope | None = Field(None, description="Which records are ours; the others are counted and dropped.")
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}), description="Bounds of one batch.")
    expectations: Suites = Field(
        default_factory=lambda: Suites.model_validate({}), description="What must hold before anything is mapped."
    )


class Legal(Contract):
    """What the source is before the law, and on what ground it sends."""

    kind: LegalKind = Field(description="Legal kind, as in validation/gate.yaml.")
    ground: str = Field(description="The text that allows it to send.")
    anonymous: bool = Field(False, description="CSP L3411-9: no identity, no cross-door key, ever.")
    care: bool = Field(True, description="Its professionals take part in care (CSP R1110-2).")


class Organisation(Contract):
    """The source's own establishment."""

    name: str = Field(description="Name of the establishment.")
    finess: str = Field(description="FINESS number, nine characters, in quotes.")
    category: str = Field("", description="Establishment category, ANS table R66 (197 CSAPA, 178 CAARUD...).")
    region: str = Field("", description="INSEE region code.")


class IdentifierSystem(Contract):
    """A system of local numbers of this source."""

    system: str = Field(description="URI that goes into FHIR.")
    says: str = Field("", description="What the number counts, and what it is not.")


class Coverage(Contract):
    """Whom the source would know of, where, and since when. Decides between missed and not observable."""

    whom: str = Field(description="Which people, in words.")
    where: tuple[str, ...] = Field(description="INSEE department codes, or names of places of the directory.")
    since: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description='First day covered, in quotes: "2024-01-01".')
    fresh_within_days: int = Field(
        0, ge=0, description="For how many days after its last record a silence still says that nothing happened."
    )


class Source(Contract):
    """One key space: an establishment or a register."""

    source: Name = Field(description="The name of the folder, and of the key space.")
    says: str = Field(description="What the source is, in a sentence or two.")
    owner: str = Field(description="Who answers when a record is stopped.")
    jurisdiction: Literal["fr", "be"] = Field(
        description="Whose law: `fr` or `be`. An instance runs the sources of one."
    )
    environment: Literal["test", "production"] = Field(
        description="Whether it holds real people. A production source is refused the published demo key."
    )
    legal: Legal = Field(description="What it is before the law.")
    organisation: Organisation = Field(description="The establishment that sends.")
    connection: str = Field(description="A name; never an address.")
    schedule: str = Field(description="Five fields of cron, in the source's time zone.")
    time_zone: str = Field("Europe/Paris", description="In which its times without offset are meant.")
    extends: tuple[Name, ...] = Field((), description="Standards whose tables and mappings are taken over.")
    identifiers: dict[SystemName, IdentifierSystem] = Field(
        default_factory=dict, description="Systems of local numbers, by the name that mappings use."
    )
    coverage: tuple[Coverage, ...] = Field(
        (), description="Whom it would know of. Without it nothing is ever missed here, only not observable."
    )
    tables: dict[Name, Table] = Field(default_factory=dict, description="Own tables, and changes to inherited ones.")
