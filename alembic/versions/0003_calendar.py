"""The calendar: scoped cut-offs, picking waves, timetables, holidays, blackouts, and their history"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0003_calendar"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "calendar_change",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "TEMPLATE",
                "EXCEPTION",
                "TIMETABLE",
                "HOLIDAY",
                "CUTOFF",
                "PICK_WAVE",
                "LEAD_TIME",
                "HORIZON",
                "BLACKOUT",
                name="rulekind",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("calendar_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calendar_change_key"), ["key"], unique=False)

    op.create_table(
        "booking_horizon",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("storefront_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("customer_group", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["storefront_id"],
            ["storefront.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("booking_horizon", schema=None) as batch_op:
        batch_op.create_index("horizon_of_group", ["storefront_id", "customer_group"], unique=False)

    op.create_table(
        "holiday_rule",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("region", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "pick_wave",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("starts_from", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("starts_until", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("weekdays", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("pick_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("pick_days_before", sa.Integer(), nullable=False),
        sa.Column("capacity_orders", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "timetable",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rrule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "pick_load",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("wave_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cap_orders", sa.Integer(), nullable=False),
        sa.Column("sell_orders", sa.Integer(), nullable=False),
        sa.Column("held_orders", sa.Integer(), nullable=False),
        sa.Column("booked_orders", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "held_orders >= 0 AND booked_orders >= 0 AND held_orders + booked_orders <= cap_orders",
            name="pick_load_orders",
        ),
        sa.ForeignKeyConstraint(
            ["wave_id"],
            ["pick_wave.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("wave_id", "day"),
        postgresql_with={"fillfactor": 50},
    )
    with op.batch_alter_table("pick_load", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pick_load_day"), ["day"], unique=False)

    op.create_table(
        "blackout",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("template_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["slot_template.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("blackout", schema=None) as batch_op:
        batch_op.create_index("blackout_span", ["ends_at", "starts_at"], unique=False)

    op.create_table(
        "lead_time",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("least_min", sa.Integer(), nullable=False),
        sa.Column("template_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["slot_template.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "slot_exception",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("removed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("template_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_local", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("ends_local", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["slot_template.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "slot_cutoff",
        sa.Column("slot_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("cutoff_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("closed", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["delivery_slot.id"],
        ),
        sa.PrimaryKeyConstraint("slot_id", "node_id"),
    )
    _refer("capacity_pool", "pick_load_id", "pick_load.id")
    with op.batch_alter_table("capacity_pool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_capacity_pool_pick_load_id"), ["pick_load_id"], unique=False)
    op.add_column("customer", sa.Column("customer_group", _TEXT(), nullable=True))
    for name, kind in (("removed_at", _INSTANT), ("weekdays", _TEXT), ("template_id", _TEXT)):
        op.add_column("cutoff_rule", sa.Column(name, kind(), nullable=True))
    for name, other in (
        ("zone_id", "service_zone.id"),
        ("node_id", "fulfilment_node.id"),
        ("wave_id", "pick_wave.id"),
    ):
        _refer("cutoff_rule", name, other)
    op.add_column("delivery_slot", sa.Column("withdrawn_at", _INSTANT(), nullable=True))
    op.add_column("slot_template", sa.Column("removed_at", _INSTANT(), nullable=True))
    _refer("slot_template", "timetable_id", "timetable.id")
    op.add_column("slot_hold", sa.Column("cutoff_at", _INSTANT(), nullable=True))
    # What was held before there were cut-offs by node was promised that of its slot.
    op.execute(
        "UPDATE slot_hold SET cutoff_at ="
        " (SELECT cutoff_at FROM delivery_slot WHERE delivery_slot.id = slot_hold.slot_id)"
    )
    with op.batch_alter_table("slot_hold", schema=None) as batch_op:
        batch_op.alter_column("cutoff_at", existing_type=_INSTANT(), nullable=False)


def _refer(table: str, name: str, other: str) -> None:
    """Add a nullable reference in place, on SQLite too."""
    column = sa.Column(name, _TEXT(), sa.ForeignKey(other), nullable=True)
    op.add_column(table, column, inline_references=True)


def downgrade() -> None:
    op.drop_column("slot_hold", "cutoff_at")
    op.drop_column("delivery_slot", "withdrawn_at")
    for table, names in (
        ("slot_template", ("timetable_id", "removed_at")),
        ("cutoff_rule", ("wave_id", "node_id", "zone_id", "template_id", "weekdays", "removed_at")),
        ("customer", ("customer_group",)),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in names:
                batch_op.drop_column(name)
    with op.batch_alter_table("capacity_pool", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_capacity_pool_pick_load_id"))
        batch_op.drop_column("pick_load_id")
    op.drop_table("slot_cutoff")
    op.drop_table("slot_exception")
    op.drop_table("lead_time")
    with op.batch_alter_table("blackout", schema=None) as batch_op:
        batch_op.drop_index("blackout_span")

    op.drop_table("blackout")
    with op.batch_alter_table("pick_load", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pick_load_day"))

    op.drop_table("pick_load")
    op.drop_table("timetable")
    op.drop_table("pick_wave")
    op.drop_table("holiday_rule")
    with op.batch_alter_table("booking_horizon", schema=None) as batch_op:
        batch_op.drop_index("horizon_of_group")

    op.drop_table("booking_horizon")
    with op.batch_alter_table("calendar_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_calendar_change_key"))

    op.drop_table("calendar_change")
