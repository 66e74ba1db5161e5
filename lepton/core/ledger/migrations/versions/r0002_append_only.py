"""Append-only at the database: a row that is written is neither changed nor deleted; and the indexes audits want.

Whoever owns the database can take the triggers away again. They stop a mistake and make a forgery deliberate; the chain
of hashes is what finds it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SQLITE = (
    """CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: a row is never changed'); END""",
    """CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: a row is never deleted'); END""",
    # INSERT OR REPLACE deletes the old row without asking the triggers for deletion.
    """CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq)
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: this row is written already'); END""",
    """CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
       BEGIN SELECT RAISE(ABORT, 'the record of the newest row is never deleted'); END""",
)

POSTGRES = (
    """CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME; END $$""",
    """CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
       FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()""",
    """CREATE TRIGGER ledger_head_append_only BEFORE DELETE OR TRUNCATE ON ledger_head
       FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()""",
    # Also in sessions that replay changes, where ordinary triggers are silent.
    "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_append_only",
    "ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER ledger_head_append_only",
)


def upgrade() -> None:
    """Add the triggers and the indexes; no row is touched."""
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.get_bind().execute(sa.text(statement))  # which doubles the % that a driver would take for a placeholder
    op.create_index("ix_ledger_pair_action", "ledger", ["pair", "action", "seq"])
    op.create_index("ix_ledger_action", "ledger", ["action", "seq"])
