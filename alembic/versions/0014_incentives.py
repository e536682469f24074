"""What steering demand may cost, and who changed the prices"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0014_incentives"
down_revision = "0013_tour_sheet"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "incentive_budget",
        sa.Column("storefront_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("own_minor", sa.Integer(), nullable=True),
        sa.Column("spent_minor", sa.Integer(), nullable=False),
        sa.CheckConstraint("spent_minor >= 0", name="incentive_spent"),
        sa.ForeignKeyConstraint(["storefront_id"], ["storefront.id"]),
        sa.PrimaryKeyConstraint("storefront_id", "day"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "incentive_use",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("hold_id", _TEXT(), nullable=False),
        sa.Column("storefront_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("minor", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("returned_at", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["storefront_id"], ["storefront.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "incentive_one_per_hold",
        "incentive_use",
        ["hold_id"],
        unique=True,
        postgresql_where=sa.text("returned_at IS NULL"),
        sqlite_where=sa.text("returned_at IS NULL"),
    )
    op.create_index("ix_incentive_use_hold_id", "incentive_use", ["hold_id"])
    op.create_table(
        "price_change",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("storefront_id", _TEXT(), nullable=False),
        sa.Column("at", _INSTANT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column(
            "figure",
            sa.Enum(
                "FLOOR",
                "CEILING",
                "STEP",
                "GREEN_DISCOUNT",
                "DAILY_INCENTIVE_BUDGET",
                "INCENTIVE_BUDGET_OF_DAY",
                name="pricefigure",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("before_minor", sa.Integer(), nullable=True),
        sa.Column("after_minor", sa.Integer(), nullable=True),
        sa.Column("currency", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(["storefront_id"], ["storefront.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_price_change_storefront_id", "price_change", ["storefront_id"])
    op.add_column("fee_rule", sa.Column("incentive_day_minor", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("fee_rule") as batch:
        batch.drop_column("incentive_day_minor")
    op.drop_index("ix_price_change_storefront_id", table_name="price_change")
    op.drop_table("price_change")
    op.drop_index("ix_incentive_use_hold_id", table_name="incentive_use")
    op.drop_index(
        "incentive_one_per_hold",
        table_name="incentive_use",
        postgresql_where=sa.text("returned_at IS NULL"),
        sqlite_where=sa.text("returned_at IS NULL"),
    )
    op.drop_table("incentive_use")
    op.drop_table("incentive_budget")
