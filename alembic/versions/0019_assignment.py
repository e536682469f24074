"""Runs that assign bookings to pools, why each is where it is, and partner couriers"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0019_assignment"
down_revision = "0018_flat_past"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.add_column(
        "delivery_booking",
        sa.Column("partner_courier", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    with op.batch_alter_table("delivery_booking") as batch:
        batch.alter_column("partner_courier", server_default=None)
    figures = (
        "partner_minor",
        "partner_litre_minor",
        "partner_day_minor",
        "overtime_bp",
        "overtime_share_bp",
        "bucket_moved_minor",
        "node_moved_minor",
        "class_moved_minor",
        "early_moved_bp",
        "chilled_limit_min",
    )
    op.create_table(
        "assignment_figures",
        sa.Column("city_id", _TEXT(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in figures),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"]),
        sa.PrimaryKeyConstraint("city_id"),
    )
    op.create_table(
        "assignment_run",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "SOLVING", "PUBLISHED", "REFUSED", "FAILED", name="runstatus", native_enum=False, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "trigger",
            sa.Enum(
                "HOUR",
                "CUTOFF",
                "DISRUPTION",
                "OPERATOR",
                name="assignmenttrigger",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", _INSTANT(), nullable=False),
        sa.Column("finished_at", _INSTANT(), nullable=True),
        sa.Column("currency", _TEXT(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("objective_minor", sa.Integer(), nullable=True),
        sa.Column("bound_minor", sa.Integer(), nullable=True),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.Column("overtime_s", sa.Integer(), nullable=True),
        sa.Column("partner_couriers", sa.Integer(), nullable=True),
        sa.Column("moved", sa.Integer(), nullable=True),
        sa.Column("narrowed", sa.Integer(), nullable=True),
        sa.Column("solver_s", sa.Float(), nullable=True),
        sa.Column("disruption_id", _TEXT(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("problem", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("status", "day", "disruption_id"):
        op.create_index(f"ix_assignment_run_{name}", "assignment_run", [name])
    op.create_table(
        "booking_allocation",
        sa.Column("booking_id", _TEXT(), nullable=False),
        sa.Column("run_id", _TEXT(), nullable=False),
        sa.Column("at", _INSTANT(), nullable=False),
        sa.Column("pool_id", _TEXT(), nullable=True),
        sa.Column("partner_minor", sa.Integer(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["delivery_booking.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["assignment_run.id"]),
        sa.PrimaryKeyConstraint("booking_id"),
    )
    op.create_index("ix_booking_allocation_run_id", "booking_allocation", ["run_id"])
    op.create_table(
        "booking_move",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("booking_id", _TEXT(), nullable=False),
        sa.Column("at", _INSTANT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("run_id", _TEXT(), nullable=False),
        sa.Column("disruption_id", _TEXT(), nullable=True),
        sa.Column("before_pool_id", _TEXT(), nullable=True),
        sa.Column("after_pool_id", _TEXT(), nullable=True),
        sa.ForeignKeyConstraint(["booking_id"], ["delivery_booking.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["assignment_run.id"]),
        sa.ForeignKeyConstraint(["before_pool_id"], ["capacity_pool.id"]),
        sa.ForeignKeyConstraint(["after_pool_id"], ["capacity_pool.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("booking_id", "run_id", "disruption_id"):
        op.create_index(f"ix_booking_move_{name}", "booking_move", [name])


def downgrade() -> None:
    op.drop_table("booking_move")
    op.drop_table("booking_allocation")
    op.drop_table("assignment_run")
    op.drop_table("assignment_figures")
    with op.batch_alter_table("delivery_booking") as batch:
        batch.drop_column("partner_courier")
