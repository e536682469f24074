"""Tours that are driven, their stops, how they were found and what they teach the plan"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0016_tours"
down_revision = "0015_alerts_and_prices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "travel_law",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fitted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("kappa", sa.Float(), nullable=False),
        sa.Column("stem", sa.Float(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("mean_error", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tour_run",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "SOLVING",
                "PUBLISHED",
                "REFUSED",
                "FAILED",
                name="tourrunstatus",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("trigger", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("started_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("finished_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("streets", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("drops", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("distance_m", sa.Integer(), nullable=False),
        sa.Column("overtime_s", sa.Integer(), nullable=False),
        sa.Column("cost_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("solver_s", sa.Float(), nullable=False),
        sa.Column("iterations", sa.Integer(), nullable=False),
        sa.Column("area_m2", sa.Integer(), nullable=False),
        sa.Column("away_m", sa.Integer(), nullable=False),
        sa.Column("windows", sa.Float(), nullable=False),
        sa.Column("problem", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tour_run_of_day", "tour_run", ["day", "node_id"], unique=False)
    op.create_table(
        "work_scale",
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vehicle_class_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scale_bp", sa.Integer(), nullable=False),
        sa.Column("drops", sa.Integer(), nullable=False),
        sa.Column("overtime_s", sa.Integer(), nullable=False),
        sa.Column("fitted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["vehicle_class_id"],
            ["vehicle_class.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("zone_id", "vehicle_class_id"),
    )
    op.create_table(
        "routed_work",
        sa.Column("run_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("zone_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vehicle_class_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("drops", sa.Integer(), nullable=False),
        sa.Column("planned_s", sa.Integer(), nullable=False),
        sa.Column("routed_s", sa.Integer(), nullable=False),
        sa.Column("overtime_s", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["tour_run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_class_id"],
            ["vehicle_class.id"],
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"],
            ["service_zone.id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "zone_id", "vehicle_class_id"),
    )
    op.create_index("ix_routed_work_day", "routed_work", ["day"], unique=False)
    op.create_table(
        "tour",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("run_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("vehicle_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vehicle_class_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("shift_starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("shift_ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("leaves_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("returns_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("overtime_s", sa.Integer(), nullable=False),
        sa.Column("distance_m", sa.Integer(), nullable=False),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("streets", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("breaks", sa.JSON(), nullable=False),
        sa.Column("load_orders", sa.Integer(), nullable=False),
        sa.Column("load_volume_ml", sa.Integer(), nullable=False),
        sa.Column("load_weight_g", sa.Integer(), nullable=False),
        sa.Column("load_chilled_ml", sa.Integer(), nullable=False),
        sa.Column("load_frozen_ml", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["fulfilment_node.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["tour_run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_class_id"],
            ["vehicle_class.id"],
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_id"],
            ["vehicle.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tour_run_id", "tour", ["run_id"], unique=False)
    op.create_index("tour_of_day", "tour", ["day", "node_id"], unique=False)
    op.create_table(
        "stop",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("tour_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booking_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("slot_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("trip", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("arrives_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("leaves_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["delivery_booking.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["delivery_slot.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tour_id"],
            ["tour.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("booking_id"),
    )
    op.create_index("ix_stop_tour_id", "stop", ["tour_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_stop_tour_id", table_name="stop")
    op.drop_table("stop")
    op.drop_index("tour_of_day", table_name="tour")
    op.drop_index("ix_tour_run_id", table_name="tour")
    op.drop_table("tour")
    op.drop_index("ix_routed_work_day", table_name="routed_work")
    op.drop_table("routed_work")
    op.drop_table("work_scale")
    op.drop_index("tour_run_of_day", table_name="tour_run")
    op.drop_table("tour_run")
    op.drop_table("travel_law")
