"""Tentative tours of each node and day"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0013_tour_sheet"
down_revision = "0012_plan_rules"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "tour_sheet",
        sa.Column("node_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stamp", _TEXT(), nullable=False),
        sa.Column("frame_stamp", _TEXT(), nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.Column("stops", sa.LargeBinary(), nullable=False),
        sa.Column("inserted", sa.Integer(), nullable=False),
        sa.Column("unplaced", sa.Integer(), nullable=False),
        sa.Column("run_id", _TEXT(), nullable=False),
        sa.Column("changed_at", _INSTANT(), nullable=False),
        sa.Column("improved_at", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["fulfilment_node.id"]),
        sa.PrimaryKeyConstraint("node_id", "day"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Stops are ids and places: nothing to compress, and compressing costs more than it saves.
        op.execute("ALTER TABLE tour_sheet ALTER COLUMN stops SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("tour_sheet")
