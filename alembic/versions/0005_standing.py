"""Standing slots"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0005_standing"
down_revision = "0005_flexible"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def _where(condition: str) -> dict[str, sa.TextClause]:
    """The condition of a partial index, on both engines."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


_ALIVE = _where("ended_at IS NULL")
_OPEN = _where("state IN ('BOOKED_AHEAD', 'MOVED')")


def upgrade() -> None:
    op.create_table(
        "standing_slot",
        sa.Column("storefront_id", _TEXT(), nullable=False),
        sa.Column("customer_id", _TEXT(), nullable=False),
        sa.Column("zone_id", _TEXT(), nullable=False),
        sa.Column("drop_preference_id", _TEXT(), nullable=False),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("ambient_ml", sa.Integer(), nullable=False),
        sa.Column("chilled_ml", sa.Integer(), nullable=False),
        sa.Column("frozen_ml", sa.Integer(), nullable=False),
        sa.Column("traits", sa.JSON(), nullable=False),
        sa.Column("basket_minor", sa.Integer(), nullable=False),
        sa.Column("currency", _TEXT(), nullable=False),
        sa.Column("address_label", _TEXT(), nullable=False),
        sa.Column("address_line2", _TEXT(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("rrule", _TEXT(), nullable=False),
        sa.Column("starts_local", _TEXT(), nullable=False),
        sa.Column("ends_local", _TEXT(), nullable=False),
        sa.Column("time_zone", _TEXT(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("next_day", sa.Date(), nullable=False),
        sa.Column("paused_from", sa.Date(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.Column("fee_rule_id", _TEXT(), nullable=False),
        sa.Column("fee_minor", sa.Integer(), nullable=False),
        sa.Column("fee_parts", sa.JSON(), nullable=False),
        sa.Column("fee_told_at", _INSTANT(), nullable=False),
        sa.Column("grams", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["drop_preference_id"],
            ["drop_preference.id"],
        ),
        sa.ForeignKeyConstraint(
            ["fee_rule_id"],
            ["fee_rule.id"],
        ),
        sa.ForeignKeyConstraint(
            ["storefront_id"],
            ["storefront.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("standing_slot") as batch_op:
        batch_op.create_index(
            "standing_due", ["storefront_id", "time_zone", "next_day"], unique=False, **_ALIVE
        )
        batch_op.create_index("standing_of_customer", ["customer_id", "id"], unique=False)

    op.create_table(
        "standing_fee_notice",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("standing_id", _TEXT(), nullable=False),
        sa.Column("told_at", _INSTANT(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("before_minor", sa.Integer(), nullable=False),
        sa.Column("after_minor", sa.Integer(), nullable=False),
        sa.Column("currency", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["standing_id"],
            ["standing_slot.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("standing_fee_notice") as batch_op:
        batch_op.create_index(batch_op.f("ix_standing_fee_notice_standing_id"), ["standing_id"], unique=False)

    op.create_table(
        "standing_slot_occurrence",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("standing_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "BOOKED_AHEAD",
                "MOVED",
                "CONFIRMED",
                "CANCELLED",
                "SKIPPED",
                "PAUSED",
                "MISSED",
                "RELEASED",
                name="occurrencestate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("slot_id", _TEXT(), nullable=True),
        sa.Column("hold_id", _TEXT(), nullable=True),
        sa.Column(
            "reason",
            sa.Enum(
                "FULL",
                "CUTOFF_PASSED",
                "LEAD_TIME",
                "HORIZON",
                "BLACKOUT",
                "OUT_OF_ZONE",
                "NODE_CAPACITY",
                "FLEET_CAPACITY",
                "HANDOVER_RULE",
                "MIN_ORDER_VALUE",
                "PROTECTED_QUOTA",
                name="slotclosedreason",
                native_enum=False,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("difference_minor", sa.Integer(), nullable=True),
        sa.Column("reminded_at", _INSTANT(), nullable=True),
        sa.Column("changed_at", _INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hold_id"],
            ["slot_hold.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["delivery_slot.id"],
        ),
        sa.ForeignKeyConstraint(
            ["standing_id"],
            ["standing_slot.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("standing_id", "day"),
    )
    with op.batch_alter_table("standing_slot_occurrence") as batch_op:
        batch_op.create_index(batch_op.f("ix_standing_slot_occurrence_hold_id"), ["hold_id"], unique=False)
        batch_op.create_index("occurrence_open", ["state"], unique=False, **_OPEN)

    with op.batch_alter_table("booking_policy") as batch_op:
        batch_op.add_column(
            sa.Column("standing_submit_min", sa.Integer(), nullable=False, server_default="1440")
        )
        batch_op.add_column(
            sa.Column("standing_remind_min", sa.Integer(), nullable=False, server_default="1440")
        )


def downgrade() -> None:
    with op.batch_alter_table("booking_policy") as batch_op:
        batch_op.drop_column("standing_remind_min")
        batch_op.drop_column("standing_submit_min")

    with op.batch_alter_table("standing_slot_occurrence") as batch_op:
        batch_op.drop_index("occurrence_open")
        batch_op.drop_index(batch_op.f("ix_standing_slot_occurrence_hold_id"))

    op.drop_table("standing_slot_occurrence")
    with op.batch_alter_table("standing_fee_notice") as batch_op:
        batch_op.drop_index(batch_op.f("ix_standing_fee_notice_standing_id"))

    op.drop_table("standing_fee_notice")
    with op.batch_alter_table("standing_slot") as batch_op:
        batch_op.drop_index("standing_of_customer")
        batch_op.drop_index("standing_due")

    op.drop_table("standing_slot")
