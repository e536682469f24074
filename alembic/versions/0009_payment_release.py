"""Payments that go back, and goods that go back"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0009_payment_release"
down_revision = "0008_plan_answers"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "payment_release",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("storefront_id", _TEXT(), nullable=False),
        sa.Column("hold_id", _TEXT(), nullable=False),
        sa.Column("order_reference", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("fee_minor", sa.Integer(), nullable=False),
        sa.Column("currency", _TEXT(), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["storefront_id"], ["storefront.id"]),
        sa.ForeignKeyConstraint(["hold_id"], ["slot_hold.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hold_id", "order_reference", name="release_once"),
    )
    op.add_column(
        "delivery_booking", sa.Column("restock", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_payment_release_storefront_id", "payment_release", ["storefront_id"])


def downgrade() -> None:
    with op.batch_alter_table("delivery_booking") as table:
        table.drop_column("restock")
    op.drop_table("payment_release")
