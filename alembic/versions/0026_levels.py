"""Fees follow the level of a zone's day only in part"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0026_levels"
down_revision = "0025_skills"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "zone_day_cost",
        sa.Column("zone_id", _TEXT(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cost_minor", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["zone_id"], ["service_zone.id"]),
        sa.PrimaryKeyConstraint("zone_id", "day"),
    )
    with op.batch_alter_table("fee_rule") as table:
        table.add_column(sa.Column("level_pass_on_bp", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("fee_rule") as table:
        table.drop_column("level_pass_on_bp")
    op.drop_table("zone_day_cost")
