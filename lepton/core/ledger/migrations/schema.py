"""The ledger's tables as the code of today reads and writes them; what made them so is under `versions`."""

from __future__ import annotations

import sqlalchemy as sa

_metadata = sa.MetaData()

ROWS = sa.Table(
    "ledger",
    _metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("pair", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("prev_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
"""One row a decision; the database itself refuses to change or delete one."""

HEAD = sa.Table(
    "ledger_head",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
"""One row, moved with every append: number and hash of the newest row."""

VERSION = sa.Table("ledger_version", _metadata, sa.Column("version_num", sa.String(32), primary_key=True))
"""Alembic's record of the revision, under a name that no other user of Alembic in the same database has."""
