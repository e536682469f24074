"""The life of holds and bookings, and the waitlist"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


_OPEN = "status IN ('ACTIVE', 'CONFLICTED')"
_ACTIVE = "status = 'ACTIVE'"


def _hold_indexes(which: str) -> None:
    """The partial indexes of open holds, over the statuses that count as open."""
    op.drop_index("hold_one_per_cart", table_name="slot_hold")
    op.drop_index("hold_due", table_name="slot_hold")
    where = {"postgresql_where": sa.text(which), "sqlite_where": sa.text(which)}
    op.create_index("hold_one_per_cart", "slot_hold", ["customer_id", "cart_reference"], unique=True, **where)
    op.create_index("hold_due", "slot_hold", ["pool_id", "expires_at"], **where)


def upgrade() -> None:
    op.create_table(
        "waitlist_entry",
        sa.Column("storefront_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("customer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("drop_preference_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("ambient_ml", sa.Integer(), nullable=False),
        sa.Column("chilled_ml", sa.Integer(), nullable=False),
        sa.Column("frozen_ml", sa.Integer(), nullable=False),
        sa.Column("traits", sa.JSON(), nullable=False),
        sa.Column("basket_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address_label", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address_line2", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "WAITING",
                "OFFERED",
                "ACCEPTED",
                "DECLINED",
                "EXPIRED",
                "CANCELLED",
                name="waitliststatus",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("joined_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("hold_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["drop_preference_id"],
            ["drop_preference.id"],
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"],
            ["slot_hold.id"],
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
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_waitlist_entry_hold_id"), ["hold_id"], unique=False)
        batch_op.create_index("waitlist_order", ["status", "priority", "joined_at"], unique=False)

    op.create_table(
        "waitlist_window",
        sa.Column("entry_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("slot_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["waitlist_entry.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["delivery_slot.id"],
        ),
        sa.PrimaryKeyConstraint("entry_id", "slot_id"),
    )
    with op.batch_alter_table("waitlist_window", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_waitlist_window_slot_id"), ["slot_id"], unique=False)

    with op.batch_alter_table("booking_policy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("checkout_min", sa.Integer(), nullable=False, server_default="10"))
        batch_op.add_column(sa.Column("late_min", sa.Integer(), nullable=False, server_default="120"))
        batch_op.add_column(sa.Column("grace_min", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("move_limit", sa.Integer(), nullable=False, server_default="3"))
        batch_op.add_column(
            sa.Column(
                "late_cancellation",
                sa.Enum("REFUSED", "FEE", name="latecancellation", native_enum=False, length=40),
                nullable=False,
                server_default="REFUSED",
            )
        )
        batch_op.add_column(
            sa.Column("late_cancellation_minor", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("offer_min", sa.Integer(), nullable=False, server_default="30"))
        batch_op.add_column(sa.Column("offer_least_min", sa.Integer(), nullable=False, server_default="10"))

    with op.batch_alter_table("delivery_booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("moves", sa.Integer(), nullable=False, server_default="0"))

    with op.batch_alter_table("promise_change", schema=None) as batch_op:
        batch_op.add_column(sa.Column("before_fee_minor", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("after_fee_minor", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=True))

    with op.batch_alter_table("promotion_redemption", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lapsed", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("redeemed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("returned_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))

    with op.batch_alter_table("slot_hold", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "origin",
                sa.Enum("SHOPPER", "WAITLIST", name="holdorigin", native_enum=False, length=40),
                nullable=False,
                server_default="SHOPPER",
            )
        )
        batch_op.add_column(sa.Column("checkout_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "conflict",
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
            )
        )
        batch_op.add_column(sa.Column("wanted", sa.JSON(none_as_null=True), nullable=True))

    for table in ("slot_hold", "delivery_booking"):
        op.execute(f"UPDATE {table} SET changed_at = created_at")
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(
                "changed_at", nullable=False, existing_type=sqlmodel.sql.sqltypes.UTCDateTime()
            )
    # What was redeemed before has no instant of its own: that of the reservation is the nearest known.
    op.execute("UPDATE promotion_redemption SET redeemed_at = created_at WHERE state = 'REDEEMED'")
    op.execute("UPDATE promotion_redemption SET returned_at = created_at WHERE state = 'RETURNED'")
    _hold_indexes(_OPEN)


def downgrade() -> None:
    _hold_indexes(_ACTIVE)
    with op.batch_alter_table("slot_hold", schema=None) as batch_op:
        batch_op.drop_column("wanted")
        batch_op.drop_column("conflict")
        batch_op.drop_column("checkout_at")
        batch_op.drop_column("origin")
        batch_op.drop_column("changed_at")

    with op.batch_alter_table("promotion_redemption", schema=None) as batch_op:
        batch_op.drop_column("returned_at")
        batch_op.drop_column("redeemed_at")
        batch_op.drop_column("lapsed")

    with op.batch_alter_table("promise_change", schema=None) as batch_op:
        batch_op.drop_column("currency")
        batch_op.drop_column("after_fee_minor")
        batch_op.drop_column("before_fee_minor")

    with op.batch_alter_table("delivery_booking", schema=None) as batch_op:
        batch_op.drop_column("moves")
        batch_op.drop_column("changed_at")

    with op.batch_alter_table("booking_policy", schema=None) as batch_op:
        batch_op.drop_column("offer_least_min")
        batch_op.drop_column("offer_min")
        batch_op.drop_column("late_cancellation_minor")
        batch_op.drop_column("late_cancellation")
        batch_op.drop_column("move_limit")
        batch_op.drop_column("grace_min")
        batch_op.drop_column("late_min")
        batch_op.drop_column("checkout_min")

    with op.batch_alter_table("waitlist_window", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_waitlist_window_slot_id"))

    op.drop_table("waitlist_window")
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.drop_index("waitlist_order")
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_hold_id"))

    op.drop_table("waitlist_entry")
