"""Low-emission hours, reloads at centres, openings decided by the plan, and the chord bound"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0012_plan_rules"
down_revision = "0011_promotion_labels"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_FLAGS = (
    ("vehicle_class", "combustion"),
    ("vehicle_class", "reloads_at_centres"),
    ("zone_hour", "low_emission"),
    ("delivery_slot", "unopened"),
)


def upgrade() -> None:
    for table, column in _FLAGS:
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.false()))
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(column, server_default=None)
    with op.batch_alter_table("planning_figures") as batch_op:
        batch_op.add_column(sa.Column("shuttle_minor", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("opening", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("planning_figures") as batch_op:
        batch_op.alter_column("shuttle_minor", server_default=None)
        batch_op.alter_column("opening", server_default=None)
    # Electric is what says so; every other van burns fuel.
    op.execute("UPDATE vehicle_class SET combustion = (kind IN ('VAN', 'MOPED'))")
    for table in ("allocation_run", "day_plan"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("chord_bound_minor", sa.Integer(), nullable=True))
    with op.batch_alter_table("binding_limit") as batch_op:
        batch_op.add_column(sa.Column("zone_name", _TEXT(), nullable=True))
    op.create_table(
        "zone_opening",
        sa.Column("run_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone_id", _TEXT(), nullable=False),
        sa.Column("opened", sa.JSON(), nullable=False),
        sa.Column("unopened", sa.JSON(), nullable=False),
        sa.Column("short_orders", sa.Float(), nullable=False),
        sa.Column("short_windows", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["allocation_run.id"]),
        sa.ForeignKeyConstraint(["zone_id"], ["service_zone.id"]),
        sa.PrimaryKeyConstraint("run_id", "day", "zone_id"),
    )


def downgrade() -> None:
    op.drop_table("zone_opening")
    for table, column in (
        ("binding_limit", "zone_name"),
        ("day_plan", "chord_bound_minor"),
        ("allocation_run", "chord_bound_minor"),
        ("planning_figures", "opening"),
        ("planning_figures", "shuttle_minor"),
        *reversed(_FLAGS),
    ):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
