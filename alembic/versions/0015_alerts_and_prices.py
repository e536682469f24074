"""What operators must know of, and how prices followed the bookings"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0015_alerts_and_prices"
down_revision = "0014_incentives"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "operator_alert",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "PLAN_FAILED",
                "PLAN_REFUSED",
                "PLAN_STALE",
                "ZONE_UNREACHABLE",
                "FORECAST_FAILED",
                "PRICES_STALE",
                name="alertkind",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("cause", _TEXT(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raised_at", _INSTANT(), nullable=False),
        sa.Column("last_at", _INSTANT(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("mailed_at", _INSTANT(), nullable=True),
        sa.Column("acknowledged_at", _INSTANT(), nullable=True),
        sa.Column("acknowledged_by", _TEXT(), nullable=True),
        sa.Column("cleared_at", _INSTANT(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "alert_one_per_cause",
        "operator_alert",
        ["cause"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
        sqlite_where=sa.text("cleared_at IS NULL"),
    )
    op.create_index("ix_operator_alert_raised_at", "operator_alert", ["raised_at"])
    op.create_table(
        "price_refresh",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("run_id", _TEXT(), nullable=False),
        sa.Column("at", _INSTANT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("pools", sa.Integer(), nullable=False),
        sa.Column("solver_s", sa.Float(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["allocation_run.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_price_refresh_run_id", "price_refresh", ["run_id"])
    op.create_table(
        "worth_change",
        sa.Column("refresh_id", _TEXT(), nullable=False),
        sa.Column("pool_id", _TEXT(), nullable=False),
        sa.Column("before_micro", sa.Integer(), nullable=False),
        sa.Column("after_micro", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["pool_id"], ["capacity_pool.id"]),
        sa.ForeignKeyConstraint(["refresh_id"], ["price_refresh.id"]),
        sa.PrimaryKeyConstraint("refresh_id", "pool_id"),
    )


def downgrade() -> None:
    op.drop_table("worth_change")
    op.drop_index("ix_price_refresh_run_id", table_name="price_refresh")
    op.drop_table("price_refresh")
    op.drop_index("ix_operator_alert_raised_at", table_name="operator_alert")
    op.drop_index(
        "alert_one_per_cause",
        table_name="operator_alert",
        postgresql_where=sa.text("cleared_at IS NULL"),
        sqlite_where=sa.text("cleared_at IS NULL"),
    )
    op.drop_table("operator_alert")
