"""Delivery passes"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0007_delivery_passes"
down_revision = "0006_kept_parts"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "delivery_pass",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("storefront_id", _TEXT(), nullable=False),
        sa.Column("customer_id", _TEXT(), nullable=False),
        sa.Column("label", _TEXT(), nullable=False),
        sa.Column("valid_from", _INSTANT(), nullable=False),
        sa.Column("valid_until", _INSTANT(), nullable=False),
        sa.Column("currency", _TEXT(), nullable=False),
        sa.Column("covers_minor", sa.Integer(), nullable=False),
        sa.Column("min_basket_minor", sa.Integer(), nullable=False),
        sa.Column(
            "windows",
            sa.Enum("ALL", "OFF_PEAK", name="passwindows", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("max_deliveries", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.Column("ended_by", _TEXT(), nullable=True),
        sa.CheckConstraint(
            "used >= 0 AND (max_deliveries IS NULL OR used <= max_deliveries)", name="pass_deliveries"
        ),
        sa.ForeignKeyConstraint(["storefront_id"], ["storefront.id"]),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_delivery_pass_customer_id", "delivery_pass", ["customer_id"])
    op.create_table(
        "pass_use",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("pass_id", _TEXT(), nullable=False),
        sa.Column("hold_id", _TEXT(), nullable=False),
        sa.Column("booking_id", _TEXT(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("RESERVED", "REDEEMED", "RETURNED", name="redemptionstate", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("covered_minor", sa.Integer(), nullable=False),
        sa.Column("reserved_until", _INSTANT(), nullable=False),
        sa.Column("lapsed", sa.Boolean(), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("redeemed_at", _INSTANT(), nullable=True),
        sa.Column("returned_at", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["pass_id"], ["delivery_pass.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("pass_id", "hold_id"):
        op.create_index(f"ix_pass_use_{name}", "pass_use", [name])
    op.create_index(
        "pass_one_per_hold",
        "pass_use",
        ["hold_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'RETURNED'"),
        sqlite_where=sa.text("state <> 'RETURNED'"),
    )


def downgrade() -> None:
    op.drop_table("pass_use")
    op.drop_table("delivery_pass")
