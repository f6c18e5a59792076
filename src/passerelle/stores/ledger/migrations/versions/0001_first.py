"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out here, not imported: a released step never changes when the tables do.
BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """The tables of the first release are there."""
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("actor", BYTEWISE, nullable=False),
        sa.Column("action", BYTEWISE, nullable=False),
        sa.Column("object", BYTEWISE, nullable=False),
        sa.Column("detail", BYTEWISE, nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "contracts",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_contracts"),
    )
    op.create_table(
        "counters",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("value", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "cuts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cuts"),
        sa.UniqueConstraint("name", name="uq_cuts_name"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("left_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("right_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("verdict", BYTEWISE, nullable=False),
        sa.Column("decided_by", BYTEWISE, nullable=False),
        sa.Column("decided_at", NUMBER, nullable=False),
        sa.Column("because", BYTEWISE, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_kind_left_id_right_id", "decisions", ["kind", "left_id", "right_id"], unique=False)
    op.create_table(
        "key_index",
        sa.Column("source_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("role", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("fold", sa.LargeBinary(length=16), nullable=False),
        sa.Column("ord", BYTEWISE, nullable=False),
        sa.Column("batch_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("row", NUMBER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "role", "fold", "ord", "batch_id", "row", name="pk_key_index"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("holder", BYTEWISE, nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "names",
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("text", BYTEWISE, nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "text", name="pk_names"),
        sa.UniqueConstraint("kind", "number", name="uq_names_kind_number"),
    )
    op.create_table(
        "run_log",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("event", BYTEWISE, nullable=False),
        sa.Column("source", BYTEWISE, nullable=True),
        sa.Column("batch_id", NUMBER, nullable=True),
        sa.Column("detail", BYTEWISE, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run_log"),
    )
    op.create_index("ix_run_log_at", "run_log", ["at"], unique=False)
    op.create_table(
        "watermarks",
        sa.Column("source", BYTEWISE, nullable=False),
        sa.Column("tbl", BYTEWISE, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("window_id", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("source", "tbl", name="pk_watermarks"),
    )
    op.create_table(
        "windows",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", BYTEWISE, nullable=False),
        sa.Column("tbl", BYTEWISE, nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("bounds", BYTEWISE, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("batch_id", NUMBER, nullable=True),
        sa.Column("opened_at", NUMBER, nullable=False),
        sa.Column("closed_at", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_windows"),
    )
    op.create_index("ix_windows_source_tbl_state", "windows", ["source", "tbl", "state"], unique=False)
    op.create_table(
        "batches",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("source", BYTEWISE, nullable=False),
        sa.Column("tbl", BYTEWISE, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("window_id", NUMBER, nullable=True),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("records", NUMBER, nullable=False),
        sa.Column("partitions", NUMBER, nullable=False),
        sa.Column("contract_digest", BYTEWISE, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("note", BYTEWISE, server_default="", nullable=False),
        sa.Column("opened_at", NUMBER, nullable=False),
        sa.Column("published_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["window_id"], ["windows.id"], name="fk_batches_window_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("name", name="uq_batches_name"),
        sa.UniqueConstraint("source", "tbl", "seq", name="uq_batches_source_tbl_seq"),
    )
    op.create_index("ix_batches_source_state", "batches", ["source", "state"], unique=False)
    op.create_table(
        "cut_tallies",
        sa.Column("cut_id", NUMBER, nullable=False),
        sa.Column("stage", BYTEWISE, nullable=False),
        sa.Column("scope", BYTEWISE, nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["cut_id"], ["cuts.id"], name="fk_cut_tallies_cut_id"),
        sa.PrimaryKeyConstraint("cut_id", "stage", "scope", "state", name="pk_cut_tallies"),
    )
    op.create_table(
        "links",
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("left_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("right_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("evidence", BYTEWISE, nullable=False),
        sa.Column("cut_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["cut_id"], ["cuts.id"], name="fk_links_cut_id"),
        sa.PrimaryKeyConstraint("kind", "left_id", "right_id", name="pk_links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_links_right_id", "links", ["right_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("target", BYTEWISE, nullable=False),
        sa.Column("resource_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("type", BYTEWISE, nullable=False),
        sa.Column("action", BYTEWISE, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("reason", BYTEWISE, server_default="", nullable=False),
        sa.Column("cut_id", NUMBER, nullable=False),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("due_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["cut_id"], ["cuts.id"], name="fk_outbox_cut_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("target", "resource_id", "cut_id", name="uq_outbox_target_resource_id_cut_id"),
    )
    op.create_index("ix_outbox_target_state_due_at", "outbox", ["target", "state", "due_at"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("target", BYTEWISE, nullable=False),
        sa.Column("resource_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("type", BYTEWISE, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("version", BYTEWISE, nullable=True),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("cut_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["cut_id"], ["cuts.id"], name="fk_receipts_cut_id"),
        sa.PrimaryKeyConstraint("target", "resource_id", name="pk_receipts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "care_team_members",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", BYTEWISE, nullable=False),
        sa.Column("subject_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation", BYTEWISE, nullable=False),
        sa.Column("basis", BYTEWISE, nullable=True),
        sa.Column("from_day", BYTEWISE, nullable=True),
        sa.Column("to_day", BYTEWISE, nullable=True),
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("row", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_care_team_members_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_care_team_members"),
    )
    op.create_index(
        "ix_care_team_members_source_subject_id", "care_team_members", ["source", "subject_id"], unique=False
    )
    op.create_table(
        "consents",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", BYTEWISE, nullable=False),
        sa.Column("subject_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("type", BYTEWISE, nullable=False),
        sa.Column("grantee", BYTEWISE, nullable=True),
        sa.Column("purposes", BYTEWISE, nullable=False),
        sa.Column("classes", BYTEWISE, nullable=False),
        sa.Column("collected_on", BYTEWISE, nullable=True),
        sa.Column("how", BYTEWISE, nullable=True),
        sa.Column("from_day", BYTEWISE, nullable=True),
        sa.Column("to_day", BYTEWISE, nullable=True),
        sa.Column("withdrawn_on", BYTEWISE, nullable=True),
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("row", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_consents_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    op.create_index("ix_consents_source_subject_id", "consents", ["source", "subject_id"], unique=False)
    op.create_table(
        "cut_members",
        sa.Column("cut_id", NUMBER, nullable=False),
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_cut_members_batch_id"),
        sa.ForeignKeyConstraint(["cut_id"], ["cuts.id"], name="fk_cut_members_cut_id"),
        sa.PrimaryKeyConstraint("cut_id", "batch_id", name="pk_cut_members"),
    )
    op.create_table(
        "fan_outs",
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_fan_outs_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_fan_outs"),
    )
    op.create_table(
        "files",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("stage", BYTEWISE, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("part", NUMBER, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("until_generation", NUMBER, nullable=True),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("rows", NUMBER, nullable=False),
        sa.Column("bytes", NUMBER, nullable=False),
        sa.Column("sha256", BYTEWISE, nullable=False),
        sa.Column("contract_digest", BYTEWISE, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_files_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.UniqueConstraint("name", name="uq_files_name"),
    )
    op.create_index("ix_files_batch_id_kind", "files", ["batch_id", "kind"], unique=False)
    op.create_table(
        "findings",
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("stage", BYTEWISE, nullable=False),
        sa.Column("reason", BYTEWISE, nullable=False),
        sa.Column("place", BYTEWISE, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_findings_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "stage", "reason", "place", name="pk_findings"),
    )
    op.create_table(
        "items",
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("stage", BYTEWISE, nullable=False),
        sa.Column("row", NUMBER, nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("reason", BYTEWISE, nullable=False),
        sa.Column("place", BYTEWISE, server_default="", nullable=False),
        sa.Column("units", NUMBER, nullable=False),
        sa.Column("pending_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("opened_at", NUMBER, nullable=False),
        sa.Column("closed_by", BYTEWISE, nullable=True),
        sa.Column("detail", BYTEWISE, nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_items_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "stage", "row", name="pk_items"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_items_pending_key", "items", ["pending_key"], unique=False)
    op.create_index("ix_items_state", "items", ["state", "stage"], unique=False)
    op.create_table(
        "parts",
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("stage", BYTEWISE, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("part", NUMBER, nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_parts_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "stage", "generation", "part", name="pk_parts"),
    )
    op.create_table(
        "tallies",
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("stage", BYTEWISE, nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_tallies_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "stage", "state", name="pk_tallies"),
    )
    op.create_table(
        "uses",
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("told", BYTEWISE, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_uses_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "kind", name="pk_uses"),
    )
