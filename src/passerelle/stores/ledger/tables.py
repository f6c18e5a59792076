"""The tables of the ledger. Instants are UTC microseconds, text keys compare bytewise on every database."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that sorts and compares by bytes: PostgreSQL's own collations change with its libraries."""
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit number that SQLite can count up by itself."""
Hash16 = sa.LargeBinary(16)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, Bytewise, nullable=nullable, server_default=default)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=nullable)


def _number(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=nullable, server_default=default)


def _batch(*, primary: bool = False, nullable: bool = False) -> sa.Column[int]:
    return sa.Column("batch_id", Number, sa.ForeignKey("batches.id"), primary_key=primary, nullable=nullable)


names = sa.Table(
    "names",
    metadata,
    sa.Column("kind", Bytewise, primary_key=True),
    sa.Column("text", Bytewise, primary_key=True),
    sa.Column("number", sa.SmallInteger, nullable=False),
    sa.UniqueConstraint("kind", "number"),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", Bytewise, primary_key=True),
    _number("value"),
)

windows = sa.Table(
    "windows",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _text("source"),
    _text("tbl"),
    _text("state"),
    _text("bounds"),
    sa.Column("sealed", sa.LargeBinary, nullable=True),
    _number("batch_id", nullable=True),  # no foreign key: windows and batches name each other
    _instant("opened_at"),
    _instant("closed_at", nullable=True),
    sa.Index("ix_windows_source_tbl_state", "source", "tbl", "state"),
)

watermarks = sa.Table(
    "watermarks",
    metadata,
    sa.Column("source", Bytewise, primary_key=True),
    sa.Column("tbl", Bytewise, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    _number("window_id", nullable=True),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("name", Bytewise, nullable=False, unique=True),
    _text("source"),
    _text("tbl"),
    _number("seq"),
    sa.Column("window_id", Number, sa.ForeignKey("windows.id"), nullable=True),
    _text("state"),
    _number("records"),
    _number("partitions"),
    _text("contract_digest"),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    _number("generation"),
    _text("note", default=""),
    _instant("opened_at"),
    _instant("published_at", nullable=True),
    sa.UniqueConstraint("source", "tbl", "seq"),
    sa.Index("ix_batches_source_state", "source", "state"),
)

parts = sa.Table(
    "parts",
    metadata,
    _batch(primary=True),
    sa.Column("stage", Bytewise, primary_key=True),
    sa.Column("generation", Number, primary_key=True),
    sa.Column("part", Number, primary_key=True),
    _number("fence"),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _batch(),
    _text("stage"),
    _text("kind"),
    _number("part"),
    _number("generation"),  # the first that lists the file
    _number("until_generation", nullable=True),  # the first that no longer does
    _number("position"),
    sa.Column("name", Bytewise, nullable=False, unique=True),
    _number("rows"),
    _number("bytes"),
    _text("sha256"),
    _text("contract_digest"),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=True),
    sa.Index("ix_files_batch_id_kind", "batch_id", "kind"),
)

items = sa.Table(
    "items",
    metadata,
    _batch(primary=True),
    sa.Column("stage", Bytewise, primary_key=True),
    sa.Column("row", Number, primary_key=True),
    _text("state"),
    _text("reason"),
    _text("place", default=""),
    _number("units"),
    sa.Column("pending_key", Hash16, nullable=True),
    _instant("opened_at"),
    _text("closed_by", nullable=True),
    _text("detail", nullable=True),
    sa.Index("ix_items_pending_key", "pending_key"),
    sa.Index("ix_items_state", "state", "stage"),
    sqlite_with_rowid=False,
)

tallies = sa.Table(
    "tallies",
    metadata,
    _batch(primary=True),
    sa.Column("stage", Bytewise, primary_key=True),
    sa.Column("state", Bytewise, primary_key=True),
    _number("count"),
)

fan_outs = sa.Table("fan_outs", metadata, _batch(primary=True), _number("count"))

findings = sa.Table(
    "findings",
    metadata,
    _batch(primary=True),
    sa.Column("stage", Bytewise, primary_key=True),
    sa.Column("reason", Bytewise, primary_key=True),
    sa.Column("place", Bytewise, primary_key=True),
    _number("count"),
)

uses = sa.Table(
    "uses",
    metadata,
    _batch(primary=True),
    sa.Column("kind", Bytewise, primary_key=True),
    _text("told"),
)

key_index = sa.Table(
    "key_index",
    metadata,
    sa.Column("source_id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("role", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("fold", Hash16, primary_key=True),
    sa.Column("ord", Bytewise, primary_key=True),
    sa.Column("batch_id", Number, primary_key=True, autoincrement=False),
    sa.Column("row", Number, primary_key=True, autoincrement=False),
    sa.Column("digest", Hash16, nullable=False),
    sqlite_with_rowid=False,
)

contracts = sa.Table(
    "contracts",
    metadata,
    sa.Column("digest", Bytewise, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    _instant("kept_at"),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", Bytewise, primary_key=True),
    _text("holder"),
    _number("fence"),
    _instant("expires_at"),
)

run_log = sa.Table(
    "run_log",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _instant("at"),
    _text("event"),
    _text("source", nullable=True),
    _number("batch_id", nullable=True),
    _text("detail", default=""),
    sa.Index("ix_run_log_at", "at"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", Number, primary_key=True, autoincrement=False),
    _instant("at"),
    _text("actor"),
    _text("action"),
    _text("object"),
    _text("detail"),
    sa.Column("previous", sa.LargeBinary(32), nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    _number("seq"),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
)

cuts = sa.Table(
    "cuts",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("name", Bytewise, nullable=False, unique=True),
    _instant("created_at"),
)

cut_members = sa.Table(
    "cut_members",
    metadata,
    sa.Column("cut_id", Number, sa.ForeignKey("cuts.id"), primary_key=True),
    _batch(primary=True),
    _number("generation"),
)

cut_tallies = sa.Table(
    "cut_tallies",
    metadata,
    sa.Column("cut_id", Number, sa.ForeignKey("cuts.id"), primary_key=True),
    sa.Column("stage", Bytewise, primary_key=True),
    sa.Column("scope", Bytewise, primary_key=True),
    sa.Column("state", Bytewise, primary_key=True),
    _number("count"),
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("kind", Bytewise, primary_key=True),
    sa.Column("left_id", Hash16, primary_key=True),
    sa.Column("right_id", Hash16, primary_key=True),
    _text("state"),
    _text("evidence"),
    sa.Column("cut_id", Number, sa.ForeignKey("cuts.id"), nullable=False),
    sa.Index("ix_links_right_id", "right_id"),
    sqlite_with_rowid=False,
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _text("kind"),
    sa.Column("left_id", Hash16, nullable=False),
    sa.Column("right_id", Hash16, nullable=False),
    _text("verdict"),
    _text("decided_by"),
    _instant("decided_at"),
    _text("because", default=""),
    sa.Index("ix_decisions_kind_left_id_right_id", "kind", "left_id", "right_id"),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _text("source"),
    sa.Column("subject_id", Hash16, nullable=False),
    _text("kind"),
    _text("type"),
    _text("grantee", nullable=True),
    _text("purposes"),
    _text("classes"),
    _text("collected_on", nullable=True),
    _text("how", nullable=True),
    _text("from_day", nullable=True),
    _text("to_day", nullable=True),
    _text("withdrawn_on", nullable=True),
    _batch(),
    _number("row"),
    sa.Index("ix_consents_source_subject_id", "source", "subject_id"),
)

care_team_members = sa.Table(
    "care_team_members",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _text("source"),
    sa.Column("subject_id", Hash16, nullable=False),
    _text("organisation"),
    _text("basis", nullable=True),
    _text("from_day", nullable=True),
    _text("to_day", nullable=True),
    _batch(),
    _number("row"),
    sa.Index("ix_care_team_members_source_subject_id", "source", "subject_id"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Number, primary_key=True),
    _text("target"),
    sa.Column("resource_id", Hash16, nullable=False),
    _text("type"),
    _text("action"),
    sa.Column("digest", Hash16, nullable=False),
    _text("state"),
    _text("reason", default=""),
    sa.Column("cut_id", Number, sa.ForeignKey("cuts.id"), nullable=False),
    _number("attempts"),
    _instant("due_at"),
    sa.UniqueConstraint("target", "resource_id", "cut_id"),
    sa.Index("ix_outbox_target_state_due_at", "target", "state", "due_at"),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("target", Bytewise, primary_key=True),
    sa.Column("resource_id", Hash16, primary_key=True),
    _text("type"),
    sa.Column("digest", Hash16, nullable=False),
    _text("state"),
    _text("version", nullable=True),
    _instant("at"),
    sa.Column("cut_id", Number, sa.ForeignKey("cuts.id"), nullable=False),
    sqlite_with_rowid=False,
)
