"""Lockers have compartments, and holds and bookings keep them."""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0030_compartments"
down_revision = "0029_street_paces"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # Nobody has said yet what known lockers hold: until then they are full.
    with op.batch_alter_table("collection_point") as table:
        table.add_column(sa.Column("kept_h", sa.Integer(), nullable=False, server_default="24"))
    with op.batch_alter_table("collection_point") as table:
        table.alter_column("kept_h", server_default=None)
    op.create_table(
        "locker_compartment",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("locker_id", _TEXT(), nullable=False),
        sa.Column("volume_ml", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["locker_id"], ["collection_point.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("locker_id", "volume_ml"),
    )
    op.create_table(
        "compartment_claim",
        sa.Column("hold_id", _TEXT(), nullable=False),
        sa.Column("locker_id", _TEXT(), nullable=False),
        sa.Column("compartment_id", _TEXT(), nullable=False),
        sa.Column("starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("emptied_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["compartment_id"], ["locker_compartment.id"]),
        sa.ForeignKeyConstraint(["hold_id"], ["slot_hold.id"]),
        sa.ForeignKeyConstraint(["locker_id"], ["collection_point.id"]),
        sa.PrimaryKeyConstraint("hold_id"),
    )
    op.create_index("claim_of_locker", "compartment_claim", ["locker_id", "ends_at"])


def downgrade() -> None:
    op.drop_index("claim_of_locker", table_name="compartment_claim")
    op.drop_table("compartment_claim")
    op.drop_table("locker_compartment")
    with op.batch_alter_table("collection_point") as table:
        table.drop_column("kept_h")
