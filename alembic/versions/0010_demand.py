"""What was ordered day by day, and what is forecast of it"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0010_demand"
down_revision = "0009_payment_release"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "demand_forecast",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("made_at", _INSTANT(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("model", _TEXT(), nullable=False),
        sa.Column("history_days", sa.Integer(), nullable=False),
        sa.Column("history_weight", sa.Float(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("spread", sa.Float(), nullable=False),
        sa.Column("week_growth", sa.Float(), nullable=False),
        sa.Column("holiday_factor", sa.Float(), nullable=False),
        sa.Column("unseen_orders", sa.Float(), nullable=False),
        sa.Column("outliers", sa.JSON(), nullable=False),
        sa.Column("weekday_bp", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_demand_forecast_made_at", "demand_forecast", ["made_at"])
    op.create_table(
        "observed_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("holiday", _TEXT(), nullable=True),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("observed_at", _INSTANT(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "forecast_day",
        sa.Column("forecast_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("orders", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["forecast_id"], ["demand_forecast.id"]),
        sa.PrimaryKeyConstraint("forecast_id", "day"),
    )
    op.create_table(
        "forecast_window",
        sa.Column("forecast_id", _TEXT(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("WORKDAY", "SATURDAY", "SUNDAY", name="daykind", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("window_key", _TEXT(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["forecast_id"], ["demand_forecast.id"]),
        sa.PrimaryKeyConstraint("forecast_id", "kind", "window_key"),
    )
    op.create_table(
        "forecast_zone",
        sa.Column("forecast_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone_id", _TEXT(), nullable=False),
        sa.Column("orders", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["forecast_id"], ["demand_forecast.id"]),
        sa.ForeignKeyConstraint(["zone_id"], ["service_zone.id"]),
        sa.PrimaryKeyConstraint("forecast_id", "day", "zone_id"),
    )
    op.create_table(
        "observed_demand",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone_id", _TEXT(), nullable=False),
        sa.Column("window_key", _TEXT(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("sold_out", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["zone_id"], ["service_zone.id"]),
        sa.PrimaryKeyConstraint("day", "zone_id", "window_key"),
    )


def downgrade() -> None:
    op.drop_table("observed_demand")
    op.drop_table("forecast_zone")
    op.drop_table("forecast_window")
    op.drop_table("forecast_day")
    op.drop_table("observed_day")
    op.drop_index("ix_demand_forecast_made_at", table_name="demand_forecast")
    op.drop_table("demand_forecast")
