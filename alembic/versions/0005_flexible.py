"""Flexible holds and bookings: several windows for a lower fee"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0005_flexible"
down_revision = "0004_capacity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flexible_choice",
        sa.Column("hold_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("slot_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hold_id"],
            ["slot_hold.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["delivery_slot.id"],
        ),
        sa.PrimaryKeyConstraint("hold_id", "slot_id"),
    )
    op.create_table(
        "flexible_slot_booking",
        sa.Column("booking_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("narrow_by", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("narrowed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["delivery_booking.id"],
        ),
        sa.PrimaryKeyConstraint("booking_id"),
    )
    with op.batch_alter_table("fee_rule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("flexible_minor", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("flexible_most_minor", sa.Integer(), nullable=False, server_default="0")
        )


def downgrade() -> None:
    with op.batch_alter_table("fee_rule", schema=None) as batch_op:
        batch_op.drop_column("flexible_most_minor")
        batch_op.drop_column("flexible_minor")

    op.drop_table("flexible_slot_booking")
    op.drop_table("flexible_choice")
